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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Mask = NDArray[np.bool_]

Point = Sequence[float]

CEILING = 1e100
"""Losses that keep all limits on outcomes are no larger; those that break one are, and finite."""


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
        if not _dominate(before, point).any():
            kept[count], found[index], count = point, True, count + 1
    return found


def ranked(points: Sequence[Point]) -> list[int]:
    """Indices of the points, the best first: by front, in a front those with most room first.

    The room of a point is its crowding distance: the sides of the box that its neighbours span,
    each as a share of its front's; infinite at the ends of a front. Ties go to the lower index.
    """
    import numpy as np

    found = layers(points)
    fronts: dict[int, list[int]] = {}
    for index, layer in enumerate(found):
        fronts.setdefault(layer, []).append(index)
    order: list[int] = []
    for layer in sorted(fronts):
        members = fronts[layer]
        room = _room(np.array([points[index] for index in members], dtype=float))
        order += [members[index] for index in np.argsort(-room, kind="stable")]
    return order


class Fronts:
    """The ranks of points that come one after the other.

    A point that comes is behind the last front that has one which dominates it; what it
    dominates in its own front moves one on, and so may others behind.

    Source: Li et al., Efficient Nondomination Level Update Method for Steady-State Evolutionary
    Multiobjective Optimization, IEEE Transactions on Cybernetics 47 (2017), section III.

    Args:
        width: of a point.
    """

    def __init__(self, width: int) -> None:
        import numpy as np

        self._keys: list[int] = []
        self._points = np.empty((0, width))
        self._layers = np.empty(0, dtype=np.int64)
        self._orders: list[list[int] | None] = []

    def add(self, key: int, point: Point) -> None:
        """Let a point in.

        Args:
            key: of the point; ties in :meth:`order` go by it.
            point: without nan.
        """
        import numpy as np

        count = len(self._keys)
        if count == len(self._points):
            self._points = np.resize(self._points, (2 * count + 16, self._points.shape[1]))
            self._layers = np.resize(self._layers, 2 * count + 16)
        self._keys.append(key)
        self._points[count] = point
        points, found = self._points[:count], self._layers[:count]
        above = _dominate(points, self._points[count])
        layer = int(found[above].max()) + 1 if above.any() else 0
        moved = np.array([count])
        while len(moved):
            if layer == len(self._orders):
                self._orders.append(None)
            self._orders[layer] = None
            behind = np.flatnonzero(found == layer)
            beaten = [_dominate(-points[behind], -one) for one in self._points[moved]]
            self._layers[moved] = layer
            moved, layer = behind[np.any(beaten, axis=0)], layer + 1

    def order(self) -> list[int]:
        """The keys of the points, in the order of :func:`ranked`."""
        import numpy as np

        count = len(self._keys)
        for layer, known in enumerate(self._orders):
            if known is None:
                members = np.flatnonzero(self._layers[:count] == layer)
                keys = sorted((self._keys[index], index) for index in members.tolist())
                room = _room(self._points[[index for _, index in keys]])
                self._orders[layer] = [keys[index][0] for index in np.argsort(-room, kind="stable")]
        return [key for order in self._orders for key in order or ()]


def _dominate(points: Values, point: Values) -> Mask:
    """Which points dominate that one."""
    import numpy as np

    found: Mask = np.all(points <= point, axis=1) & np.any(points < point, axis=1)
    return found


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


def _room(points: Values) -> Values:
    """The crowding distance of each point of a front, shape (n,)."""
    import numpy as np

    room = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        values = column[order]
        low, high = values[0], values[-1]
        if not high > low:
            continue
        room[order[[0, -1]]] = math.inf
        room[order[1:-1]] += (values[2:] - values[:-2]) / (high - low)
    return room
