"""What people know, checked before a sweep begins: points, priors and earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.engine.knowledge import configs_of
from orchestrator.searchers.priors import believed
from searchspaces import DataFacts
from searchspaces.config import flattened
from searchspaces.errors import ConfigurationError
from searchspaces.scalars import plain, problem

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec


def read_points(value: Any) -> Any:
    """Points as a person wrote them: one or several mappings from parameter to value.

    Raises:
        pydantic_core.PydanticCustomError: something else.
    """
    points = [value] if isinstance(value, Mapping) else value
    if not isinstance(points, list | tuple):
        raise problem(
            f"{value!r} is no list of configs. Write one as {{learning_rate: 0.003}}, several in "
            f"a list."
        )
    for index, point in enumerate(points):
        if not isinstance(point, Mapping):
            raise problem(
                f"number {index}, {point!r}, is no config. Write one as {{learning_rate: 0.003}}."
            )
    named = (flattened({str(name): each for name, each in one.items()}) for one in points)
    return tuple({name: _plain(value) for name, value in one.items()} for one in named)


def _plain(value: Any) -> Any:
    """The value as a file can hold it, of NumPy's too; what is none is refused by its domain."""
    found = plain(value)
    if found is None:
        return value
    return list(found) if isinstance(found, tuple) else found


def check_known(spec: SweepSpec, facts: DataFacts | None = None) -> None:
    """Refuse what no trial could be made of, or what the searcher has no use for.

    Args:
        spec: of the sweep.
        facts: of its data, once they are known; constraints may look at them.

    Raises:
        ConfigurationError: the first thing that is wrong, at its dotted path.
    """
    if spec.searcher.laid_out:
        _check_laid_out(spec)
    if not spec.points:
        return
    if len(spec.points) > spec.planned_trials:
        raise ConfigurationError(
            f"{len(spec.points)} are given, and the sweep has {spec.planned_trials} "
            f"trial{'s' * (spec.planned_trials != 1)}. Leave some out, or give more trials.",
            place="points",
        )
    repeats = spec.searcher.repeats
    configs_of(spec.points, spec.joint, spec.seed, facts, repeats=repeats)


def _check_laid_out(spec: SweepSpec) -> None:
    """All configs of such a searcher are known: there is nothing to tell it."""
    kind = spec.searcher.kind
    if spec.points:
        raise ConfigurationError(
            f"{kind} lays all its configs out at the start, and no other fits between them. Leave "
            f"the points out, or take another searcher.",
            place="points",
        )
    if spec.warm_start:
        raise ConfigurationError(
            f"{kind} lays all its configs out at the start, and learns from no result. Leave the "
            f"earlier runs out, or take another searcher.",
            place="warm_start",
        )
    for name in believed(spec.joint):
        raise ConfigurationError(
            f"{kind} trains each of its configs, whatever is believed of them. Leave the prior "
            f"out, or take another searcher.",
            place=f"{spec.joint.groups[name]}.{name}.prior",
        )
