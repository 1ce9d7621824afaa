"""The base class of search spaces."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from searchspaces.conditions import with_several_layers
from searchspaces.constraints import BoundConstraint, Constraint, constraints_of
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts
from searchspaces.flat import FlatSpace


class SearchSpace(FlatSpace, BaseModel):  # type: ignore[misc]  # replaces pydantic's deprecated validate
    """A set of configs: one field per parameter, a domain or a constant each.

    Subclass it, annotate fields with ``FloatParam``, ``IntParam`` or ``ChoiceParam``,
    and mark methods that judge a whole config with ``@constraint``::

        class GruSpace(SearchSpace):
            num_layers: IntParam = Int(1, 4)
            dropout: FloatParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})

    ``GruSpace(num_layers=2)`` puts a constant in a domain's place. A space that cannot
    be right is refused when its class is defined.

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

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in cls.model_fields:
            if hasattr(SearchSpace, name):
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
        for name, parameter in self.parameters().items():
            if not isinstance(parameter, Domain | bool | int | float | str):
                raise ConfigurationError(
                    "this is no parameter. Annotate it with FloatParam, IntParam or ChoiceParam.",
                    place=f"{type(self).__name__}.{name}",
                )
        self.order()
        return self

    def parameters(self) -> dict[str, Parameter]:
        """Domains and constants by name, in declaration order."""
        declared = {name: getattr(self, name) for name in type(self).model_fields}
        return with_several_layers(declared, self.more_than_one, place=type(self).__name__)

    def constraints(self) -> tuple[BoundConstraint, ...]:
        """The constraints of the class and its bases, in order of definition."""
        return constraints_of(self)

    def refuses(self, facts: DataFacts) -> str:  # noqa: ARG002  # subclasses look at them
        """Why no network of this space can take such data; empty if some can.

        An architecture that takes all data leaves this as it is. Said before a sweep
        starts, after the names of architecture and data set.

        Args:
            facts: sizes of the data.
        """
        return ""
