"""Trials at a rung by several objectives: places in the order of non-dominated sorting.

Source: Schmucker et al., Multi-objective Asynchronous Successive Halving, arXiv:2106.12639
(2021), section 3, with the ranking of NSGA-II: :func:`searchspaces.dominance.ranked`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from searchspaces.dominance import Fronts, ranked

Entry = tuple[float, int]
"""What ranks a trial at a rung, and its number."""
Losses = tuple[float, ...]


def placed(entries: Iterable[Entry], points: Mapping[int, Losses]) -> list[Entry]:
    """The trials with their places for losses, ascending.

    Args:
        entries: of trials with a finite loss.
        points: the losses of each by its number.
    """
    numbers = sorted(number for _, number in entries)
    order = ranked([points[number] for number in numbers])
    return [(float(place), numbers[index]) for place, index in enumerate(order)]


@dataclass(slots=True)
class Places:
    """The same, of trials that come one after the other; places change with each.

    Attributes:
        points: all losses of each trial.
    """

    points: dict[int, Losses] = field(default_factory=dict)
    _fronts: Fronts | None = field(default=None, compare=False, repr=False)

    def add(self, number: int, losses: Losses) -> list[Entry]:
        """All trials with their places, ascending, that one among them."""
        if self._fronts is None:
            self._fronts = Fronts(len(losses))
            for known, point in self.points.items():
                self._fronts.add(known, point)
        self.points[number] = losses
        self._fronts.add(number, losses)
        return [(float(place), one) for place, one in enumerate(self._fronts.order())]

    def remove(self, number: int) -> None:
        """The trial counts no more, if it did."""
        if self.points.pop(number, None) is not None:
            self._fronts = None
