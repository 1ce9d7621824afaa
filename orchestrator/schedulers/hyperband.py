"""Synchronous successive halving over brackets, from the many and short to the few and long."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, PrivateAttr

from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.decisions import (
    Decision,
    Pause,
    Place,
    Proposal,
    Prune,
    Resume,
    Rung,
    Start,
    Stop,
)
from orchestrator.schedulers.places import placed
from orchestrator.schedulers.rungs import check_halving, layout, levels, remaining


@dataclass(slots=True)
class _Bracket:
    """A bracket under way; only one of its rungs is, at any time.

    Attributes:
        index: its index in the plan.
        levels: the epochs of its rungs.
        size: trials it starts.
        rung: index of the rung under way.
        given: trials given that rung.
        lost: those of them that failed there.
        results: those of them that wait there, with a finite loss or not.
        started: trials started so far.
        points: all losses of those that wait, by number, where there are several.
    """

    index: int
    levels: tuple[int, ...]
    size: int
    rung: int = 0
    given: int = 0
    lost: int = 0
    results: list[tuple[float, int]] = field(default_factory=list)
    started: int = 0
    points: dict[int, tuple[float, ...]] = field(default_factory=dict)


class HyperBand(Scheduler):
    """Successive halving over brackets of decreasing aggressiveness.

    Levels are ``max_epochs // eta**k``: 50, 16, 5, 1 for 50 epochs and eta 3.
    With ``s_max`` the largest ``k``, bracket ``s`` starts ``(s_max + 1) // (s + 1) *
    eta**s`` trials at level ``s``; brackets run ``s_max`` to 0, again and again until
    the trials are used up; the last may be cut short.

    At a rung every trial pauses. When all ``n`` that were given the rung have reported
    or failed, the best ``max(1, n // eta)`` are proposed as Resume and the others as
    Prune, prunings first since they need no worker. Ties go to the lower number.
    Failed trials count in ``n`` and are never promoted, so a rung where too few live
    promotes fewer. While a bracket waits, trials of the next ones start.

    Several objectives are compared by their places in a non-dominated sorting of the rung.

    Memory: one place per trial; losses of rungs that are under way.

    Raises:
        ConfigurationError: ``max_epochs < eta``; there is nothing to halve.

    Source: Li et al., Hyperband, JMLR 18 (2018), algorithm 1 and table 1; bracket sizes
    as in Falkner et al., BOHB, ICML 2018, and hpbandster. Where ``max_epochs`` is a
    power of eta these are the paper's.
    """

    kind: Literal["hyperband"] = "hyperband"
    eta: int = Field(default=3, ge=2)
    """One in ``eta`` is promoted at each rung."""

    _sizes: list[tuple[int, int]] = PrivateAttr(default_factory=list)
    _levels: tuple[int, ...] = PrivateAttr(default=())
    _next: int = PrivateAttr(default=0)
    _filling: _Bracket | None = PrivateAttr(default=None)
    _running: dict[int, _Bracket] = PrivateAttr(default_factory=dict)
    _paused: dict[int, _Bracket] = PrivateAttr(default_factory=dict)
    _due: OrderedDict[int, Resume | Prune] = PrivateAttr(default_factory=OrderedDict)
    _places: dict[int, Place] = PrivateAttr(default_factory=dict)
    _known: dict[Place, Place] = PrivateAttr(default_factory=dict)

    @property
    def pauses(self) -> bool:
        """At every rung."""
        return True

    @property
    def exact(self) -> bool:
        """Every rung waits for all its trials."""
        return True

    @property
    def weighs(self) -> bool:
        """By non-dominated sorting of the trials of a rung."""
        return True

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Lay out the brackets."""
        super().begin(trials=trials, max_epochs=max_epochs)
        check_halving(max_epochs, self.eta)
        self._levels = levels(max_epochs, self.eta)
        self._sizes = layout(trials, len(self._levels), self.eta)
        self._next = 0
        self._filling = None
        self._running, self._paused = {}, {}
        self._due = OrderedDict()
        self._places, self._known = {}, {}
        self._open()

    def propose(self) -> Proposal | None:
        """A Prune or Resume that is due, else a Start, else None."""
        for action in self._due.values():
            return action
        if self._filling is None:
            return None
        return Start(bracket=self._filling.index, until=self._filling.levels[0])

    def started(self, number: int) -> None:
        """Put the trial into the bracket that is being filled."""
        bracket = self._filling
        if bracket is None or number in self._places:
            raise unexpected(number, "started")
        bracket.started += 1
        self._running[number] = bracket
        self._give(number, bracket.index, rung=0)
        if bracket.started == bracket.size:
            self._open()

    def resumed(self, number: int) -> None:
        """The promoted trial runs towards its bracket's rung."""
        if not isinstance(self._due.get(number), Resume):
            raise unexpected(number, "resumed")
        del self._due[number]
        bracket = self._running[number] = self._paused.pop(number)
        self._give(number, bracket.index, bracket.rung)

    def pruned(self, number: int) -> None:
        """Forget the trial."""
        if not isinstance(self._due.get(number), Prune):
            raise unexpected(number, "pruned")
        del self._due[number], self._paused[number]

    def weighed(self, number: int, losses: tuple[float, ...]) -> None:
        """Keep them until the rung is judged."""
        self._running[number].points[number] = losses

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """Pause at every rung, Stop at the last."""
        bracket = self._running.get(number)
        if bracket is None or epoch != bracket.levels[bracket.rung]:
            raise unexpected(number, f"reported at epoch {epoch}")
        del self._running[number]
        if bracket.rung + 1 == len(bracket.levels):
            return Stop()
        self._paused[number] = bracket
        bracket.results.append((loss if math.isfinite(loss) else math.inf, number))
        self._judge(bracket)
        return Pause()

    def ended(self, number: int) -> None:
        """Count the trial as failed at the rung it is in."""
        action = self._due.pop(number, None)
        if number in self._running:
            bracket = self._running.pop(number)
            bracket.lost += 1
        elif number in self._paused:
            bracket = self._paused.pop(number)
            if isinstance(action, Prune):
                return
            if action is None:
                bracket.results = [entry for entry in bracket.results if entry[1] != number]
            bracket.lost += 1
        else:
            raise unexpected(number, "ended")
        self._judge(bracket)

    def place(self, number: int) -> Place:
        """Index of the trial's bracket in the plan, and of the last rung it was given there."""
        return self._places[number]

    def plan(self) -> list[list[Rung]]:
        """The brackets in the order they start; exact when no trial fails."""
        return [
            [
                Rung(level, remaining(size, rung, self.eta))
                for rung, level in enumerate(self._levels[start:])
            ]
            for start, size in self._sizes
        ]

    @property
    def finished(self) -> bool:
        """All trials have started and each has reached its end."""
        return self._filling is None and not self._running and not self._paused

    def _open(self) -> None:
        """Make the next bracket the one that is being filled, if one is left."""
        if self._next == len(self._sizes):
            self._filling = None
            return
        start, size = self._sizes[self._next]
        self._filling = _Bracket(
            index=self._next, levels=self._levels[start:], size=size, given=size
        )
        self._next += 1

    def _give(self, number: int, bracket: int, rung: int) -> None:
        """Note the trial's place; trials of the same rung share one object."""
        place = Place(bracket, rung)
        self._places[number] = self._known.setdefault(place, place)

    def _judge(self, bracket: _Bracket) -> None:
        """Promote and prune once every trial of the rung has reported or failed."""
        if len(bracket.results) + bracket.lost < bracket.given:
            return
        if bracket.rung + 1 == len(bracket.levels):
            return
        finite = [entry for entry in bracket.results if math.isfinite(entry[0])]
        alive = len(finite)
        best = placed(finite, bracket.points) if bracket.points else sorted(finite)
        ranked = best + sorted(entry for entry in bracket.results if math.isinf(entry[0]))
        promoted = min(max(1, bracket.given // self.eta), alive)
        until = bracket.levels[bracket.rung + 1]
        for _, number in ranked[:promoted]:
            self._due[number] = Resume(number, until)
        for _, number in reversed(ranked[promoted:]):
            self._due[number] = Prune(number)
            self._due.move_to_end(number, last=False)
        bracket.rung += 1
        bracket.given, bracket.lost, bracket.results = promoted, 0, []
        bracket.points = {}
