"""Smooth functions with local optima: Hartmann's, learned epoch by epoch.

Source: Hartmann functions, Dixon and Szego 1978; several fidelities by lowered weights:
Kandasamy et al., Multi-fidelity Bayesian Optimisation with Continuous Approximations,
ICML 2017, appendix.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from benchmarks.search.problems.base import CurveProblem, Floats, NoTraining, learned, values_of
from searchspaces import Config, JointSpace
from searchspaces.inline import inline_space

WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
SCALES = {
    3: np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]]),
    6: np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    ),
}
CENTRES = {
    3: 1e-4
    * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
    6: 1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
}
BEST = {
    3: (0.114614, 0.555649, 0.852547),
    4: (0.187395, 0.194152, 0.557918, 0.264779),
    6: (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573),
}
"""Near the optima; polished when they are asked for."""


def hills(x: Floats) -> Floats:
    """The heights of the four hills at a point, shape (4,); four dimensions are of the six."""
    d = len(x)
    table = 3 if d == 3 else 6
    distance = SCALES[table][:, :d] * (x - CENTRES[table][:, :d]) ** 2
    heights: Floats = np.exp(-distance.sum(axis=1))
    return heights


class Hartmann(CurveProblem):
    """Base of the problems on the unit cube."""

    dimensions: ClassVar[int]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(f"x{index}" for index in range(self.dimensions))

    def make_space(self) -> JointSpace:
        """The unit cube."""
        cube = {name: {"kind": "float", "low": 0.0, "high": 1.0} for name in self.names}
        return JointSpace(inline_space(cube), NoTraining())

    @cached_property
    def optimum(self) -> float:
        """Found from the known place of the greatest hill."""
        from scipy.optimize import minimize

        start = np.array(BEST[self.dimensions])
        found = minimize(lambda x: -WEIGHTS @ hills(x), start, bounds=[(0, 1)] * self.dimensions)
        return float(found.fun)

    def seconds(self, config: Config) -> float:
        """Between 5 and 20 seconds, by a parameter that the loss depends on too."""
        return float(5 * 4 ** config["x1"])


class Fidelity(Hartmann):
    """Short trainings see the hills at other heights, so that another one looks the best."""

    noise = 0.02
    bias: ClassVar[Floats] = np.array([-0.6, 0.3, 0.5, 1.2])
    """How much lower each hill is before the first epoch."""

    def curve(self, config: Config) -> Floats:
        """All hills rise together, and the bias fades."""
        heights = hills(values_of(config, self.names))
        done = learned(4.0, self.max_epochs)
        weights = (
            WEIGHTS - self.bias * (1 - np.arange(1, self.max_epochs + 1) / self.max_epochs)[:, None]
        )
        return -done * (weights @ heights)


class Hartmann3(Fidelity):
    """Three dimensions."""

    name = "hartmann3"
    use = "tuning"
    about = "multi-fidelity Hartmann, 3 parameters, little noise"
    dimensions = 3


class Hartmann6(Fidelity):
    """Six dimensions."""

    name = "hartmann6"
    use = "release"
    about = "multi-fidelity Hartmann, 6 parameters, little noise"
    dimensions = 6


class Crossing(Hartmann):
    """How fast a config learns has nothing to do with how far, and every loss is noisy."""

    name = "crossing"
    use = "tuning"
    about = "Hartmann 6 whose curves cross and are noisy"
    dimensions = 6
    noise = 0.1

    def curve(self, config: Config) -> Floats:
        """From 1 to the Hartmann value, at a pace of its own."""
        x = values_of(config, self.names)
        end = -WEIGHTS @ hills(x)
        pace = np.sin(2 * np.pi * (x @ np.array([0.5, -0.4, 0.3, 0.6, -0.5, 0.2])))
        return 1.0 + (end - 1.0) * learned(float(np.exp(1.0 + 1.3 * pace)), self.max_epochs)


class Slow(Hartmann):
    """The better a config is in the end, the slower it learns."""

    name = "slow"
    use = "tuning"
    about = "Hartmann 4 whose good configs learn slowly"
    dimensions = 4
    noise = 0.02

    def curve(self, config: Config) -> Floats:
        """From 1 to the Hartmann value; after an epoch the best are among the worst."""
        end = -WEIGHTS @ hills(values_of(config, self.names))
        rate = 1.0 + 10.0 * (1.0 - end / self.optimum) ** 3
        return 1.0 + (end - 1.0) * learned(float(rate), self.max_epochs)


PROBLEMS = (Hartmann3, Hartmann6, Crossing, Slow)
