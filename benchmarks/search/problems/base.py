"""What a problem of the benchmark is: a space, learning curves and what is best."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from searchspaces import Config, JointSpace, SearchSpace

Floats = NDArray[np.float64]
Use = Literal["tuning", "release"]

UNSEEN = 1_000_000
"""Training seeds from here on are shown to no searcher."""


class NoTraining(SearchSpace):
    """Nothing about the training is apart from the space."""


class Problem(ABC):
    """A config's validation loss at each epoch, for a training seed; losses are minimised.

    Attributes:
        name: what it is called on the command line.
        use: ``tuning``: searchers may be tuned on it; ``release``: kept for the figure.
        max_epochs: of a full training.
        about: one line for the report.
        optimum: the least loss any config has after any epoch, without noise.
    """

    name: ClassVar[str]
    use: ClassVar[Use]
    about: ClassVar[str]
    max_epochs: ClassVar[int] = 27
    version: ClassVar[int] = 1
    """One more whenever its losses change; earlier results are then run again."""
    exact: ClassVar[bool] = True
    """The optimum is known; otherwise it is the best that a long search found."""

    @property
    @abstractmethod
    def optimum(self) -> float:
        """The least loss without noise."""

    def optimum_of(self, seed: int) -> float:
        """The least value that a run with that seed can be judged to have found."""
        return self.optimum

    def missing(self) -> str:
        """Why it cannot be used here, in a line; empty if it can."""
        return ""

    @cached_property
    def space(self) -> JointSpace:
        """Where configs come from."""
        return self.make_space()

    @abstractmethod
    def make_space(self) -> JointSpace:
        """Build the space, once."""

    @abstractmethod
    def train(self, config: Config, seed: int) -> Iterator[float]:
        """Validation losses, epoch after epoch; each is computed when it is asked for."""

    @abstractmethod
    def seconds(self, config: Config) -> float:
        """What an epoch takes, in simulated seconds."""

    def value(self, config: Config, epoch: int, seed: int) -> float:
        """What a training with a seed that no searcher saw gives at an epoch.

        Args:
            config: what is trained.
            epoch: counted from 1.
            seed: of the run that is judged.
        """
        known = self._unseen.get((config, seed))
        if known is None:
            if len(self._unseen) > 500:
                self._unseen.clear()
            known = self._unseen[config, seed] = ([], self.train(config, UNSEEN + seed))
        losses, training = known
        losses.extend(next(training) for _ in range(epoch - len(losses)))
        return losses[epoch - 1]

    @cached_property
    def _unseen(self) -> dict[tuple[Config, int], tuple[list[float], Iterator[float]]]:
        """Trainings by unseen seeds, so that none is run twice."""
        return {}

    @cached_property
    def mean_seconds(self) -> float:
        """Seconds per epoch of an average config."""
        rng = np.random.default_rng(0)
        return float(np.mean([self.seconds(self.space.sample(rng)) for _ in range(256)]))

    def first(self, count: int, seed: int) -> list[Config]:
        """The configs that every method begins with, drawn from the space."""
        rng = np.random.default_rng([seed, 0xF125])
        return [self.space.sample(rng) for _ in range(count)]


class CurveProblem(Problem):
    """A problem whose curves have a formula: a curve without noise, and independent noise."""

    noise: ClassVar[float] = 0.0
    """Standard deviation of each epoch's loss."""

    @abstractmethod
    def curve(self, config: Config) -> Floats:
        """Losses without noise, shape (max_epochs,)."""

    def train(self, config: Config, seed: int) -> Iterator[float]:
        """The curve and the seed's noise."""
        losses = self.curve(config)
        if self.noise:
            stream = np.random.default_rng([seed, fingerprint(config)])
            losses = losses + stream.normal(0.0, self.noise, self.max_epochs)
        yield from losses.tolist()

    def value(self, config: Config, epoch: int, seed: int) -> float:
        """The loss without noise: what unseen seeds give on average."""
        return float(self.curve(config)[epoch - 1])


def fingerprint(config: Config) -> int:
    """A number that is the same for equal configs, in every process."""
    return zlib.crc32(repr(sorted(config.items())).encode())


def learned(rate: float | Floats, epochs: int) -> Floats:
    """The share of a config's learning that is done after each epoch; 1 after the last.

    Args:
        rate: how fast it learns; 1 is nearly a straight line, 10 is done after a third.
        epochs: of a full training.
    """
    time = np.arange(1, epochs + 1) / epochs
    done: Floats = (1 - np.exp(-rate * time)) / (1 - np.exp(-rate))
    return done


def values_of(config: Config, names: tuple[str, ...]) -> Any:
    """The named values, an array of shape (d,)."""
    return np.array([config[name] for name in names], dtype=np.float64)
