"""Published algorithms that wait for a whole round; see ``published``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.orchestrator.schedulers.published import resources


@dataclass
class Halving:
    """Successive halving as a set is reduced: the inner loop of Hyperband's algorithm 1."""

    index: int
    epochs: list[int]
    size: int
    eta: int
    members: list[int] = field(default_factory=list)
    k: int = 0
    given: int = 0
    losses: dict[int, float] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    todo: list[tuple[Any, ...]] = field(default_factory=list)

    def close(self) -> None:
        """Once all that were given the rung have come or are lost: keep the top 1/eta."""
        if self.k + 1 == len(self.epochs) or len(self.losses) + len(self.lost) < self.given:
            return
        ranked = sorted(self.losses, key=lambda n: (self.losses[n], n))
        alive = [n for n in ranked if self.losses[n] < math.inf]
        keep = alive[: max(1, self.given // self.eta)]
        self.k += 1
        self.todo = [("prune", n) for n in ranked if n not in keep]
        self.todo += [("resume", n, self.epochs[self.k]) for n in keep]
        self.given, self.losses, self.lost = len(keep), {}, set()


@dataclass
class HyperBand:
    """Li et al. 2018, algorithm 1, one bracket after another; nobody is idle while one waits."""

    trials: int
    max_epochs: int
    eta: int
    where: dict[int, Halving] = field(default_factory=dict)
    brackets: list[Halving] = field(default_factory=list)
    queue: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        epochs = resources(self.max_epochs, self.eta)
        s_max, left = len(epochs) - 1, self.trials
        while left:
            for s in range(s_max, -1, -1):
                size = min(left, ((s_max + 1) // (s + 1)) * self.eta**s)
                left -= size
                if size:
                    at = len(self.brackets)
                    made = Halving(at, epochs[s_max - s :], size, self.eta, given=size)
                    self.brackets.append(made)

    def job(self) -> tuple[Any, ...] | None:
        if self.queue:
            return self.queue[0]
        for bracket in self.brackets:
            if len(bracket.members) < bracket.size:
                return ("start", bracket.index, bracket.epochs[0])
        return None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        if job[0] != "start":
            self.queue.remove(job)
            return
        self.where[number] = self.brackets[job[1]]
        self.where[number].members.append(number)

    def closed(self, bracket: Halving) -> None:
        """Prunes need no worker: they come before all that is due, those of late rungs first."""
        bracket.close()
        prunes = [job for job in bracket.todo if job[0] == "prune"]
        self.queue = prunes + self.queue + [job for job in bracket.todo if job[0] == "resume"]
        bracket.todo = []

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        bracket = self.where[number]
        if epoch == self.max_epochs:
            return ("stop",)
        bracket.losses[number] = min(losses)
        self.closed(bracket)
        return ("pause",)

    def gone(self, number: int, *, done: bool) -> None:
        bracket = self.where[number]
        due = [job for job in self.queue if job[1] == number]
        self.queue = [job for job in self.queue if job[1] != number]
        if due and due[0][0] == "prune":
            return
        bracket.losses.pop(number, None)
        bracket.lost.add(number)
        self.closed(bracket)


@dataclass
class Population:
    """Jaderberg et al. 2017 with truncation selection, generation by generation."""

    trials: int
    max_epochs: int
    every: int
    percent: int
    begun: int = 0
    epoch: int = 0
    alive: set[int] = field(default_factory=set)
    last: dict[int, float] = field(default_factory=dict)
    queue: list[tuple[Any, ...]] = field(default_factory=list)

    def next(self) -> int:
        return min(self.epoch + self.every, self.max_epochs)

    def job(self) -> tuple[Any, ...] | None:
        for kind in ("prune", "clone", "resume"):
            for job in self.queue:
                if job[0] == kind:
                    return job
        return ("start", 0, self.next()) if self.begun < self.trials else None

    def follow(self, job: tuple[Any, ...], number: int) -> None:
        if job[0] == "start":
            self.begun += 1
            self.alive.add(number)
            return
        self.queue.remove(job)
        if job[0] == "clone":
            self.queue.append(("resume", number, self.next()))
        elif job[0] == "prune":
            self.alive.discard(number)

    def result(self, number: int, epoch: int, losses: Sequence[float]) -> tuple[Any, ...]:
        if epoch == self.max_epochs:
            self.alive.discard(number)
            return ("stop",)
        self.last[number] = losses[-1]
        self.generation()
        return ("pause",)

    def generation(self) -> None:
        """Exploit once the whole population is there."""
        if self.queue or self.begun < self.trials or not self.alive:
            return
        if set(self.last) != self.alive:
            return
        self.epoch = self.next()
        ranked = sorted(self.alive, key=lambda n: (self.last[n], n))
        finite = [n for n in ranked if self.last[n] < math.inf]
        share = len(ranked) * self.percent // 100
        if share == 0 and len(ranked) > 1:
            share = 1
        top = tuple(finite[:share])
        for place, n in enumerate(ranked):
            bad = place >= len(ranked) - share or n not in finite
            if not finite:
                self.queue.append(("prune", n))
            elif bad:
                self.queue.append(("clone", n, top))
            else:
                self.queue.append(("resume", n, self.next()))
        self.last = {}

    def gone(self, number: int, *, done: bool) -> None:
        self.alive.discard(number)
        self.last.pop(number, None)
        self.queue = [job for job in self.queue if job[1] != number]
        for job in list(self.queue):
            if job[0] == "clone" and number in job[2]:
                rest = tuple(n for n in job[2] if n != number)
                self.queue[self.queue.index(job)] = ("clone", job[1], rest)
        self.generation()
