"""One point of a space: what a trial is trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from searchspaces.errors import UsageError
from searchspaces.scalars import Scalar


class Config(Mapping[str, Any]):
    """An immutable mapping from parameter to value, made by a space only.

    Holds the constants and every active parameter in declaration order; a name
    that its condition makes inactive is absent, so ``config.get("dropout", 0.0)``
    is how an architecture reads it. Hashable, picklable, equal by content.

    Raises:
        UsageError: it was called by anyone but a space; ``space.validate`` makes one.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Scalar], *, key: object = None) -> None:
        if key is not _KEY:
            raise UsageError("a Config is made by its space. Call space.validate(values).")
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

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


_KEY = object()


def seal(values: Mapping[str, Scalar]) -> Config:
    """Make a Config of values that a space has checked; for spaces alone."""
    return Config(values, key=_KEY)
