"""Spaces written down where a sweep is: a mapping of domains instead of a class."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from pydantic import ConfigDict, ValidationError, create_model

from searchspaces.domains import Domain
from searchspaces.errors import ConfigurationError
from searchspaces.groups import is_group
from searchspaces.params import ChoiceParam, FloatParam, IntParam
from searchspaces.space import SearchSpace

Kind: TypeAlias = "str | tuple[tuple[str, Kind], ...]"
"""Of a parameter, ``float``, ``int`` or ``choice``; of a group, those of its parameters by name."""

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
    everywhere. A mapping without any of ``kind``, ``low``, ``high`` and ``values`` is a group,
    whose keys are parameters, at least one of them searched, or groups; its own ``when`` is
    the condition of all of it. The same names and kinds give the same class, so that equal
    mappings give equal spaces.

    Raises:
        ConfigurationError: a name that no parameter can have, or a value that is no domain.
        pydantic.ValidationError: a domain that cannot be.
    """
    return inline_class(mapping).model_validate(dict(mapping))


def inline_class(mapping: Mapping[str, Any]) -> type[SearchSpace]:
    """The class that :func:`inline_space` makes the space of; see there."""
    return _class("space", _kinds("space", mapping))


@lru_cache(maxsize=256)
def _class(place: str, kinds: tuple[tuple[str, Kind], ...]) -> type[SearchSpace]:
    types = {
        name: _PARAMS[kind] if isinstance(kind, str) else _class(f"{place}.{name}", kind)
        for name, kind in kinds
    }
    fields: dict[str, Any] = {name: (made, ...) for name, made in types.items()}
    try:
        made: type[SearchSpace] = create_model(place, __base__=InlineSpace, **fields)
    except (NameError, ValidationError) as error:
        raise ConfigurationError(" ".join(str(error).split()), place="space") from error
    return made


def _kinds(place: str, mapping: Mapping[str, Any]) -> tuple[tuple[str, Kind], ...]:
    inner = place != "space"
    names = [_named(name, place) for name in mapping if not (inner and name == "when")]
    return tuple((name, _kind(f"{place}.{name}", mapping[name])) for name in names)


def _named(name: object, place: str) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise ConfigurationError(
            f"{name!r} is no name of a parameter. Use letters, digits and _, a letter first.",
            place=place,
        )
    if hasattr(SearchSpace, name) or name == "when":
        raise ConfigurationError(
            "the name belongs to SearchSpace itself. Rename the parameter.", place=f"{place}.{name}"
        )
    return name


def _kind(place: str, value: object) -> Kind:
    """Which kind of domain or constant a value is, as far as its keys tell."""
    if isinstance(value, Domain):
        return str(value.as_mapping()["kind"])
    if isinstance(value, Mapping) and is_group(value):
        return _kind_of_group(place, value)
    if isinstance(value, Mapping):
        return _kind_of_domain(place, value)
    if isinstance(value, bool | str | np.bool_):
        return "choice"
    if isinstance(value, Real):
        return "int" if isinstance(value, Integral) else "float"
    raise ConfigurationError(
        f"{value!r} is no domain. Give low and high, or values, or a constant.", place=place
    )


def _kind_of_group(place: str, value: Mapping[Any, Any]) -> Kind:
    # Without anything to search, a group is a domain whose bounds were called something else.
    if not any(isinstance(each, Mapping | Domain) for key, each in value.items() if key != "when"):
        raise ConfigurationError(
            "this is no domain. Give low and high, or values. A group has a domain in it, such as "
            "{kind: choice, values: [VALUE]} for what is fixed.",
            place=place,
        )
    return _kinds(place, value)


def _kind_of_domain(place: str, value: Mapping[Any, Any]) -> str:
    said = value.get("kind")
    if said is not None:
        if not isinstance(said, str) or said not in _PARAMS:
            raise ConfigurationError(
                f"{said!r} is no kind of domain. Give one of {', '.join(_PARAMS)}.",
                place=f"{place}.kind",
            )
        return said
    if "values" in value:
        return "choice"
    bounds = [value.get(key, 0) for key in ("low", "high", "step")]
    whole = all(isinstance(bound, Integral) for bound in bounds if bound is not None)
    return "int" if whole or value.get("powers_of") is not None else "float"
