"""Many points of the unit cube at once: on their grids, and with gaps where nothing is active."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchspaces import JointSpace
from searchspaces.conditions import condition
from searchspaces.domains import Choice, Float, Int
from searchspaces.scalars import Value, same
from searchspaces.unit_cube import domain_from_unit, domain_to_unit

if TYPE_CHECKING:
    from orchestrator.searchers.kde import Floats, Integers
    from searchspaces.unit_cube import UnitCube

Flags = NDArray[np.bool_]

CELLS = 2048
"""So finely the unit interval is tabulated for a domain that is a grid."""


class Lattice:
    """The points of a space that configs have: what ``to_unit(from_unit(point))`` gives, for many.

    A model judges hundreds of points a suggestion, for which the way over configs would take
    longer than the model. On a grid of more than some hundred values a point may come to lie on
    the neighbour of its value.

    Args:
        space: the space; its constraints are left to whoever takes one of the points.
    """

    def __init__(self, space: JointSpace) -> None:
        cube = space.cube()
        parameters = space.parameters()
        middles = ((np.arange(CELLS) + 0.5) / CELLS).tolist()
        index = {name: dimension for dimension, name in enumerate(cube.names)}
        values: dict[str, list[Value]] = {}
        self._tables: dict[int, Floats] = {}
        self._conditions: list[tuple[int, list[tuple[int, Flags]]]] = []
        self._never: list[int] = []
        for name in space.order():
            domain = parameters[name]
            if not isinstance(domain, Float | Int | Choice):
                continue
            if domain.size < math.inf:
                values[name] = [domain_from_unit(domain, u) for u in middles]
                self._tables[index[name]] = np.array(
                    [domain_to_unit(domain, value) for value in values[name]]
                )
            needs: list[tuple[int, Flags]] = []
            for parent, allowed in condition(domain).items():
                given = parameters[parent]
                if isinstance(given, Float | Int | Choice):
                    fits = [any(same(value, one) for one in allowed) for value in values[parent]]
                    needs.append((index[parent], np.array(fits)))
                elif not any(same(given, one) for one in allowed):
                    self._never.append(index[name])
            if needs:
                self._conditions.append((index[name], needs))

    def on_grid(self, points: Floats) -> Floats:
        """The points, shape (m, d), of the configs that lie there; NaN where inactive."""
        found: Floats = np.clip(points, 0.0, 1.0)
        cells = np.minimum((found * CELLS).astype(np.int64), CELLS - 1)
        for dimension, table in self._tables.items():
            found[:, dimension] = table[cells[:, dimension]]
        found[:, self._never] = np.nan
        for dimension, needs in self._conditions:
            for parent, fits in needs:
                active = fits[cells[:, parent]] & ~np.isnan(found[:, parent])
                found[~active, dimension] = np.nan
        return found


def categories_of(cube: UnitCube) -> Integers:
    """Number of values of each unordered choice, shape (d,); 0 for what has an order."""
    return np.array(
        [
            count if kind == "unordered" else 0
            for count, kind in zip(cube.cardinalities, cube.kinds, strict=True)
        ],
        dtype=np.int64,
    )
