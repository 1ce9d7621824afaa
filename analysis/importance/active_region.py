"""The part of the unit cube in which a conditional parameter acts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.parameters import FloatArray, Parameter
from searchspaces import Value
from searchspaces.scalars import same

Region = dict[int, tuple[FloatArray, NDArray[np.bool_]]]
"""By column: the edges of its cells, shape (k + 1,), and which of them count, shape (k,)."""


def active_region(parameters: Sequence[Parameter], column: int) -> Region:
    """What the ancestors of a parameter must be for it to act; empty if it always does.

    Conditions on constants are left out: they hold, or the parameter was never searched.
    So are those that hold for no value, or for all.
    """
    places = {parameter.name: place for place, parameter in enumerate(parameters)}
    region: Region = {}
    waiting = [column]
    while waiting:
        for parent, allowed in (parameters[waiting.pop()].domain.when or {}).items():
            place = places.get(parent)
            if place is None:
                continue
            waiting.append(place)
            counted = _counted(parameters[place], allowed)
            cells = parameters[place].cells()
            if cells is None or counted is None:
                continue
            if place in region:
                counted &= region[place][1]
            if counted.any():
                region[place] = (cells[1], counted)
    return {place: found for place, found in region.items() if not found[1].all()}


def _counted(parameter: Parameter, allowed: Sequence[Value]) -> NDArray[np.bool_] | None:
    domain = parameter.domain
    if domain.size == float("inf"):
        return None
    values = (domain.value_at(index) for index in range(int(domain.size)))
    return np.array([any(same(value, other) for other in allowed) for value in values])
