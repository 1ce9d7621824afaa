"""Early discarding after a few epochs, the method that is hard to beat.

Source: Egele, Guyon, Fahmi and Balaprakash, The Unreasonable Effectiveness Of Early
Discarding After One Epoch In Neural Network Hyperparameter Optimization, Neurocomputing
2024: random configs are trained ``i`` epochs each, the best ``k`` to the end.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from benchmarks.search.methods.base import Method
from benchmarks.search.replay import Driver, Lease, Task
from searchspaces import Config


@dataclass(frozen=True)
class Discard(Method):
    """Train everything ``i`` epochs, then the best ``k`` to the end, within the budget.

    Attributes:
        i: epochs of every config.
        k: configs that are finished.
    """

    i: int = 1
    k: int = 3

    def begin(self, task: Task) -> Driver:
        """With the task's trainings as the end it plans for."""
        return _Driver(self, task)


class _Driver:
    def __init__(self, method: Discard, task: Task) -> None:
        full = task.problem.max_epochs
        self.i, self.k, self.task = method.i, method.k, task
        trials = (task.trainings * full - self.k * (full - self.i)) // self.i
        self.left = max(trials, self.k)
        self.rng = np.random.default_rng([task.seed, 0xE6E1])
        self.first = deque(task.first)
        self.configs: list[Config] = []
        self.losses: dict[int, float] = {}
        self.running: set[int] = set()
        self.best: deque[int] | None = None

    def next(self) -> Lease | None:
        """A new config while some are left; then, once all are in, the best."""
        if self.left:
            self.left -= 1
            space = self.task.problem.space
            self.configs.append(self.first.popleft() if self.first else space.sample(self.rng))
            self.running.add(len(self.configs) - 1)
            return Lease(len(self.configs) - 1, self.configs[-1])
        if self.best is None:
            if self.running:
                return None
            ranked = sorted(self.losses, key=lambda number: (self.losses[number], number))
            self.best = deque(ranked[: self.k])
        if not self.best:
            return None
        number = self.best.popleft()
        return Lease(number, self.configs[number])

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """Stop after ``i`` epochs, until it is among the best."""
        self.losses[number] = min(loss, self.losses.get(number, loss))
        if epoch == self.i:
            self.running.discard(number)
        return epoch < self.i or self.i < epoch < self.task.problem.max_epochs
