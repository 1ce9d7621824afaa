"""Trials at a rung by several objectives: places in the order of non-dominated sorting.

Source: Schmucker et al., Multi-objective Asynchronous Successive Halving, arXiv:2106.12639
(2021), section 3, with the ranking of NSGA-II: :func:`searchspaces.dominance.ranked`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from searchspaces.dominance import ranked

Entry = tuple[float, int]
"""What ranks a trial at a rung, and its number."""


def placed(entries: Iterable[Entry], points: Mapping[int, tuple[float, ...]]) -> list[Entry]:
    """The trials with their places for losses, ascending; places change with each that comes.

    Args:
        entries: of trials with a finite loss.
        points: the losses of each by its number.
    """
    numbers = sorted(number for _, number in entries)
    order = ranked([points[number] for number in numbers])
    return [(float(place), numbers[index]) for place, index in enumerate(order)]
