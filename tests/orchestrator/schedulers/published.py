"""The published algorithms once more, written from the papers, without an eye on speed.

Each keeps a list of what happened and works everything out from it whenever it is asked;
nothing of ``orchestrator.schedulers`` is used. ``play`` drives one of these, or a scheduler,
through the same sweep, and gives a log to compare.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from orchestrator.schedulers import Clone, Continue, Prune, Resume, Scheduler, Start, Stop

Curves = Sequence[Sequence[float]]


class Algorithm(Protocol):
    """What can be asked of an algorithm; answers are plain tuples."""

    def job(self) -> tuple[Any, ...] | None:
        """What to do: ``("start", bracket, until)``, ``("resume", n, until)``, ``("prune", n)``,
        ``("clone", n, sources)``; or None.
        """

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        """The job was begun, by that trial."""

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        """The losses of the trial's epochs so far: ``("continue", until)``, pause or stop."""

    def gone(self, number: int, *, done: bool) -> None:
        """The trial failed, or was done by itself."""


@dataclass
class Ours:
    """A scheduler as an algorithm."""

    scheduler: Scheduler
    trials: int
    max_epochs: int
    told: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scheduler.begin(trials=self.trials, max_epochs=self.max_epochs)

    def job(self) -> tuple[Any, ...] | None:
        match self.scheduler.propose():
            case Start(bracket, until):
                return ("start", bracket, until)
            case Resume(number, until):
                return ("resume", number, until)
            case Prune(number):
                return ("prune", number)
            case Clone(number, sources):
                return ("clone", number, sources)
        assert self.scheduler.propose() is None
        return None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        names = {"start": "started", "resume": "resumed", "prune": "pruned", "clone": "cloned"}
        getattr(self.scheduler, names[job[0]])(number)

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        for each in range(self.told.get(number, 0) + 1, epoch + 1):
            self.scheduler.measured(number, each, losses[each - 1])
        self.told[number] = epoch
        match self.scheduler.report(number, epoch, min(losses)):
            case Continue(until):
                return ("continue", until)
            case Stop():
                return ("stop",)
        return ("pause",)

    def gone(self, number: int, *, done: bool) -> None:
        (self.scheduler.done if done else self.scheduler.ended)(number)


def play(
    algorithm: Algorithm,
    *,
    trials: int,
    workers: int,
    seed: int,
    curves: Curves,
    trouble: float = 0.0,
) -> list[tuple[Any, ...]]:
    """A sweep in which workers finish in random order; everything that happened in it.

    Args:
        algorithm: decides.
        trials: that it may start.
        workers: at a time.
        seed: of the order, and of what goes wrong.
        curves: losses of each trial, epoch by epoch.
        trouble: share of the events in which a running trial fails, another share in which it
            is done by itself, and a third in which a paused trial is ended.
    """
    rng = np.random.default_rng(seed)
    running: dict[int, int] = {}
    paused: list[int] = []
    log: list[tuple[Any, ...]] = []
    count = 0
    while True:
        while (job := algorithm.job()) is not None:
            if job[0] in {"start", "resume"} and len(running) == workers:
                break
            number = count if job[0] == "start" else job[1]
            count += job[0] == "start"
            if job[0] in {"prune", "resume"}:
                paused.remove(number)
            if job[0] in {"start", "resume"}:
                running[number] = job[2]
            algorithm.follow(job, number)
            log.append((*job, number))
        assert count <= trials
        if not running:
            assert not paused, f"{paused} wait for ever"
            assert count == trials
            return log
        if paused and rng.random() < trouble:
            number = paused.pop(int(rng.integers(len(paused))))
            algorithm.gone(number, done=False)
            log.append(("ended while paused", number))
            continue
        number = sorted(running)[int(rng.integers(len(running)))]
        until, chance = running.pop(number), rng.random()
        if chance < 2 * trouble:
            algorithm.gone(number, done=chance < trouble)
            log.append(("done" if chance < trouble else "failed", number))
            continue
        said = algorithm.result(number, until, curves[number][:until])
        log.append(("result", number, until, *said))
        if said[0] == "continue":
            running[number] = said[1]
        elif said[0] == "pause":
            paused.append(number)


def resources(max_epochs: int, eta: int, least: int = 1) -> list[int]:
    """r_k of Hyperband's algorithm 1, with whole epochs."""
    k = 0
    while max_epochs // eta ** (k + 1) >= least:
        k += 1
    return [max_epochs // eta ** (k - i) for i in range(k + 1)]


@dataclass
class Asha:
    """Li et al. 2020, algorithm 2, and its stopping form, of so many trials in a bracket."""

    epochs: list[int]
    trials: int
    eta: int
    promotes: bool
    cap: bool
    index: int = 0
    begun: int = 0
    reached_end: bool = False
    running: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)
    left: set[tuple[int, int]] = field(default_factory=set)
    reports: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    promoted: dict[int, list[int]] = field(default_factory=dict)

    def rung(self, k: int) -> list[tuple[float, int]]:
        """(loss, trial) of all that reported at rung k, best first."""
        return sorted(self.reports.get(k, []))

    def sent(self, k: int) -> list[int]:
        return self.promoted.setdefault(k, [])

    def waiting(self, k: int) -> list[int]:
        return [
            n
            for loss, n in self.rung(k)
            if n not in self.sent(k) and n not in self.over and loss < math.inf
        ]

    def job(self) -> tuple[Any, ...] | None:
        last = len(self.epochs) - 1
        for k in range(last - 1, -1, -1):
            share = len(self.reports.get(k, [])) // self.eta
            if not self.promotes or share == 0:
                continue
            top_k = [n for _, n in self.rung(k) if (k, n) not in self.left][:share]
            promotable = [n for n in top_k if n not in self.sent(k) and n not in self.over]
            full = self.cap and len(self.sent(k)) >= share
            if promotable and not full:
                return ("resume", promotable[0], self.epochs[k + 1])
        if self.begun < self.trials:
            return ("start", self.index, self.epochs[0])
        if self.running or not self.promotes:
            return None
        occupied = [k for k in range(last) if self.waiting(k)]
        if occupied and not self.reached_end:
            k = occupied[-1]
            return ("resume", self.waiting(k)[0], self.epochs[k + 1])
        return ("prune", self.waiting(occupied[0])[-1]) if occupied else None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        if job[0] == "prune":
            self.over.add(number)
            return
        self.running.add(number)
        if job[0] == "start":
            self.begun += 1
        else:
            self.sent(self.epochs.index(job[2]) - 1).append(number)

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        k, loss = self.epochs.index(epoch), min(losses)
        self.reports.setdefault(k, []).append((loss, number))
        if k == len(self.epochs) - 1:
            self.reached_end = True
        elif self.promotes and loss < math.inf:
            self.running.remove(number)
            return ("pause",)
        elif loss < math.inf:
            quota = max(1, len(self.reports[k]) // self.eta)
            full = self.cap and len(self.sent(k)) >= quota
            if (loss, number) in self.rung(k)[:quota] and not full:
                self.sent(k).append(number)
                return ("continue", self.epochs[k + 1])
        self.running.remove(number)
        self.over.add(number)
        return ("stop",)

    def gone(self, number: int, *, done: bool) -> None:
        if number not in self.running:
            self.left |= {(k, number) for k in self.reports if number in self.waiting(k)}
        self.running.discard(number)
        self.over.add(number)
        self.reached_end |= done


@dataclass
class Brackets:
    """Li et al. 2020, section 3: brackets of ASHA, gone through as Hyperband does."""

    brackets: list[Asha]
    turns: list[int]
    where: dict[int, Asha] = field(default_factory=dict)

    @classmethod
    def of(
        cls, trials: int, max_epochs: int, eta: int, *, promotes: bool, cap: bool, most: int = 99999
    ) -> Brackets:
        epochs = resources(max_epochs, eta)
        s_max = len(epochs) - 1
        table = [((s_max + 1) // (s + 1)) * eta**s for s in range(s_max, -1, -1)]
        turns: list[int] = []
        while len(turns) < min(trials, most * sum(table)):
            turns += [index for index, size in enumerate(table) for _ in range(size)]
        turns = (turns + trials * [s_max])[:trials]
        made = [
            Asha(epochs[index:], turns.count(index), eta, promotes, cap, index)
            for index in range(max(turns) + 1)
        ]
        return cls(made, turns)

    def job(self) -> tuple[Any, ...] | None:
        jobs = [job for bracket in self.brackets if (job := bracket.job())]
        for kind in ("prune", "resume"):
            for job in jobs:
                if job[0] == kind:
                    return job
        if len(self.where) < len(self.turns):
            index = self.turns[len(self.where)]
            return ("start", index, self.brackets[index].epochs[0])
        return None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        if job[0] == "start":
            self.where[number] = self.brackets[job[1]]
        self.where[number].follow(job, number)

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        return self.where[number].result(number, epoch, losses)

    def gone(self, number: int, *, done: bool) -> None:
        self.where[number].gone(number, done=done)


@dataclass
class MedianRule:
    """Golovin et al. 2017, section 3.2.1; judged from an epoch on, once enough are over."""

    trials: int
    max_epochs: int
    first: int
    least: int
    every: int
    begun: int = 0
    curves: dict[int, list[float]] = field(default_factory=dict)
    over: list[int] = field(default_factory=list)

    def next(self, epoch: int) -> int:
        return min(self.max_epochs, epoch + self.every) if epoch else self.first

    def job(self) -> tuple[Any, ...] | None:
        return ("start", 0, self.next(0)) if self.begun < self.trials else None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        self.begun += 1

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        self.curves[number] = list(losses)
        averages = [
            sum(self.curves[n][:epoch]) / epoch for n in self.over if len(self.curves[n]) >= epoch
        ]
        enough = len(averages) >= self.least
        worse = enough and min(losses) > statistics.median(averages)
        if epoch == self.max_epochs or worse or min(losses) == math.inf:
            self.over.append(number)
            return ("stop",)
        return ("continue", self.next(epoch))

    def gone(self, number: int, *, done: bool) -> None:
        if done:
            self.over.append(number)
            self.curves.setdefault(number, [])
