"""A trial that is worse than half of those before it stops."""

from __future__ import annotations

import math
from bisect import insort
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, PrivateAttr

from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.decisions import Continue, Decision, Place, Rung, Start, Stop
from searchspaces.dominance import CEILING
from searchspaces.errors import ConfigurationError


@dataclass(slots=True)
class _Run:
    """A running trial.

    Attributes:
        epochs: told so far.
        total: of their losses.
        kept: of them, how many keep the limits.
        kept_total: of the losses of those.
        means: as of :attr:`mean`, at each judgement it came to.
    """

    epochs: int = 0
    total: float = 0.0
    kept: int = 0
    kept_total: float = 0.0
    means: list[float] = field(default_factory=list)

    def add(self, loss: float) -> None:
        """Take in the loss of the next epoch."""
        self.epochs += 1
        self.total += loss
        if loss <= CEILING or math.isinf(loss):
            self.kept += 1
            self.kept_total += loss

    @property
    def mean(self) -> float:
        """Loss per epoch, of those that keep the limits; of all where none does."""
        return self.kept_total / self.kept if self.kept else self.total / self.epochs


class Median(Scheduler):
    """The median stopping rule.

    A trial stops at epoch ``e`` if its least loss up to ``e`` is strictly worse than the
    median, over the trials that are over and came to ``e``, of their mean loss over the
    epochs 1 to ``e``. Over are those that ran to the end, were done by themselves, or were
    stopped by this rule; those that failed, and those that a person stopped, do not count.
    The median of an even number is the mean of the two in the middle. Trials are judged at
    ``min_epochs`` and every ``every`` epochs from there, once ``min_trials`` count. Nothing
    pauses, so no checkpoint is needed to go on.

    An infinite least loss stops its trial when it is judged. Epochs that break a limit on
    outcomes are left out of a mean, but where all of a trial do: one of them would outweigh all
    others, and next to such a mean no trial is worse.

    Memory: of each trial that counts, a mean for each epoch at which trials are judged.

    Raises:
        ConfigurationError: ``min_epochs > max_epochs``.

    Source: Golovin et al., Google Vizier, KDD 2017, section 3.2.1, which judges at every
    step, from the first, and says nothing of how many trials must count.
    """

    kind: Literal["median"] = "median"
    min_epochs: int | None = Field(default=None, ge=1)
    """No trial is stopped before this epoch; None is ``max_epochs // 6``, at least 1."""
    min_trials: int = Field(default=5, ge=1)
    """No trial is stopped before so many count."""
    every: int | None = Field(default=None, ge=1)
    """Epochs from one judgement to the next; None is ``max_epochs // 6``, at least 1."""

    _trials: int = PrivateAttr(default=0)
    _levels: tuple[int, ...] = PrivateAttr(default=())
    _means: list[list[float]] = PrivateAttr(default_factory=list)
    _running: dict[int, _Run] = PrivateAttr(default_factory=dict)
    _places: dict[int, int] = PrivateAttr(default_factory=dict)
    _rungs: tuple[Place, ...] = PrivateAttr(default=())

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Plan one bracket."""
        super().begin(trials=trials, max_epochs=max_epochs)
        first = self.min_epochs or max(1, max_epochs // 6)
        every = self.every or max(1, max_epochs // 6)
        if first > max_epochs:
            raise ConfigurationError(
                f"{first} is above the {max_epochs} epochs of the sweep. "
                f"Give at most {max_epochs}.",
                place="scheduler.min_epochs",
            )
        self._trials = trials
        self._levels = (*range(first, max_epochs, every), max_epochs)
        self._means = [[] for _ in self._levels]
        self._running, self._places = {}, {}
        self._rungs = tuple(Place(bracket=0, rung=rung) for rung in range(len(self._levels)))

    def propose(self) -> Start | None:
        """A Start while trials are left."""
        if len(self._places) < self._trials:
            return Start(bracket=0, until=self._levels[0])
        return None

    def started(self, number: int) -> None:
        """Give the trial the first epoch of judgement."""
        if number in self._places or len(self._places) == self._trials:
            raise unexpected(number, "started")
        self._places[number] = 0
        self._running[number] = _Run()

    def measured(self, number: int, epoch: int, loss: float) -> None:
        """Take the epoch's loss into the trial's mean."""
        run = self._running.get(number)
        if run is None or epoch != run.epochs + 1:
            raise unexpected(number, f"measured at epoch {epoch}")
        run.add(loss)
        if epoch == self._levels[len(run.means)]:
            run.means.append(run.mean)

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """Continue to the next judgement, or Stop."""
        run = self._running.get(number)
        rung = self._places.get(number, 0)
        if run is None or epoch != self._levels[rung] or len(run.means) != rung + 1:
            raise unexpected(number, f"reported at epoch {epoch}")
        if rung + 1 < len(self._levels) and not self._worse(loss, self._means[rung]):
            self._places[number] = rung + 1
            return Continue(until=self._levels[rung + 1])
        self.done(number)
        return Stop()

    def _worse(self, loss: float, means: list[float]) -> bool:
        """Strictly worse than the median, of means in ascending order."""
        if not math.isfinite(loss):
            return True
        count = len(means)
        if count < self.min_trials:
            return False
        return loss > (means[(count - 1) // 2] + means[count // 2]) / 2

    def ended(self, number: int) -> None:
        """Forget the trial; others are not compared with it."""
        if self._running.pop(number, None) is None:
            raise unexpected(number, "ended")

    def done(self, number: int) -> None:
        """The trial counts, at the epochs it came to."""
        run = self._running.get(number)
        self.ended(number)
        for means, mean in zip(self._means, run.means if run else (), strict=False):
            insort(means, mean)

    def place(self, number: int) -> Place:
        """Bracket 0, and the judgement the trial heads for."""
        return self._rungs[self._places[number]]

    def plan(self) -> list[list[Rung]]:
        """As if half of those that can be stopped were worse at the first judgement already.

        That is so where the first losses rank trials as all later ones do.
        """
        kept = min(self._trials, self.min_trials)
        later = kept + (self._trials - kept + 1) // 2
        first, *others = self._levels
        return [[Rung(first, self._trials), *(Rung(level, later) for level in others)]]

    @property
    def finished(self) -> bool:
        """All trials have started and none runs."""
        return len(self._places) == self._trials and not self._running
