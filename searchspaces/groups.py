"""Groups: spaces that are fields of another one, whose parameters have dotted names there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from searchspaces.conditions import condition, conditional
from searchspaces.config import Config
from searchspaces.constraints import BoundConstraint
from searchspaces.domains import Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts
from searchspaces.scalars import Value, same

DOMAIN_KEYS = ("kind", "low", "high", "values")
"""A mapping with one of these keys is a domain, any other a group; no parameter of a group
has one of these names."""

Condition = Mapping[str, tuple[Value, ...]]


def is_group(value: object) -> bool:
    """Whether a mapping in a space stands for a group, and not for a domain."""
    return isinstance(value, Mapping) and not any(key in value for key in DOMAIN_KEYS)


def check_members(names: Iterable[str], place: str) -> None:
    """Refuse a group's parameter that has the name of a domain's key.

    Raises:
        ConfigurationError: there is one.
    """
    for name in names:
        if name in DOMAIN_KEYS:
            raise ConfigurationError(
                f"in a group, the name says what a domain is. Rename the parameter; "
                f"{', '.join(DOMAIN_KEYS)} cannot be names there.",
                place=f"{place}.{name}",
            )


def parameters_of_group(
    group: str, parameters: Mapping[str, Parameter], when: Condition | None, *, place: str
) -> dict[str, Parameter]:
    """A group's parameters under the names, and with the conditions, that they have outside.

    Args:
        group: name of the field.
        parameters: of the group, by the names within it. A parent that is none of them is
            one of the space around it.
        when: the group's own condition, by names of the space around it.
        place: what an error names as the place.

    Raises:
        ConfigurationError: a parameter and its group need different values of one parent.
    """
    found: dict[str, Parameter] = {}
    for name, parameter in parameters.items():
        needs = {
            f"{group}.{parent}" if parent in parameters else parent: values
            for parent, values in condition(parameter).items()
        }
        for parent, values in (when or {}).items():
            both = _both(values, needs.get(parent))
            if not both:
                raise ConfigurationError(
                    f"it needs a value of {parent} that its group never has. Drop one of the "
                    f"conditions.",
                    place=f"{place}.{group}.{name}.when",
                )
            needs[parent] = both
        found[f"{group}.{name}"] = conditional(parameter, needs) if needs else parameter
    return found


def _both(values: tuple[Value, ...], others: tuple[Value, ...] | None) -> tuple[Value, ...]:
    if others is None:
        return values
    return tuple(value for value in values if any(same(value, other) for other in others))


def constraints_of_group(
    group: str, constraints: tuple[BoundConstraint, ...]
) -> tuple[BoundConstraint, ...]:
    """A group's constraints, which see the group's part of a config; none if it has no part."""
    return tuple(
        BoundConstraint(f"{group}.{rule.name}", rule.message, partial(_holds, group, rule))
        for rule in constraints
    )


def _holds(group: str, rule: BoundConstraint, config: Config, facts: DataFacts | None) -> bool:
    part = config.get(group)
    return part is None or bool(rule.check(part, facts))
