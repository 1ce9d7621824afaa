"""Optuna's distributions as orch's domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.importing.domains import text
from searchspaces import Choice, Float, Int, Scalar
from searchspaces.domains import AnyDomain
from searchspaces.scalars import same

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_LARGEST = 2**40
"""Beyond this a whole number is no :class:`Int`."""


def domains_of(trials: Sequence[FrozenTrial]) -> tuple[dict[str, AnyDomain], list[str]]:
    """Each parameter's domain, and the names of those of which trials had several.

    Several distributions of a parameter make the domain that holds them all. A parameter that
    was a number in one trial and a choice in another has none here.
    """
    seen: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            seen.setdefault(name, {})[repr(distribution)] = distribution
    found = {name: _union(list(known.values())) for name, known in seen.items()}
    differ = [name for name, known in seen.items() if len(known) > 1]
    return {name: domain for name, domain in found.items() if domain is not None}, differ


def _union(distributions: Sequence[Any]) -> AnyDomain | None:
    kinds = {type(one).__name__ for one in distributions}
    if kinds == {"CategoricalDistribution"}:
        return _choice([value for one in distributions for value in one.choices])
    if not kinds <= {"FloatDistribution", "IntDistribution"}:
        return None
    low, high = min(one.low for one in distributions), max(one.high for one in distributions)
    log = all(one.log for one in distributions)
    # Two grids make one only where they begin at the same value with the same step.
    grids = {(one.low, one.step) for one in distributions}
    step = grids.pop()[1] if len(grids) == 1 else None
    if step is not None and (log or not 0 < step <= high - low):
        step = None
    if kinds == {"IntDistribution"} and max(abs(low), abs(high)) <= _LARGEST:
        return Int(low, high, log=log, step=None if step == 1 else step)
    return Float(low, high, log=log, step=step if kinds == {"FloatDistribution"} else None)


def _choice(choices: Sequence[Any]) -> Choice:
    """A choice; where texts and others mix all become texts, as in the table's column."""
    plain = [isinstance(value, bool | int | float | str) for value in choices]
    kinds = {"number" if type(value) in {int, float} else type(value) for value in choices}
    mixed = len(kinds) > 1 or not all(plain)
    values: list[Scalar] = []
    for value in choices:
        made = text(value) if mixed else value
        if not any(same(made, other) for other in values):
            values.append(made)
    return Choice(tuple(values))
