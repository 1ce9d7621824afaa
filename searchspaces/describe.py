"""Spaces in words: ``hidden_size 16..256 log, dropout 0..0.5 if num_layers > 1``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from searchspaces.conditions import condition
from searchspaces.domains import Choice, Domain, Float, Int, Parameter
from searchspaces.scalars import Value, same, text


def describe(parameters: Mapping[str, Parameter], among: Mapping[str, Parameter]) -> str:
    """Parameters in one line; empty without any.

    Args:
        parameters: what to describe, in order.
        among: all parameters that conditions may name.
    """
    return ", ".join(
        " ".join([name, describe_value(parameter), *_believed(parameter), *_when(parameter, among)])
        for name, parameter in parameters.items()
    )


def searched(parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    """The names of what can have more than one value: all that differs between trials."""
    return tuple(
        name
        for name, parameter in parameters.items()
        if isinstance(parameter, Domain) and parameter.size > 1 and _can_be(parameter, parameters)
    )


def _can_be(parameter: Parameter, among: Mapping[str, Parameter]) -> bool:
    """Whether its conditions can hold: each parent can have one of the values it needs."""
    for parent, values in condition(parameter).items():
        found = among.get(parent)
        if isinstance(found, Domain):
            possible = any(found.contains(value) for value in values)
        else:
            possible = found is None or any(same(found, value) for value in values)
        if not possible:
            return False
    return True


def describe_value(parameter: Parameter) -> str:
    """A domain or a constant in words: ``16..256 log``, ``0..1 step 0.1``, ``relu|tanh``."""
    if isinstance(parameter, Choice):
        return "|".join(_plain(value) for value in parameter.values)
    if not isinstance(parameter, Domain):
        return _plain(parameter)
    if parameter.size == 1:
        return _plain(parameter.value_at(0))
    low, high = (_plain(bound, log=parameter.log) for bound in (parameter.low, parameter.high))
    words = f"{low}..{high}"
    if isinstance(parameter, Int) and parameter.powers_of is not None:
        words += f" powers of {parameter.powers_of}"
    if parameter.step is not None:
        words += f" step {_plain(parameter.step)}"
    return words + (" log" if parameter.log else "")


def describe_values(values: Sequence[Value]) -> str:
    """The values of a condition in words: ``= 2``, ``= 2|3|4``; parameters have commas between."""
    return f"= {'|'.join(_plain(value) for value in values)}"


def _believed(parameter: Parameter) -> list[str]:
    """``around 0.003``: a value that somebody believes good."""
    if not isinstance(parameter, Float | Int | Choice) or parameter.prior is None:
        return []
    log = not isinstance(parameter, Choice) and parameter.log
    return [f"around {_plain(parameter.prior, log=log)}"]


def _when(parameter: Parameter, among: Mapping[str, Parameter]) -> list[str]:
    conditions = [
        f"{parent} {_shortest(values, among.get(parent))}"
        for parent, values in condition(parameter).items()
        if not _always(values, among.get(parent))
    ]
    return [f"if {' and '.join(conditions)}"] if conditions else []


def _members(parent: Parameter | None) -> list[Value]:
    """All values that a parent can have; empty where they are too many, or not known."""
    if isinstance(parent, Int | Choice) and parent.size <= 1_000:
        return [parent.value_at(index) for index in range(parent.size)]
    return [] if parent is None or isinstance(parent, Domain) else [parent]


def _always(values: Sequence[Value], parent: Parameter | None) -> bool:
    """Whether the parent can have no value but these."""
    members = _members(parent)
    return bool(members) and all(any(same(one, value) for value in values) for one in members)


def _shortest(values: Sequence[Value], parent: Parameter | None) -> str:
    """``> 1`` where the values are all of the parent's above 1, else the list."""
    members = _members(parent)
    if isinstance(parent, Int) and members:
        hits = [any(same(member, value) for value in values) for member in members]
        cut = sum(hits)
        if len(values) > 1 and 0 < cut < len(members):
            if all(hits[-cut:]):
                return f"> {members[-cut - 1]}"
            if all(hits[:cut]):
                return f"< {members[cut]}"
    return describe_values(values)


def _plain(value: Value, *, log: bool = False) -> str:
    """A value as one would write it; a bound of a log scale below 1 as 1e-4."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return text(value)
    exponent = math.floor(math.log10(value)) if log else 0
    digit = round(value / 10.0**exponent)
    if exponent < 0 and float(f"{digit}e{exponent}") == value:
        return f"{digit}e{exponent}"
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
