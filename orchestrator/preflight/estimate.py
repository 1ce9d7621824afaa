"""What an epoch takes on average over a space, from a few configs that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.preflight.corners import spread
from searchspaces import JointSpace, Value

POINTS = 1_000
"""Over which the average is taken."""
RIDGE = 0.03
"""Keeps parameters that hardly varied from taking part."""
BEYOND = 1.5
"""No estimate is more than this times the longest time that was measured."""


def mean_seconds(
    measured: Sequence[tuple[Mapping[str, Value], float]], space: JointSpace
) -> float | None:
    """The mean over the space of a model that is fitted to a few measured configs.

    Costs multiply (layers times width times steps), so their logarithm is taken to be linear
    in the coordinates of the unit cube, where sizes usually lie on a logarithmic scale. The
    corners give such a model its ends; the mean of a few configs inside alone depends on
    which they are: for a GRU's space it was 0.4 of the true mean with 3 and 0.8 with 9, and
    the model's 1.0 and 0.8.

    Args:
        measured: configs and the seconds of an epoch with each.
        space: of the configs.

    Returns:
        None if nothing was measured.
    """
    if not measured:
        return None
    cube = space.cube()
    times = np.log([max(seconds, 1e-9) for _, seconds in measured])
    known = _coordinates([cube.to_unit(config) for config, _ in measured])
    centre = known.mean(axis=0)
    near = known - centre
    slopes = np.linalg.solve(
        near.T @ near + RIDGE * np.eye(cube.dimensions), near.T @ (times - times.mean())
    )
    points = [cube.to_unit(cube.from_unit(one)) for one in spread(cube.dimensions, POINTS)]
    modelled = np.exp(times.mean() + (_coordinates(points) - centre) @ slopes)
    return float(np.minimum(modelled, BEYOND * np.exp(times.max())).mean())


def _coordinates(points: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Points as rows; a parameter that is inactive counts as in the middle."""
    rows = np.array(points, dtype=np.float64)
    return np.where(np.isnan(rows), 0.5, rows)
