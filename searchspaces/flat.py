"""What one space and two joined spaces have in common: names, conditions, constraints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from searchspaces.conditions import condition, count, is_active, parents_first, unmet
from searchspaces.config import Config, flattened, seal
from searchspaces.constraints import BoundConstraint
from searchspaces.describe import describe_value, describe_values
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError, did_you_mean
from searchspaces.facts import DataFacts
from searchspaces.scalars import Value, plain, same
from searchspaces.unit_cube import UnitCube

TRIES = 10_000
"""Draws that constraints may refuse in a row before sampling gives up."""


class FlatSpace(ABC):
    """Parameters by name with conditions and constraints: draws, checks and counts configs.

    Attributes:
        outside: parents in conditions that only the space joined to this one has; a
            parameter with such a parent is active in the joined space alone.
    """

    outside: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def parameters(self) -> dict[str, Parameter]:
        """Domains and constants by name, in declaration order."""

    @abstractmethod
    def constraints(self) -> tuple[BoundConstraint, ...]:
        """The constraints, in order of definition."""

    def order(self) -> tuple[str, ...]:
        """The names in an order in which every parent precedes its children.

        Raises:
            ConfigurationError: a condition's parent is unknown, continuous or in a circle.
        """
        return parents_first(self.parameters(), place=type(self).__name__, outside=self.outside)

    @property
    def size(self) -> int | float:
        """Number of distinct configs, constraints aside; ``math.inf`` with an interval in it."""
        return count(self.parameters(), self.order())

    def cube(self) -> UnitCube:
        """The map between this space's configs and the unit cube."""
        return UnitCube(self)

    def sample(self, rng: np.random.Generator, facts: DataFacts | None = None) -> Config:
        """Draw a config uniformly on the declared scales; constraints by rejection.

        Args:
            rng: the only source of randomness; a try takes one number per dimension.
            facts: what constraints may know about the data.

        Raises:
            ConfigurationError: constraints refused 10,000 draws; the message names the worst.
        """
        cube, constraints = self.cube(), self.constraints()
        refusals: Counter[str] = Counter()
        for _ in range(TRIES):
            config = seal(cube.from_unit(rng.random(cube.dimensions)))
            refused = [rule.name for rule in constraints if not rule.holds(config, facts)]
            if not refused:
                return config
            refusals.update(refused)
        name, times = refusals.most_common(1)[0]
        message = next(rule.message for rule in constraints if rule.name == name)
        raise ConfigurationError(
            f"no valid config in {TRIES:,} draws; the constraint refused {times:,} of them "
            f"({message.rstrip('.')}). Change the space so that more of it is valid.",
            place=name,
        )

    def permits(self, values: Mapping[str, Value], facts: DataFacts | None = None) -> bool:
        """Whether the constraints hold for values that domains and conditions allow.

        Args:
            values: constants and the value of every active parameter, as its domain writes it.
            facts: what constraints may know about the data.
        """
        config = seal(values)
        return all(rule.holds(config, facts) for rule in self.constraints())

    def validate(self, values: Mapping[str, object], facts: DataFacts | None = None) -> Config:
        """Make a Config of values; constants may be left out.

        Args:
            values: a value for each active parameter and for no other; groups as mappings, or
                by dotted names.
            facts: what constraints may know about the data.

        Raises:
            ConfigurationError: an unknown name, a missing value, a value for an inactive
                parameter, one outside its domain or off its grid, or a constraint's refusal.
        """
        parameters, values = self.parameters(), flattened(values)
        for name in values:
            if name not in parameters:
                close = did_you_mean(str(name), parameters)
                hint = f" Did you mean {close!r}?" if close else ""
                known = ", ".join(parameters)
                raise ConfigurationError(f"unknown parameter.{hint} Known: {known}.", place=name)
        checked: dict[str, Value] = {}
        for name in self.order():
            parameter = parameters[name]
            if is_active(parameter, checked):
                checked[name] = _checked(name, parameter, values)
            elif name in values:
                raise ConfigurationError(inactive(parameter, checked), place=name)
        config = seal({name: checked[name] for name in parameters if name in checked})
        for rule in self.constraints():
            if not rule.holds(config, facts):
                raise ConfigurationError(f"{rule.message} Got {config!r}.", place=rule.name)
        return config


def _checked(name: str, parameter: Parameter, values: Mapping[str, object]) -> Value:
    """The value of an active parameter, as its domain writes it."""
    if not isinstance(parameter, Domain):
        if name in values and not same(plain(values[name]), parameter):
            raise ConfigurationError(
                f"{values[name]!r} differs from the constant {parameter!r}. "
                f"Leave it out, or change the space.",
                place=name,
            )
        return parameter
    allowed = describe_value(parameter)
    if name not in values:
        raise ConfigurationError(f"the value is missing. Give one of {allowed}.", place=name)
    member = parameter.normalise(values[name])
    if member is None:
        raise ConfigurationError(f"{values[name]!r} is not one of {allowed}.", place=name)
    return member


def inactive(parameter: Parameter, values: Mapping[str, Value]) -> str:
    """Why a parameter that was given a value is inactive beside these values."""
    parent = next(unmet(parameter, values))
    found = f"not {values[parent]!r}" if parent in values else "which is inactive itself"
    needed = describe_values(condition(parameter)[parent])
    return f"a value is given, but it needs {parent} {needed}, {found}. Leave it out."
