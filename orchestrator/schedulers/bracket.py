"""One bracket of successive halving that waits for nobody, in both forms."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.schedulers.base import unexpected
from orchestrator.schedulers.decisions import Continue, Decision, Pause, Prune, Resume, Rung, Stop
from orchestrator.schedulers.places import Entry, Losses, Places

Form = Literal["stopping", "promotion"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who goes on from a rung.

    Attributes:
        eta: one in ``eta`` does.
        form: ``stopping`` decides at once, ``promotion`` when a worker is free.
        cap: of ``n`` that have reported, no more than ``n // eta`` ever go on.
    """

    eta: int
    form: Form
    cap: bool

    @property
    def promotes(self) -> bool:
        """Whether trials wait at rungs."""
        return self.form == "promotion"


@dataclass(slots=True)
class _Standing:
    """What is known at one rung.

    Attributes:
        came: trials that have reported there.
        sent: those of them that were given the next rung.
        ranked: (loss, number) of those with a finite loss, ascending; a trial that ended
            while it waited leaves its rank to the next.
        waiting: those of them that are paused there, ascending.
        places: of those with a finite loss, where there are several; they stand for the loss
            in ``ranked`` and ``waiting`` then.
    """

    came: int = 0
    sent: int = 0
    ranked: list[Entry] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    places: Places = field(default_factory=Places)


@dataclass(slots=True)
class Bracket:
    """A bracket under way.

    Attributes:
        levels: the epochs of its rungs.
        size: trials that start in it.
        rule: who goes on.
        begun: trials started so far.
        crowned: a trial has come to the end: to the last rung, or it was done by itself.
        running: rung that each running trial is heading for.
        paused: rung and entry of each paused trial.
        standings: of all rungs but the last.
        told: all losses of the trial that is about to report, where there are several.
    """

    levels: tuple[int, ...]
    size: int
    rule: Rule
    begun: int = 0
    crowned: bool = False
    running: dict[int, int] = field(default_factory=dict)
    paused: dict[int, tuple[int, Entry]] = field(default_factory=dict)
    standings: list[_Standing] = field(init=False)
    told: dict[int, Losses] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.standings = [_Standing() for _ in self.levels[:-1]]

    @property
    def over(self) -> bool:
        """Nothing will ever be done in it again."""
        return self.begun == self.size and not self.running and not self.paused

    def start(self, number: int) -> None:
        """A new trial heads for the first rung."""
        self.running[number] = 0
        self.begun += 1

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """A running trial has come to its rung."""
        rung = self.running.get(number, -1)
        if rung < 0 or epoch != self.levels[rung]:
            raise unexpected(number, f"reported at epoch {epoch}")
        losses = self.told.pop(number, ())
        if rung + 1 == len(self.levels):
            self.crowned = True
            del self.running[number]
            return Stop()
        standing = self.standings[rung]
        standing.came += 1
        if math.isfinite(loss):
            entry = self._entered(rung, number, loss, losses)
            if self.rule.promotes:
                insort(standing.waiting, entry)
                self.paused[number] = rung, entry
                del self.running[number]
                return Pause()
            if self._among_best(standing, entry, least=1):
                standing.sent += 1
                self.running[number] = rung + 1
                return Continue(self.levels[rung + 1])
        del self.running[number]
        return Stop()

    def due(self) -> Resume | Prune | None:
        """What is to be done with a paused trial, if anything is."""
        for rung in range(len(self.standings) - 1, -1, -1):
            standing = self.standings[rung]
            if standing.waiting and self._among_best(standing, standing.waiting[0]):
                return self._resume(rung)
        if self.running or self.begun < self.size or not self.paused:
            return None
        occupied = [rung for rung, one in enumerate(self.standings) if one.waiting]
        if not self.crowned:
            return self._resume(occupied[-1])
        return Prune(self.standings[occupied[0]].waiting[-1][1])

    def resumed(self, number: int) -> int:
        """A paused trial heads for the next rung; which that is."""
        rung = self._leave(number)
        self.standings[rung].sent += 1
        self.running[number] = rung + 1
        return rung + 1

    def pruned(self, number: int) -> None:
        """A paused trial is over."""
        self._leave(number)

    def ended(self, number: int) -> None:
        """A trial is over before its rung."""
        if number in self.paused:
            entry = self.paused[number][1]
            standing = self.standings[self._leave(number)]
            standing.ranked.remove(entry)
            standing.places.remove(number)
        elif number in self.running:
            del self.running[number]
        else:
            raise unexpected(number, "ended")

    def plan(self) -> Iterator[Rung]:
        """Its rungs, with the trials expected there when losses come in random order."""
        trials = self.size
        for level in self.levels:
            yield Rung(level, trials)
            trials = max(1, min(trials, _expected(trials, self.rule)))

    def _among_best(self, standing: _Standing, entry: Entry, least: int = 0) -> bool:
        """Is it one of the best 1/eta of the rung, and not more than are to be sent on?"""
        quota = max(least, standing.came // self.rule.eta)
        if self.rule.cap and standing.sent >= quota:
            return False
        return bisect_left(standing.ranked, entry) < quota

    def _entered(self, rung: int, number: int, loss: float, losses: Losses) -> Entry:
        """The trial's entry at the rung; by several losses all others get new places."""
        standing = self.standings[rung]
        if not losses:
            insort(standing.ranked, (loss, number))
            return loss, number
        standing.ranked = standing.places.add(number, losses)
        entries = {one: (place, one) for place, one in standing.ranked}
        standing.waiting = sorted(entries[one] for _, one in standing.waiting)
        for _, one in standing.waiting:
            self.paused[one] = rung, entries[one]
        return entries[number]

    def _resume(self, rung: int) -> Resume:
        return Resume(self.standings[rung].waiting[0][1], self.levels[rung + 1])

    def _leave(self, number: int) -> int:
        """A paused trial waits no more; the rung where it did."""
        rung, entry = self.paused.pop(number)
        waiting = self.standings[rung].waiting
        del waiting[bisect_left(waiting, entry)]
        return rung


def _expected(trials: int, rule: Rule) -> int:
    """How many of so many at a rung go on."""
    if rule.cap:
        return trials // rule.eta
    if not rule.promotes:
        # The n-th to report goes on with probability max(1, n // eta) / n.
        return round(math.fsum(max(1, n // rule.eta) / n for n in range(1, trials + 1)))
    # As many too many as the best of so many trials wander: Li et al. (2020), section 3.
    return trials // rule.eta + round(math.sqrt(trials * (rule.eta - 1)) / rule.eta)
