"""Successive halving without waiting: each trial is judged by who came before it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PrivateAttr

from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.decisions import Continue, Decision, Place, Rung, Start, Stop
from orchestrator.schedulers.rungs import levels
from searchspaces.errors import ConfigurationError


class Asha(Scheduler):
    """Asynchronous successive halving, in its stopping form.

    Rungs are ``max_epochs // eta**k`` down to ``min_epochs``. A trial that reports
    at a rung goes on at once if it is among the best ``max(1, n // eta)`` of the
    ``n`` that have reported there, itself included, and stops otherwise; ties go to
    the lower number. Nothing pauses, so no checkpoint is needed to go on.

    An infinite loss stops its trial. Failed trials are in no rung's ``n``.

    Memory: the losses reported at each rung, and one place per trial.

    Raises:
        ConfigurationError: ``min_epochs > max_epochs``.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys
    (2020); the stopping form is that of Ray Tune and Syne Tune.
    """

    kind: Literal["asha"] = "asha"
    eta: int = Field(default=3, ge=2)
    """One in ``eta`` goes on at each rung."""
    min_epochs: int = Field(default=1, ge=1)
    """No trial is stopped before this epoch."""

    _trials: int = PrivateAttr(default=0)
    _levels: tuple[int, ...] = PrivateAttr(default=())
    _ranked: list[list[tuple[float, int]]] = PrivateAttr(default_factory=list)
    _running: set[int] = PrivateAttr(default_factory=set)
    _places: dict[int, Place] = PrivateAttr(default_factory=dict)
    _rungs: tuple[Place, ...] = PrivateAttr(default=())
    _plan: tuple[Rung, ...] = PrivateAttr(default=())

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Plan one bracket."""
        super().begin(trials=trials, max_epochs=max_epochs)
        if self.min_epochs > max_epochs:
            raise ConfigurationError(
                f"{self.min_epochs} is above the {max_epochs} epochs of the sweep. "
                f"Give at most {max_epochs}.",
                place="scheduler.min_epochs",
            )
        self._trials = trials
        self._levels = levels(max_epochs, self.eta, self.min_epochs)
        self._ranked = [[] for _ in self._levels[:-1]]
        self._running = set()
        self._places = {}
        self._rungs = tuple(Place(bracket=0, rung=rung) for rung in range(len(self._levels)))
        self._plan = tuple(_expected(trials, self._levels, self.eta))

    def propose(self) -> Start | None:
        """A Start while trials are left."""
        if len(self._places) < self._trials:
            return Start(bracket=0, until=self._levels[0])
        return None

    def started(self, number: int) -> None:
        """Give the trial the first rung."""
        if number in self._places or len(self._places) == self._trials:
            raise unexpected(number, "started")
        self._places[number] = self._rungs[0]
        self._running.add(number)

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """Continue to the next rung, or Stop."""
        rung = self._places[number].rung if number in self._running else -1
        if rung < 0 or epoch != self._levels[rung]:
            raise unexpected(number, f"reported at epoch {epoch}")
        if rung + 1 < len(self._levels) and self._goes_on(rung, number, loss):
            self._places[number] = self._rungs[rung + 1]
            return Continue(until=self._levels[rung + 1])
        self._running.remove(number)
        return Stop()

    def _goes_on(self, rung: int, number: int, loss: float) -> bool:
        """Enter the loss at its rank; is it among the best so far?"""
        ranked = self._ranked[rung]
        entry = (loss if math.isfinite(loss) else math.inf, number)
        rank = bisect_left(ranked, entry)
        ranked.insert(rank, entry)
        return math.isfinite(loss) and rank < max(1, len(ranked) // self.eta)

    def ended(self, number: int) -> None:
        """Forget that the trial runs; what it reported stays."""
        if number not in self._running:
            raise unexpected(number, "ended")
        self._running.remove(number)

    def place(self, number: int) -> Place:
        """Bracket 0, and the rung the trial was last sent to."""
        return self._places[number]

    def plan(self) -> list[list[Rung]]:
        """How many trials are expected at each rung, when losses come in random order.

        The ``n``-th to report goes on with probability ``max(1, n // eta) / n``.
        """
        return [list(self._plan)]

    @property
    def finished(self) -> bool:
        """All trials have started and none runs."""
        return len(self._places) == self._trials and not self._running


def _expected(trials: int, epochs: tuple[int, ...], eta: int) -> Iterator[Rung]:
    """The rungs, each with the number of trials expected to reach it."""
    for level in epochs:
        yield Rung(level, trials)
        trials = round(math.fsum(max(1, n // eta) / n for n in range(1, trials + 1)))
