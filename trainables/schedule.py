"""The learning rate from batch to batch: constant, falling, cut, or up and down in one cycle."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchspaces.errors import ConfigurationError
from trainables.optimizer import Setting

START = 25.0
"""``one-cycle`` starts at the highest rate divided by this ..."""
END = 1e4
"""... and ends at the first one divided by that."""
THRESHOLD = 1e-4
"""Share of the best loss by which a loss must be below it to be an improvement."""


class Schedule(ABC):
    """A learning rate per batch.

    Most are a function of the batch's number alone, so that a trial that goes on needs no
    state; one that looks at losses (:class:`Plateau`) has some.
    """

    @abstractmethod
    def at(self, batch: int) -> float:
        """The rate of a batch, counted from 0 over all epochs of the trial."""

    def observe(self, loss: float) -> None:  # noqa: B027  # most do not look
        """Take an epoch's validation loss into account."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as JSON knows it."""
        return {}

    def load(self, state: Mapping[str, Any], *, same_rate: bool) -> None:  # noqa: B027  # most have none
        """Go on from a state.

        Args:
            state: what :meth:`state` gave.
            same_rate: it belongs to a config of the same learning rate; a clone explores others.

        Raises:
            KeyError: it has no such thing.
        """


@dataclass(frozen=True)
class Constant(Schedule):
    """One rate for all batches."""

    rate: float

    def at(self, batch: int) -> float:  # noqa: ARG002  # it does not matter
        """The rate."""
        return self.rate


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a wave of a cosine, from the first rate to a floor; torch's ``CosineAnnealingLR``.

    Args:
        rate: of the first batch.
        batches: of the whole trial; what comes after them keeps the floor.
        floor: the rate in the end, as a share of ``rate``.

    Source: Loshchilov & Hutter, SGDR, ICLR 2017, equation 5, without restarts.
    """

    rate: float
    batches: int
    floor: float = 0.0

    def at(self, batch: int) -> float:
        """The rate of a batch, counted from 0."""
        return _between(self.rate, self.rate * self.floor, batch / self.batches)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the highest rate and down to nearly nothing; torch's ``OneCycleLR``.

    Momentum stays as it is (``cycle_momentum=False`` in torch).

    Args:
        rate: the highest.
        batches: of the whole trial; what comes after them keeps the last rate.
        warmup: share of the batches in which it rises.

    Source: Smith & Topin, Super-convergence (2017), section 3.
    """

    rate: float
    batches: int
    warmup: float = 0.3

    def at(self, batch: int) -> float:
        """The rate of a batch, counted from 0."""
        first, last = self.rate / START, self.rate / START / END
        top, end = max(self.warmup * self.batches - 1, 0.0), self.batches - 1
        if batch <= top and top > 0:
            return _between(first, self.rate, batch / top)
        return _between(self.rate, last, (batch - top) / (end - top) if end > top else batch - top)


def _between(start: float, end: float, done: float) -> float:
    """From ``start`` at 0 to ``end`` at 1 along a cosine."""
    return end + (start - end) * (1.0 + math.cos(math.pi * min(done, 1.0))) / 2.0


@dataclass
class Plateau(Schedule):
    """Cut the rate after more than ``patience`` epochs without improvement.

    An improvement is a loss below ``(1 - THRESHOLD)`` of the best. It is torch's
    ``ReduceLROnPlateau`` without an optimizer to hold on to (a test compares the two):
    creating torch's imports its compiler, 1.8 s and 67 MB in every worker.

    Attributes:
        rate: the learning rate of the next epoch.
        factor: what a cut multiplies it by.
        patience: epochs without improvement that are waited for.
        best: the least loss so far.
        waited: epochs since that loss, or since the last cut.
    """

    rate: float
    factor: float = 0.5
    patience: int = 3
    best: float = math.inf
    waited: int = 0

    def at(self, batch: int) -> float:  # noqa: ARG002  # it changes between epochs only
        """The rate of the next epoch's batches."""
        return self.rate

    def observe(self, loss: float) -> None:
        """Take an epoch's validation loss into account."""
        if loss < self.best * (1.0 - THRESHOLD):
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.waited = 0
            # torch leaves a rate alone once a cut would change it by less than 1e-8.
            if self.rate * (1.0 - self.factor) > 1e-8:
                self.rate *= self.factor

    def state(self) -> dict[str, Any]:
        """Rate, waited and best; None where no loss was finite yet."""
        best = self.best if math.isfinite(self.best) else None
        return {"rate": self.rate, "waited": self.waited, "best": best}

    def load(self, state: Mapping[str, Any], *, same_rate: bool) -> None:
        """Go on from a state; its rate is taken over with ``same_rate``."""
        if same_rate:
            self.rate = float(state["rate"])
        self.waited = int(state["waited"])
        if state["best"] is not None:
            self.best = float(state["best"])


def schedule_of(setting: Setting, *, per_epoch: int, epochs: int | None) -> Schedule:
    """The schedule that a config asks for.

    Args:
        setting: a field of :class:`searchspaces.training.Training`, by name.
        per_epoch: batches in an epoch.
        epochs: of a trial that is never stopped, if that is known.

    Raises:
        ConfigurationError: the schedule needs to know how many epochs there are.
    """
    kind, rate = setting("schedule"), setting("learning_rate")
    if kind == "plateau":
        return Plateau(rate, setting("plateau_factor"), setting("plateau_patience"))
    if kind == "none":
        return Constant(rate)
    if epochs is None:
        raise ConfigurationError(
            f"{kind} needs to know for how many epochs a trial runs. Give epochs=, or choose "
            f"plateau or none.",
            place="schedule",
        )
    if kind == "cosine":
        return Cosine(rate, per_epoch * epochs, setting("cosine_floor"))
    return OneCycle(rate, per_epoch * epochs, setting("warmup"))
