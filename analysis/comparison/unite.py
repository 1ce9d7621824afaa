"""What one parameter is in several runs that are looked at as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.parameters import Parameter, parse_parameters, plain
from searchspaces import Choice, Value
from searchspaces.errors import UsageError

Entry = Mapping[str, Any]
"""A parameter as the metadata hold it: its group, its kind and its domain or value."""


@dataclass(frozen=True)
class Said:
    """What a run says of a parameter.

    Attributes:
        run: its id.
        entry: as in its metadata.
    """

    run: str
    entry: Entry


def unite(name: str, given: Sequence[Said]) -> tuple[Entry, str]:
    """The parameter's entry in the merged run, and a note where it was widened, else empty.

    Bounds and the values of a choice are united; everything else must be the same. A
    constant counts as searched where another run searched it.

    Args:
        name: the parameter.
        given: what each run that has it says, at least one.

    Raises:
        UsageError: the runs search it differently.
    """
    constant = [said for said in given if said.entry["kind"] == "constant"]
    searched = [said for said in given if said.entry["kind"] != "constant"]
    if not searched:
        return _constant(name, constant), ""
    parameters = [(said.run, parameter) for said in searched for parameter in _parsed(name, said)]
    if not parameters:  # one value, written as a range
        return searched[0].entry, ""
    united, notes = parameters[0][1], []
    for run, parameter in parameters[1:]:
        united = _united(name, united, parameter, (parameters[0][0], run))
    if any(parameter != united for _, parameter in parameters):
        notes.append(f"{name} is taken as {united.range_words()}, the union of the runs' ranges")
    for said in constant:
        value = said.entry.get("value")
        if value is None:  # it never acts there
            continue
        if not united.domain.contains(value):
            raise UsageError(
                f"runs {parameters[0][0]} and {said.run} cannot be merged: {name} is "
                f"{united.range_words()} and {plain(value)}, which lies outside. "
                f"Compare them instead."
            )
        notes.append(f"{name} is searched, but always {plain(value)} in {said.run}")
    return {"group": united.group, **united.domain.as_mapping()}, "; ".join(notes)


def _parsed(name: str, said: Said) -> tuple[Parameter, ...]:
    return parse_parameters({name: said.entry})


def _constant(name: str, given: Sequence[Said]) -> Entry:
    first = given[0]
    for said in given[1:]:
        if said.entry.get("value") != first.entry.get("value"):
            raise UsageError(
                f"runs {first.run} and {said.run} cannot be merged: {name} is always "
                f"{_shown(first)} and always {_shown(said)}. Compare them instead."
            )
    return first.entry


def _shown(said: Said) -> str:
    value = said.entry.get("value")
    return "inactive" if value is None else plain(value)


def _united(name: str, one: Parameter, other: Parameter, runs: tuple[str, str]) -> Parameter:
    """Both ranges as one.

    Raises:
        UsageError: they differ in more than bounds.
    """
    a: Any = one.domain  # Float and Int have bounds of different types
    b: Any = other.domain
    if isinstance(a, Choice) or isinstance(b, Choice):
        if (
            isinstance(a, Choice)
            and isinstance(b, Choice)
            and replace(a, values=b.values) == b
            and (not a.ordered or _in_order(a.values, b.values))
        ):
            longer, shorter = (b, a) if len(b.values) > len(a.values) else (a, b)
            more = tuple(value for value in shorter.values if not longer.contains(value))
            return replace(one, domain=replace(longer, values=(*longer.values, *more)))
        raise _differ(name, one, other, runs)
    if type(a) is not type(b) or replace(a, low=b.low, high=b.high) != b:
        raise _differ(name, one, other, runs)
    wide = replace(a, low=min(a.low, b.low), high=max(a.high, b.high))
    # With a step, both grids must lie on one.
    if not (_on(wide, a) and _on(wide, b)):
        raise _differ(name, one, other, runs)
    return replace(one, domain=wide)


def _on(wide: Any, domain: Any) -> bool:
    return domain.step is None or bool(wide.contains(domain.low))


def _in_order(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether the shorter is the longer with some values left out."""
    longer, shorter = (other, one) if len(other) > len(one) else (one, other)
    rest = iter(longer)
    return all(value in rest for value in shorter)


def _differ(name: str, one: Parameter, other: Parameter, runs: tuple[str, str]) -> UsageError:
    return UsageError(
        f"runs {runs[0]} and {runs[1]} cannot be merged: {name} is {one.domain!r} and "
        f"{other.domain!r}. Only bounds may differ; compare them instead."
    )
