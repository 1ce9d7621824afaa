"""``when=``: which parameters of a flat mapping are active, and in what order to ask."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from searchspaces.domains import Choice, Domain, Float, Int, Parameter
from searchspaces.errors import ConfigurationError, did_you_mean
from searchspaces.scalars import Value, same, text

MORE_THAN_ONE = (2, 3, 4)
"""How a condition writes "more than one layer": the values of a default range above 1."""

MOST_LAYERS = 1_000
"""So many numbers of layers may be told apart by a condition."""


def condition(parameter: Parameter) -> dict[str, tuple[Value, ...]]:
    """The parents of a parameter and the values that activate it; empty for always."""
    return (parameter.when or {}) if isinstance(parameter, Domain) else {}


def conditional(
    parameter: Parameter, when: Mapping[str, tuple[Value, ...]]
) -> Float | Int | Choice:
    """The parameter under another condition; a constant as a domain of one value."""
    if isinstance(parameter, bool | str):
        return Choice((parameter,), when=dict(when))
    if isinstance(parameter, int):
        return Int(parameter, parameter, when=dict(when))
    if isinstance(parameter, float):
        return Float(parameter, parameter, when=dict(when))
    return dataclasses.replace(parameter, when=dict(when))


def is_active(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    """Whether every parent is among ``values`` with a value that activates the parameter."""
    return not any(unmet(parameter, values))


def unmet(parameter: Parameter, values: Mapping[str, Value]) -> Iterator[str]:
    """The parents that keep the parameter from being active; none if it is."""
    for parent, allowed in condition(parameter).items():
        if parent not in values or not any(same(values[parent], value) for value in allowed):
            yield parent


def with_several_layers(
    parameters: Mapping[str, Parameter], layers: str, *, place: str
) -> dict[str, Parameter]:
    """The parameters; a condition that is ``MORE_THAN_ONE`` holds for all the layers above 1.

    The layers may have another range than the default one, for which it was written.

    Args:
        parameters: the flat mapping.
        layers: the parameter that is a number of layers, or an empty name.
        place: what an error names as the place, such as ``GruSpace``.

    Raises:
        ConfigurationError: the layers have more than ``MOST_LAYERS`` values.
    """
    found = dict(parameters)
    for name, parameter in parameters.items():
        when = condition(parameter)
        if isinstance(parameter, Domain) and set(when.get(layers, ())) == set(MORE_THAN_ONE):
            several = _above_one(name, parameters.get(layers), place=f"{place}.{layers}")
            if several:  # if not, the list is right that this never is active
                found[name] = dataclasses.replace(parameter, when={**when, layers: several})
    return found


def _above_one(name: str, number: Parameter | None, *, place: str) -> tuple[int, ...]:
    """The values above 1 of a number of layers, on which the parameter ``name`` depends."""
    if not isinstance(number, Int):
        return (number,) if isinstance(number, int) and number > 1 else ()
    if number.size > MOST_LAYERS:
        raise ConfigurationError(
            f"{number.size:,} values are too many for {name}, which depends on them. "
            f"Give at most {MOST_LAYERS:,}.",
            place=place,
        )
    values = (number.value_at(index) for index in range(number.size))
    return tuple(value for value in values if value > 1)


def parents_first(
    parameters: Mapping[str, Parameter], *, place: str, outside: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """The names in an order in which every parent precedes its children.

    Args:
        parameters: the flat mapping.
        place: what an error names as the place, such as ``GruSpace``.
        outside: parents that may be missing here, because the other space has them.

    Raises:
        ConfigurationError: a parent is unknown, continuous or without a value that
            activates its child, or parents form a circle.
    """
    for name, parameter in parameters.items():
        for parent, allowed in condition(parameter).items():
            if parent in parameters or parent not in outside:
                _check_parent(f"{place}.{name}.when", parent, allowed, parameters)
    graph = {name: condition(parameter) for name, parameter in parameters.items()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
        raise ConfigurationError(
            f"conditions form a circle: {' -> '.join(circle)}. Drop one of them.",
            place=f"{place}.{circle[0]}.when",
        ) from None
    return tuple(name for name in order if name in parameters)


def _check_parent(
    place: str, name: str, allowed: tuple[Value, ...], parameters: Mapping[str, Parameter]
) -> None:
    if name not in parameters:
        close = did_you_mean(name, parameters)
        hint = f" Did you mean {close!r}?" if close else ""
        known = ", ".join(parameters)
        raise ConfigurationError(f"unknown parent {name!r}.{hint} Known: {known}.", place=place)
    parent = parameters[name]
    # A constant, or a domain of one value, may switch its children off for good.
    if not isinstance(parent, Domain) or parent.size == 1:
        return
    if isinstance(parent, Float) and parent.step is None:
        raise ConfigurationError(
            f"the parent {name!r} is continuous and hits no single value. "
            f"Give it a step or use another parent.",
            place=place,
        )
    if not any(parent.contains(value) for value in allowed):
        listed = ", ".join(
            text(value) if isinstance(value, tuple) else repr(value) for value in allowed
        )
        raise ConfigurationError(
            f"the parent {name!r} never is {listed}, so this is never active. "
            f"Give values that are in {parent!r}.",
            place=place,
        )


def count(parameters: Mapping[str, Parameter], order: tuple[str, ...]) -> int | float:
    """Number of distinct configs, constraints aside; ``math.inf`` with an active interval."""
    mentioned: dict[str, list[Value]] = {}
    for parameter in parameters.values():
        for parent, allowed in condition(parameter).items():
            mentioned.setdefault(parent, []).extend(allowed)

    def count_from(names: tuple[str, ...], values: dict[str, Value]) -> int | float:
        if not names:
            return 1
        name, rest = names[0], names[1:]
        parameter = parameters[name]
        if not is_active(parameter, values):
            return count_from(rest, values)
        total: int | float = 0
        for value, times in _classes(parameter, mentioned.get(name)):
            chosen = values if value is None else {**values, name: value}
            total += times * count_from(rest, chosen)
        return total

    # Together they would take twice as long with each switch.
    sizes = [count_from(names, {}) for names in _families(parameters, order)]
    return math.inf if math.inf in sizes else math.prod(sizes)  # which may be no float


def _families(
    parameters: Mapping[str, Parameter], order: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Names that conditions join, in that order; what one family has does not change another."""
    family = {name: name for name in order}
    for name in order:
        joined = {family[parent] for parent in condition(parameters[name]) if parent in family}
        family.update({other: name for other in order if family[other] in joined})
    for first in dict.fromkeys(family.values()):
        yield tuple(name for name in order if family[name] == first)


def _classes(
    parameter: Parameter, mentioned: list[Value] | None
) -> Iterator[tuple[Value | None, int | float]]:
    """Values that some condition tells apart, each once, and all the others as one class."""
    if not isinstance(parameter, Domain):
        yield parameter, 1
        return
    told_apart: list[Value] = []
    for value in mentioned or ():
        member = parameter.normalise(value)
        if member is not None and not any(same(member, other) for other in told_apart):
            told_apart.append(member)
            yield member, 1
    rest = parameter.size - len(told_apart)
    if rest:
        yield None, rest
