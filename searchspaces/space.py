"""The base class of search spaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from searchspaces.conditions import with_several_layers
from searchspaces.constraints import BoundConstraint, Constraint, constraints_of
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts
from searchspaces.flat import FlatSpace
from searchspaces.groups import check_members, constraints_of_group, parameters_of_group
from searchspaces.scalars import Condition

_OWN = "when"
"""The one field of a space that is no parameter."""


class SearchSpace(FlatSpace, BaseModel):  # type: ignore[misc]  # replaces pydantic's deprecated validate
    """A set of configs: one field per parameter, a domain or a constant each.

    Subclass it, annotate fields with ``FloatParam``, ``IntParam`` or ``ChoiceParam``,
    and mark methods that judge a whole config with ``@constraint``::

        class GruSpace(SearchSpace):
            num_layers: IntParam = Int(1, 4)
            dropout: FloatParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})

    ``GruSpace(num_layers=2)`` puts a constant in a domain's place. A space that cannot
    be right is refused when its class is defined.

    A field may be a space itself: a group, whose parameters are called ``sgd.momentum`` and
    so on in the space around it::

        class NetSpace(SearchSpace):
            optimizer: ChoiceParam = Choice(("adam", "sgd"))
            sgd: SgdSpace = SgdSpace(when={"optimizer": "sgd"})

    Conditions and constraints of a group know its parameters by their names within it, and its
    constraints see its part of a config alone; those of the space around it may look in.

    Attributes:
        when: of a group, the condition under which all of it is active: names in the space
            around it, and values; None is always.

    Raises:
        pydantic.ValidationError: an unknown field, or a value that is no such parameter.
        ConfigurationError: a condition with an unknown parent, or a circle of conditions.
    """

    more_than_one: ClassVar[str] = ""
    """The parameter that is a number of layers, if some need more than one of them.

    A condition that lists 2, 3 and 4 of it means more than one, whatever range or constant
    it is given later; any other list means what it says.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, ignored_types=(Constraint,)
    )

    when: Condition = Field(default=None, exclude_if=lambda value: value is None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in cls.model_fields:
            redefined = name == _OWN and name in vars(cls).get("__annotations__", {})
            if redefined or hasattr(SearchSpace, name):
                raise ConfigurationError(
                    "the name belongs to SearchSpace itself. Rename the parameter.",
                    place=f"{cls.__name__}.{name}",
                )
        # Defaults that cannot be right are refused now, not when somebody sweeps.
        required = any(field.is_required() for field in cls.model_fields.values())
        if cls.__pydantic_complete__ and not required:
            cls()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in field_names(type(self)):
            value = getattr(self, name)
            place = f"{type(self).__name__}.{name}"
            if isinstance(value, SearchSpace):
                check_members(field_names(type(value)), place)
            elif not isinstance(value, Domain | bool | int | float | str):
                raise ConfigurationError(
                    "this is no parameter. Annotate it with FloatParam, IntParam or ChoiceParam.",
                    place=place,
                )
        self.order()
        return self

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return (pair for pair in super().__repr_args__() if pair != (_OWN, None))

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in field_names(type(self)))))

    def parameters(self) -> dict[str, Parameter]:
        """Domains and constants by name, in declaration order; those of groups, dotted."""
        declared: dict[str, Parameter] = {}
        place = type(self).__name__
        for name in field_names(type(self)):
            value = getattr(self, name)
            if isinstance(value, SearchSpace):
                inner = value.parameters()
                declared |= parameters_of_group(name, inner, value.when, place=place)
            else:
                declared[name] = value
        return with_several_layers(declared, self.more_than_one, place=place)

    def constraints(self) -> tuple[BoundConstraint, ...]:
        """The constraints of the class and its bases, in order of definition, then its groups'."""
        found = constraints_of(self)
        for name in field_names(type(self)):
            value = getattr(self, name)
            if isinstance(value, SearchSpace):
                found += constraints_of_group(name, value.constraints())
        return found

    def refuses(self, facts: DataFacts) -> str:  # noqa: ARG002  # subclasses look at them
        """Why no network of this space can take such data; empty if some can.

        An architecture that takes all data leaves this as it is. Said before a sweep
        starts, after the names of architecture and data set.

        Args:
            facts: sizes of the data.
        """
        return ""


def field_names(space: type[SearchSpace]) -> tuple[str, ...]:
    """The names of a space's own parameters and groups, in declaration order."""
    return tuple(name for name in space.model_fields if name != _OWN)


def default_of(space: type[SearchSpace], name: str) -> object:
    """What a space has for a parameter unless something else is said; of a group's, dotted."""
    field, _, inner = name.partition(".")
    default = space.model_fields[field].default
    return default.parameters().get(inner) if isinstance(default, SearchSpace) else default
