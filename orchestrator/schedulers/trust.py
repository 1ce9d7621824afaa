"""How far the order of trials at a rung can be trusted: whether later rungs agree with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import combinations

LEAST, MOST = 3, 40
"""Trials that have to be seen at two rungs before these are compared, and the latest that are."""
ASSUMED, WEIGHT = 0.7, 4
"""Before anything is seen, rungs are taken to agree on this share of so many pairs."""
PROBES = frozenset({1, 6, *(2**power for power in range(4, 20))})
"""Of the trials of a bracket, counted from 1, those that go on from every rung."""
DOUBT = 0.5
"""A rung that orders so many pairs differently says no more than chance."""


class Trust:
    """Compares the losses that the same trials had at several rungs.

    Of two trials that were seen at a rung and at a later one, the rungs agree if the same one is
    better at both. A rung is doubted when it agrees on less than half of the pairs with the
    furthest rung that enough trials have come to. Trials that were sent on for being good tell
    little of that, since they hardly differ; so some are sent on whatever they are.

    Args:
        rungs: how many there are.

    Attributes:
        floor: the first rung that is not doubted; the last is what it is all about.
    """

    def __init__(self, rungs: int) -> None:
        self._rungs = rungs
        self._losses: dict[int, dict[int, float]] = {}
        self._both: dict[tuple[int, int], deque[_Losses]] = {
            (rung, later): deque(maxlen=MOST) for later in range(rungs) for rung in range(later)
        }
        self.floor = 0

    def __eq__(self, other: object) -> bool:
        """Equal if the same was seen."""
        return isinstance(other, Trust) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def note(self, number: int, rung: int, loss: float) -> None:
        """A trial's loss at a rung; infinity ranks last."""
        losses = self._losses.setdefault(number, {})
        for earlier, early in losses.items():
            self._both[earlier, rung].append((early, loss))
        losses[rung] = loss
        if len(losses) > 1:
            self.floor = next(
                (one for one in range(self._rungs - 1) if self._doubt(one) < DOUBT), self._rungs - 1
            )

    def _doubt(self, rung: int) -> float:
        """The share of pairs that a rung orders otherwise than the furthest one it is seen with."""
        for later in range(self._rungs - 1, rung, -1):
            both = self._both[rung, later]
            if len(both) >= LEAST:
                return _disagreement(both)
        return 0.0


_Losses = tuple[float, float]
"""Of one trial, at a rung and at a later one."""


def _disagreement(losses: Iterable[_Losses]) -> float:
    """The share of pairs that two rungs order differently; ties count as half of one."""
    apart, pairs = (1 - ASSUMED) * WEIGHT, float(WEIGHT)
    for (early, late), (other, then) in combinations(losses, 2):
        first, second = (early > other) - (early < other), (late > then) - (late < then)
        apart += 0.5 - 0.5 * first * second
        pairs += 1
    return apart / pairs
