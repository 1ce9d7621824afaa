"""A sweep on a simulated clock: workers that take no time, and what a method found when.

Each epoch of a config takes the seconds that its problem says; nothing sleeps. Workers
that are free ask the method for a trial whenever anything has been reported.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.search.problems.base import Problem
from searchspaces import Config

BUDGETS = (10, 25, 50, 100)
"""Full trainings' worth of epochs, or of seconds, at which methods are compared."""

PATIENCE = 2
"""A run that waits for its seconds ends at so many times its epochs."""

SHARED = 10
"""Configs that all methods begin with."""


@dataclass(frozen=True)
class Task:
    """What a method is to solve.

    Attributes:
        problem: its space and its length of a full training.
        seed: of everything random in the method.
        workers: trials at a time.
        trainings: full trainings' worth that it can spend.
        first: configs to try before all others.
    """

    problem: Problem
    seed: int
    workers: int
    trainings: int
    first: list[Config]

    @property
    def trials(self) -> int:
        """More than there can be, as each takes an epoch; the same for every budget."""
        return max(BUDGETS) * self.problem.max_epochs * PATIENCE + self.workers


@dataclass(frozen=True)
class Lease:
    """A new trial, or one to go on with; its epochs so far are kept."""

    number: int
    config: Config = field(hash=False)


class Driver(Protocol):
    """A method at work on a task."""

    def next(self) -> Lease | None:
        """What a free worker is to do; None to wait until something is reported."""

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """A trial's loss after an epoch; whether its worker goes on with it."""


@dataclass(frozen=True)
class Best:
    """From here on the trial with the least loss that was seen.

    Attributes:
        epochs: of all trials together, when it was seen.
        seconds: of all workers together.
        config: its config.
        epoch: after which of its epochs.
        loss: as it was seen.
    """

    epochs: int
    seconds: float
    config: Config = field(hash=False)
    epoch: int
    loss: float


@dataclass
class Trace:
    """What came of a run.

    Attributes:
        bests: each better than the one before.
        epochs: run in all.
        trials: begun.
        full: trials that ran to the last epoch.
        suggesting: real seconds spent in the method, reports included.
        wall: real seconds of everything.
    """

    bests: list[Best] = field(default_factory=list)
    epochs: int = 0
    trials: int = 0
    full: int = 0
    suggesting: float = 0.0
    wall: float = 0.0


class Training:
    """A trial's training so far."""

    def __init__(self, config: Config, losses: Iterator[float], seconds: float) -> None:
        self.config = config
        self.losses = losses
        self.seconds = seconds
        self.epoch = 0


def replay(task: Task, driver: Driver) -> Trace:
    """Run a method until it has spent its epochs and its seconds, or has nothing to do."""
    return _Replay(task, driver).run()


class _Replay:
    def __init__(self, task: Task, driver: Driver) -> None:
        self.task, self.driver = task, driver
        self.trace = Trace()
        self.now = 0.0
        self.trainings: dict[int, Training] = {}
        self.due: list[tuple[float, int, int]] = []
        self.order = 0
        self.idle = task.workers
        self.least = math.inf

    def run(self) -> Trace:
        """Run to the end."""
        begun = time.perf_counter()
        full = self.task.trainings * self.task.problem.max_epochs
        seconds = full * self.task.problem.mean_seconds
        self.employ()
        while self.due:
            self.now, _, number = heapq.heappop(self.due)
            self.finish_epoch(number)
            enough = self.trace.epochs >= full and self.now * self.task.workers >= seconds
            if enough or self.trace.epochs >= PATIENCE * full:
                break
            self.employ()
        self.trace.trials = len(self.trainings)
        self.trace.wall = time.perf_counter() - begun
        return self.trace

    def employ(self) -> None:
        """Give every free worker something to do, if there is anything."""
        while self.idle:
            begun = time.perf_counter()
            lease = self.driver.next()
            self.trace.suggesting += time.perf_counter() - begun
            if lease is None:
                return
            self.idle -= 1
            self.begin_epoch(lease)

    def begin_epoch(self, lease: Lease) -> None:
        """Put the end of the next epoch of a trial on the clock."""
        training = self.trainings.get(lease.number)
        if training is None:
            problem = self.task.problem
            training = self.trainings[lease.number] = Training(
                lease.config,
                problem.train(lease.config, self.task.seed),
                problem.seconds(lease.config),
            )
        self.schedule(lease.number, training)

    def schedule(self, number: int, training: Training) -> None:
        """Put the end of a trial's next epoch on the clock; ties go by the order of starting."""
        self.order += 1
        heapq.heappush(self.due, (self.now + training.seconds, self.order, number))

    def finish_epoch(self, number: int) -> None:
        """Compute an epoch, tell the method, and go on or free the worker."""
        training, trace = self.trainings[number], self.trace
        loss = next(training.losses)
        training.epoch += 1
        trace.epochs += 1
        trace.full += training.epoch == self.task.problem.max_epochs
        if loss < self.least:
            self.least = loss
            spent = self.now * self.task.workers
            trace.bests.append(Best(trace.epochs, spent, training.config, training.epoch, loss))
        begun = time.perf_counter()
        goes_on = self.driver.report(number, training.epoch, loss)
        trace.suggesting += time.perf_counter() - begun
        if goes_on:
            self.schedule(number, training)
        else:
            self.idle += 1
