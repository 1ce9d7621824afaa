"""A space that changed while it was searched: what its versions have in common."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeAlias

from pydantic import ValidationError

from searchspaces.domains import Choice, Domain, Float, Int, Parameter
from searchspaces.scalars import same

_LISTED = 10_000
"""Values of a grid that are looked at one by one."""


ValueType: TypeAlias = type[bool] | type[int] | type[float] | type[str] | type[tuple[Any, ...]]


def value_type(parameter: Parameter) -> ValueType:
    """The one type that all values of a parameter fit into; mixed choices become text."""
    if isinstance(parameter, Float):
        return float
    if isinstance(parameter, Int):
        return int
    values = parameter.values if isinstance(parameter, Choice) else (parameter,)
    kinds: set[ValueType] = {type(value) for value in values}
    if len(kinds) == 1:
        return kinds.pop()
    return float if kinds <= {int, float} else str


def hull(old: Parameter, new: Parameter) -> Parameter:
    """The least parameter that holds the values of both versions, on the newer one's scale.

    A grid that the older values need not lie on becomes an interval, a logarithmic scale
    that cannot hold them a linear one. A constant counts as the one value it is.

    Args:
        old: the version before.
        new: the version after; of the same :func:`value_type`.
    """
    if old == new:
        return new
    choice = isinstance(old, Choice) or isinstance(new, Choice)
    if choice or value_type(new) in {str, bool, tuple}:
        return _values(old, new)
    return _interval(old, new)


def _values(old: Parameter, new: Parameter) -> Parameter:
    first, then = _members(old), _members(new)
    if all(any(same(value, other) for other in then) for value in first):
        first, then = then, first  # the newer order, where it has all of them
    more = tuple(value for value in then if not any(same(value, other) for other in first))
    ordered = isinstance(new, Choice) and new.ordered
    return Choice((*first, *more), ordered=ordered, when=_when(old, new))


def _members(parameter: Parameter) -> tuple[Any, ...]:
    """The values of a choice or a constant; of a range its two ends."""
    if isinstance(parameter, Choice):
        return parameter.values
    if isinstance(parameter, Domain):
        return (parameter.low, parameter.high)
    return (parameter,)


def _interval(old: Parameter, new: Parameter) -> Parameter:
    shape = new if isinstance(new, Domain) else old
    if not isinstance(shape, Float | Int):  # two constants
        shape = _span(min(old, new), max(old, new))  # type: ignore[type-var]  # both are numbers
    ends = [value for parameter in (old, new) for value in _members(parameter)]
    low, high = min(ends), max(ends)
    when = _when(old, new)
    powers = shape.powers_of if isinstance(shape, Int) else None
    smooth = {"log": True} if low > 0 and (shape.log or powers is not None) else {}
    scale = {"log": True} if low > 0 and shape.log else {}
    for kept in ({"powers_of": powers}, {"step": shape.step, **scale}):
        if None not in kept.values():
            with suppress(ValidationError):  # no powers below 1, nor a step too fine for the range
                grid = _range(shape, low, high, when=when, **kept)
                if _holds(grid, old) and _holds(grid, new):
                    return grid
    return _range(shape, low, high, when=when, **smooth)


def _range(shape: Float | Int, low: Any, high: Any, **kept: Any) -> Float | Int:
    return Int(int(low), int(high), **kept) if isinstance(shape, Int) else Float(low, high, **kept)


def _holds(grid: Float | Int, parameter: Parameter) -> bool:
    """Whether all values of a parameter lie on a grid; what has too many is taken for not."""
    if not isinstance(parameter, Domain):
        return grid.contains(parameter)
    if not parameter.size <= _LISTED:
        return False
    return all(grid.contains(parameter.value_at(i)) for i in range(int(parameter.size)))


def _span(low: Any, high: Any) -> Float | Int:
    return Int(low, high) if isinstance(low, int) and isinstance(high, int) else Float(low, high)


def _when(old: Parameter, new: Parameter) -> dict[str, tuple[Any, ...]] | None:
    """The condition under which it acts in either version; None is always."""
    one, other = (p.when if isinstance(p, Domain) else None for p in (old, new))
    if one is None or other is None or one.keys() != other.keys():
        return None
    return {
        name: (*one[name], *(v for v in other[name] if not any(same(v, w) for w in one[name])))
        for name in one
    }
