"""Spaces written down where a sweep is: a mapping of domains instead of a class."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from searchspaces.domains import Domain
from searchspaces.errors import ConfigurationError
from searchspaces.params import ChoiceParam, FloatParam, IntParam
from searchspaces.space import SearchSpace

_PARAMS: dict[str, Any] = {"float": FloatParam, "int": IntParam, "choice": ChoiceParam}


class InlineSpace(SearchSpace):
    """Base of the classes that :func:`inline_class` makes; has no parameter of its own."""

    model_config = ConfigDict(protected_namespaces=())

    def __reduce__(self) -> tuple[Any, ...]:
        """Its class exists in this process alone, what it was made of is plain."""
        return (inline_space, (self.model_dump(mode="json"),))


class NoTraining(SearchSpace):
    """The training's space of what trains by itself: nothing about it is orch's to choose."""


def inline_space(mapping: Mapping[str, Any]) -> SearchSpace:
    """The space of a mapping from parameter to domain or constant.

    What a domain is shows in its keys: ``values`` make a :class:`Choice`; ``low`` and ``high``
    an :class:`Int` where both are whole numbers, else a :class:`Float`; ``powers_of`` an
    ``Int``. ``kind`` says it outright, and ``log``, ``step`` and ``when`` mean what they mean
    everywhere. The same names and kinds give the same class, so that equal mappings give
    equal spaces.

    Raises:
        ConfigurationError: a name that no parameter can have, or a value that is no domain.
        pydantic.ValidationError: a domain that cannot be.
    """
    return inline_class(mapping).model_validate(dict(mapping))


def inline_class(mapping: Mapping[str, Any]) -> type[SearchSpace]:
    """The class that :func:`inline_space` makes the space of; see there."""
    return _class(tuple((_named(name), _kind(name, mapping[name])) for name in mapping))


@lru_cache(maxsize=256)
def _class(kinds: tuple[tuple[str, str], ...]) -> type[SearchSpace]:
    fields: dict[str, Any] = {name: (_PARAMS[kind], ...) for name, kind in kinds}
    try:
        made: type[SearchSpace] = create_model("space", __base__=InlineSpace, **fields)
    except (NameError, ValidationError) as error:
        raise ConfigurationError(" ".join(str(error).split()), place="space") from error
    return made


def _named(name: object) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ConfigurationError(
            f"{name!r} is no name of a parameter. Use letters, digits and _, a letter first.",
            place="space",
        )
    if hasattr(SearchSpace, name):
        raise ConfigurationError(
            "the name belongs to SearchSpace itself. Rename the parameter.", place=f"space.{name}"
        )
    return name


def _kind(name: str, value: object) -> str:
    """Which kind of domain or constant a value is, as far as its keys tell."""
    if isinstance(value, Domain):
        return str(value.as_mapping()["kind"])
    if isinstance(value, Mapping):
        return _kind_of_domain(name, value)
    if isinstance(value, bool | str):
        return "choice"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "float"
    raise ConfigurationError(
        f"{value!r} is no domain. Give low and high, or values, or a constant.",
        place=f"space.{name}",
    )


def _kind_of_domain(name: str, value: Mapping[Any, Any]) -> str:
    said = value.get("kind")
    if said is not None:
        if said not in _PARAMS:
            raise ConfigurationError(
                f"{said!r} is no kind of domain. Give one of {', '.join(_PARAMS)}.",
                place=f"space.{name}.kind",
            )
        return str(said)
    if "values" in value:
        return "choice"
    if "low" not in value and "high" not in value:
        raise ConfigurationError(
            "this is no domain. Give low and high, or values.", place=f"space.{name}"
        )
    bounds = [value.get(key, 0) for key in ("low", "high", "step")]
    whole = all(isinstance(bound, int) for bound in bounds if bound is not None)
    return "int" if whole or value.get("powers_of") is not None else "float"
