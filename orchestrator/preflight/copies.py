"""Population based training copies weights: what it changes must leave their shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestrator.preflight.corners import middle
from orchestrator.schedulers import Scheduler
from searchspaces import Choice, Config, DataFacts, JointSpace, Value
from searchspaces.domains import Float, Int
from searchspaces.errors import ConfigurationError
from searchspaces.unit_cube import domain_from_unit

Shapes = Mapping[str, tuple[int, ...]]


def check_copies(
    scheduler: Scheduler,
    space: JointSpace,
    facts: DataFacts | None,
    shapes: Callable[[Config], Shapes],
) -> None:
    """Refuse to explore what no copied weights would fit.

    Args:
        scheduler: of the sweep.
        space: of its configs.
        facts: of the data.
        shapes: those of the weights of the network that a config makes, by name.

    Raises:
        ConfigurationError: two values of a parameter that may change give different shapes.
    """
    explored = scheduler.varies.names if scheduler.varies is not None else None
    for name in explored or ():
        if space.groups[name] != "space":
            continue
        first: tuple[Value, Shapes] | None = None
        for value, config in _alike_but_for(name, space, facts):
            found = value, shapes(config)
            first = first or found
            if found[1] != first[1]:
                raise ConfigurationError(
                    f"weights of a network with {name} {first[0]} do not fit one with {name} "
                    f"{value}, so no trial could copy another. Leave {name} out.",
                    place="scheduler.explore",
                )


def _alike_but_for(
    name: str, space: JointSpace, facts: DataFacts | None
) -> Iterator[tuple[Value, Config]]:
    """Configs in the middle of the space that differ in one parameter, as far as they are valid."""
    base: dict[str, Any] = dict(middle(space, facts))
    for value in _values(space.parameters()[name]):
        try:
            yield value, space.validate({**base, name: value}, facts)
        except ConfigurationError:  # a constraint, or the parameter means nothing there
            continue


def _values(parameter: object) -> list[Value]:
    """All values of a choice, both ends and the middle of a range; those of a constant are none."""
    if isinstance(parameter, Choice):
        return list(parameter.values)
    if not isinstance(parameter, Float | Int):
        return []
    return list(dict.fromkeys(domain_from_unit(parameter, unit) for unit in (0.0, 0.5, 1.0)))
