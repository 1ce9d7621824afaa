"""A searcher that draws twice and a scheduler that stops every second trial half-way."""

from typing import Literal

import numpy as np
from pydantic import PrivateAttr

from orchestrator.schedulers import Continue, Place, Rung, Scheduler, Start, Stop
from orchestrator.searchers import Searcher


class Middle(Searcher):
    """The middle of the space first, then at random."""

    kind: Literal["middle"] = "middle"

    def suggest(self, number):
        if number == 0:
            cube = self.space.cube()
            return self.space.validate(cube.from_unit(np.full(cube.dimensions, 0.5)), self._facts)
        return self.space.sample(self.generator(number), self._facts)


class Halfway(Scheduler):
    """Odd trials stop half-way."""

    kind: Literal["halfway"] = "halfway"

    _trials: int = PrivateAttr(default=0)
    _epochs: int = PrivateAttr(default=0)
    _places: dict = PrivateAttr(default_factory=dict)
    _running: set = PrivateAttr(default_factory=set)

    def begin(self, *, trials, max_epochs):
        super().begin(trials=trials, max_epochs=max_epochs)
        self._trials, self._epochs = trials, max_epochs
        self._places, self._running = {}, set()

    def propose(self):
        if len(self._places) == self._trials:
            return None
        return Start(bracket=0, until=max(1, self._epochs // 2))

    def started(self, number):
        self._places[number] = 0
        self._running.add(number)

    def report(self, number, epoch, loss):
        if epoch < self._epochs and number % 2 == 0:
            self._places[number] = 1
            return Continue(self._epochs)
        self._running.remove(number)
        return Stop()

    def ended(self, number):
        self._running.remove(number)

    def place(self, number):
        return Place(0, self._places[number])

    def plan(self):
        half = max(1, self._epochs // 2)
        return [[Rung(half, self._trials), Rung(self._epochs, (self._trials + 1) // 2)]]

    @property
    def finished(self):
        return len(self._places) == self._trials and not self._running
