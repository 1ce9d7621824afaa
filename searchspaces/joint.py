"""An architecture's space and the training's, searched together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from searchspaces.constraints import BoundConstraint
from searchspaces.describe import describe, searched
from searchspaces.domains import Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.flat import FlatSpace
from searchspaces.space import SearchSpace, default_of
from searchspaces.unit_cube import UnitCube

Group = Literal["space", "training"]


@dataclass(frozen=True)
class JointSpace(FlatSpace):
    """Two spaces as one flat space; conditions and constraints see the parameters of both.

    Attributes:
        space: the architecture's space.
        training: the space of how it is trained.

    Raises:
        ConfigurationError: a name is in both, or a condition has an unknown parent.
    """

    space: SearchSpace
    training: SearchSpace

    def __post_init__(self) -> None:
        ours = {name.partition(".")[0] for name in self.space.parameters()}
        for name in self.training.parameters():
            if name.partition(".")[0] in ours:
                raise ConfigurationError(
                    f"{type(self.space).__name__} has a parameter of that name too. "
                    f"Rename one of them.",
                    place=f"{type(self.training).__name__}.{name}",
                )
        for part in (self.space, self.training):
            if part.when is not None:
                raise ConfigurationError(
                    "a whole space has no condition, only a group in it has. Leave it out.",
                    place=f"{type(part).__name__}.when",
                )
        self.cube()

    @cached_property
    def groups(self) -> dict[str, Group]:
        """Which of the two spaces each parameter belongs to."""
        space: dict[str, Group] = dict.fromkeys(self.space.parameters(), "space")
        return {**space, **dict.fromkeys(self.training.parameters(), "training")}

    def parameters(self) -> dict[str, Parameter]:
        """Domains and constants by name: the architecture's, then the training's."""
        return dict(self._parameters)

    def constraints(self) -> tuple[BoundConstraint, ...]:
        """The constraints of both spaces."""
        return self._constraints

    def order(self) -> tuple[str, ...]:
        """The names in an order in which every parent precedes its children."""
        return self._order

    def cube(self) -> UnitCube:
        """The map between configs and the unit cube, made once."""
        return self._cube

    def describe(self) -> list[str]:
        """One line per space for people: ``hidden_size 16..256 log, num_layers 1..4, ...``.

        What is searched, and the constants that are not what they are by default.
        """
        parameters = self.parameters()
        lines = (
            describe(_worth_saying(part, parameters), parameters)
            for part in (self.space, self.training)
        )
        return [line for line in lines if line]

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {**self.space.parameters(), **self.training.parameters()}

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return super().order()

    @cached_property
    def _cube(self) -> UnitCube:
        return UnitCube(self)

    @cached_property
    def _constraints(self) -> tuple[BoundConstraint, ...]:
        return (*self.space.constraints(), *self.training.constraints())


def _worth_saying(part: SearchSpace, among: dict[str, Parameter]) -> dict[str, Parameter]:
    several = searched(among)
    return {
        name: parameter
        for name, parameter in part.parameters().items()
        if name in several or _said(part, name) != default_of(type(part), name)
    }


def _said(part: SearchSpace, name: str) -> object:
    """What a space has for a parameter, as it was given."""
    field, _, inner = name.partition(".")
    value = getattr(part, field)
    return value.parameters().get(inner) if isinstance(value, SearchSpace) else value
