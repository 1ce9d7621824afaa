"""``@constraint``: what a config must fulfil beyond each parameter's domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

from searchspaces.config import Config
from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts

Check = Callable[[Any, Config, DataFacts | None], bool]


class Constraint:
    """A method of a space that says whether a config is valid; see :func:`constraint`."""

    def __init__(self, method: Check) -> None:
        lines = (method.__doc__ or "").strip().splitlines()
        if not lines:
            raise ConfigurationError(
                "a constraint needs a docstring; its first line tells people what is wrong.",
                place=method.__qualname__,
            )
        self.method = method
        self.name = method.__name__
        self.message = lines[0].strip()
        self.__doc__ = method.__doc__

    def __get__(self, space: object, owner: type | None = None) -> Any:
        return self if space is None else MethodType(self.method, space)


def constraint(method: Check) -> Constraint:
    """Mark a method ``(self, config, facts) -> bool`` of a space as a constraint.

    True means valid. The config is complete and lies in its domains; of two joined
    spaces it holds the parameters of both. ``facts`` may be None: a constraint that
    needs them then returns True. The docstring's first line is what people are told.

    Raises:
        ConfigurationError: the method has no docstring.
    """
    return Constraint(method)


@dataclass(frozen=True)
class BoundConstraint:
    """A constraint and the space it belongs to.

    Attributes:
        name: the method's name.
        message: its docstring's first line.
        check: the bound method.
    """

    name: str
    message: str
    check: Callable[[Config, DataFacts | None], bool]

    def holds(self, config: Config, facts: DataFacts | None) -> bool:
        """Whether the config is valid.

        Raises:
            ConfigurationError: the constraint itself fails, say on an inactive name.
        """
        try:
            return bool(self.check(config, facts))
        except Exception as error:
            hint = "Use config.get for parameters that may be inactive."
            if facts is None and "NoneType" in str(error):
                hint = "Where facts is None, as it is before the data is read, return True."
            raise ConfigurationError(
                f"the constraint fails with {error!r} on {config!r}. {hint}", place=self.name
            ) from error


def constraints_of(space: object) -> tuple[BoundConstraint, ...]:
    """The constraints of a space's class and its bases, in order of definition."""
    found: dict[str, Constraint] = {}
    for base in reversed(type(space).__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Constraint):
                found[name] = value
            else:
                found.pop(name, None)
    return tuple(
        BoundConstraint(name, value.message, value.__get__(space)) for name, value in found.items()
    )
