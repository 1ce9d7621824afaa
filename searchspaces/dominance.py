"""Which of several points no other dominates, and in what order they rank; all to be small.

A point dominates another if it is nowhere larger and somewhere smaller. Equal points do not
dominate each other, so ties stay together.

Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE
Transactions on Evolutionary Computation 6 (2002), sections III.A and III.B. Two objectives are
sorted as in Jensen, Reducing the Run-Time Complexity of Multiobjective EAs, IEEE Transactions on
Evolutionary Computation 7 (2003), section III.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

Point = Sequence[float]


def layers(points: Sequence[Point]) -> list[int]:
    """The front of each point: 0 if nothing dominates it, 1 if only those of 0 do, and so on.

    Two objectives take ``n log n`` steps, others ``n`` squared.

    Args:
        points: of equal length, without nan.
    """
    if not points:
        return []
    return _two(points) if len(points[0]) == 2 else _more(points)


def front(points: Sequence[Point]) -> list[bool]:
    """Which points nothing dominates; takes a step for each point and each one that is kept."""
    if not points or len(points[0]) == 2:
        return [layer == 0 for layer in layers(points)]
    import numpy as np

    values = np.array(points, dtype=float).reshape(len(points), -1)
    found = [False] * len(points)
    kept, count = np.empty_like(values), 0
    # Whatever is dominated is so by one that is kept, which is before it in ascending order.
    for index in sorted(range(len(points)), key=lambda index: tuple(points[index])):
        point, before = values[index], kept[:count]
        if not ((before <= point).all(axis=1) & (before < point).any(axis=1)).any():
            kept[count], found[index], count = point, True, count + 1
    return found


def ranked(points: Sequence[Point]) -> list[int]:
    """Indices of the points, the best first: by front, in a front those with most room first.

    The room of a point is its crowding distance: the sides of the box that its neighbours span,
    each as a share of its front's; infinite at the ends of a front. Ties go to the lower index.
    """
    found = layers(points)
    fronts: dict[int, list[int]] = {}
    for index, layer in enumerate(found):
        fronts.setdefault(layer, []).append(index)
    order: list[int] = []
    for layer in sorted(fronts):
        members = fronts[layer]
        room = _room([points[index] for index in members])
        order += [index for _, index in sorted(zip((-one for one in room), members, strict=True))]
    return order


def _two(points: Sequence[Point]) -> list[int]:
    """Each goes to the first front whose last member does not dominate it.

    In ascending order the last member of a front is its least in the second objective, and
    these ascend from front to front.
    """
    order = sorted(range(len(points)), key=lambda index: tuple(points[index]))
    found = [0] * len(points)
    least: list[float] = []
    before: tuple[int, int] | None = None
    for index in order:
        if before is not None and tuple(points[before[0]]) == tuple(points[index]):
            found[index] = before[1]
            continue
        second = points[index][1]
        layer = bisect_right(least, second)
        least[layer : layer + 1] = [second]
        found[index] = layer
        before = index, layer
    return found


def _more(points: Sequence[Point]) -> list[int]:
    """Whatever is dominated by nothing that is left makes the next front."""
    import numpy as np

    values = np.array(points, dtype=float).reshape(len(points), -1)
    below = np.ones((len(points), len(points)), dtype=bool)  # [i, j]: i is nowhere above j
    for column in values.T:
        below &= column[:, None] <= column[None, :]
    dominates = below & ~below.T
    left = dominates.sum(axis=0)
    found = np.zeros(len(points), dtype=int)
    layer, members = 0, np.flatnonzero(left == 0)
    while len(members):
        found[members] = layer
        left[members] = -1
        left -= dominates[members].sum(axis=0)
        layer, members = layer + 1, np.flatnonzero(left == 0)
    return [int(each) for each in found]


def _room(points: Sequence[Point]) -> list[float]:
    """The crowding distance of each point of a front."""
    room = [0.0] * len(points)
    for axis in range(len(points[0])):
        order = sorted(range(len(points)), key=lambda index: (points[index][axis], index))
        low, high = points[order[0]][axis], points[order[-1]][axis]
        if not high > low:
            continue
        room[order[0]] = room[order[-1]] = math.inf
        for left, index, right in zip(order, order[1:], order[2:], strict=False):
            room[index] += (points[right][axis] - points[left][axis]) / (high - low)
    return room
