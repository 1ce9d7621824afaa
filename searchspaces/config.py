"""One point of a space: what a trial is trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from searchspaces.errors import UsageError
from searchspaces.scalars import Value


class Config(Mapping[str, Any]):
    """An immutable mapping from parameter to value, made by a space only.

    Holds the constants and every active parameter in declaration order; a name
    that its condition makes inactive is absent, so ``config.get("dropout", 0.0)``
    is how an architecture reads it. Hashable, picklable, equal by content.

    Parameters of a group have dotted names, ``config["optim.learning_rate"]``, and these are
    what a config has when one goes through it. A group of which something is active is found
    by its name, as a config of its own: ``config["optim"]["learning_rate"]``. Names are
    attributes too, ``config.optim.learning_rate``, but for those of a mapping's methods.

    Raises:
        UsageError: it was called by anyone but a space; ``space.validate`` makes one.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Value], *, key: object = None) -> None:
        if key is not _KEY:
            raise UsageError("a Config is made by its space. Call space.validate(values).")
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            group = members(self._values, name)
            if group:
                return seal(group)
            raise

    def __getattr__(self, name: str) -> Any:
        return attribute(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self._values or bool(members(self._values, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return seal, (self._values,)


class Arguments(dict[str, Any]):
    """A config as a dict of one's own, which finds groups as :class:`Config` does.

    What is changed in a group that it gives is not changed here.
    """

    def __missing__(self, name: str) -> Any:
        group = members(self, name)
        if group:
            return Arguments(group)
        raise KeyError(name)

    def __getattr__(self, name: str) -> Any:
        return attribute(self, name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or bool(members(self, name))

    def get(self, name: str, default: Any = None) -> Any:
        """The value or the group of that name, or ``default`` without one."""
        try:
            return self[name]
        except KeyError:
            return default


_KEY = object()


def seal(values: Mapping[str, Value]) -> Config:
    """Make a Config of values that a space has checked; for spaces alone."""
    return Config(values, key=_KEY)


def members(values: Mapping[str, Value], group: object) -> dict[str, Value]:
    """What a group has of some values, by the names within it."""
    head = f"{group}."
    return {name[len(head) :]: value for name, value in values.items() if name.startswith(head)}


def attribute(values: Mapping[str, Any], name: str) -> Any:
    """The value of that name, for whoever asks for an attribute.

    Raises:
        AttributeError: there is none.
    """
    if not name.startswith("_"):  # copy and pickle ask a bare object for these
        try:
            return values[name]
        except KeyError:
            pass
    raise AttributeError(f"the config has no {name!r}", name=name, obj=values)


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with dotted names, of values with mappings in the places of groups."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": each for inner, each in flattened(value).items()}
        else:
            found[name] = value
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite of :func:`flattened`: a dict in the place of every group."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return found
