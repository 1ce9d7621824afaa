"""Named extension points: built-in modules, installed plug-ins, ``module:attribute``.

A built-in is a module in one folder: its file name, with ``-`` for ``_``, is its
name, and the one subclass of the base class it defines is the thing itself. A
plug-in is an entry point of the registry's group. Names are known without
importing any of them, so listing stays fast.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from searchspaces.errors import ConfigurationError, OrchError, UnknownNameError
from searchspaces.unloadable import NoAttributeError, why

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes of one kind, by name.

    Args:
        kind: what a message calls one of them, such as ``architecture``.
        package: dotted name of the folder of built-ins.
        group: entry-point group of plug-ins.
        base: dotted ``module:attribute`` of the base class, imported on first use.
        skip: module names in ``package`` that hold no member (``base`` always is skipped).
        adapt: dotted ``module:attribute`` of a function that makes a subclass of the base
            of a class from outside that is none, or returns None; empty for none.
    """

    def __init__(
        self,
        kind: str,
        *,
        package: str,
        group: str,
        base: str,
        skip: tuple[str, ...] = (),
        adapt: str = "",
    ) -> None:
        self.kind = kind
        self.package = package
        self.group = group
        self.base = base
        self.adapt = adapt
        self.skip = frozenset({"base", *skip})

    @cached_property
    def _builtin(self) -> dict[str, str]:
        folder = importlib.import_module(self.package).__path__
        return {
            module.name.rstrip("_").replace("_", "-"): f"{self.package}.{module.name}"
            for module in pkgutil.iter_modules(folder)
            if module.name not in self.skip and not module.name.startswith("_")
        }

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in self._builtin or point.name in found:
                other = found[point.name].value if point.name in found else "built in"
                raise ConfigurationError(
                    f"two plug-ins are called {point.name!r}: {other} and {point.value}. "
                    f"Uninstall one of them.",
                    place=self.group,
                )
            found[point.name] = point
        return found

    def names(self) -> tuple[str, ...]:
        """Every known name, sorted. A plug-in that fails to import is still listed."""
        return tuple(sorted({*self._builtin, *self._plugins}))

    def get(self, name: str) -> type[T]:
        """The class of that name, or of ``module:attribute``.

        Raises:
            UnknownNameError: no such name.
            OrchError: the module cannot be imported, or is not of this kind.
        """
        if name in self._builtin:
            module = importlib.import_module(self._builtin[name])
            return self._member(module)
        if name in self._plugins:
            return self._checked(name, load_object(self.kind, name, self._plugins[name].value))
        if ":" in name:
            return self._checked(name, load_object(self.kind, name, name))
        raise UnknownNameError(self.kind, name, self.names())

    def members(self) -> dict[str, type[T]]:
        """Every class by name; a plug-in that does not load is named in a warning and skipped."""
        found: dict[str, type[T]] = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except OrchError as error:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
        return found

    @cached_property
    def _base(self) -> type[T]:
        module, _, attribute = self.base.partition(":")
        found: type[T] = getattr(importlib.import_module(module), attribute)
        return found

    def _member(self, module: Any) -> type[T]:
        own = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self._base)
            and value.__module__ == module.__name__
        ]
        if len(own) != 1:
            names = ", ".join(value.__name__ for value in own) or "none"
            raise OrchError(
                f"{module.__name__} must define one {self._base.__name__} subclass; it has {names}"
            )
        return own[0]

    def _checked(self, name: str, value: object) -> type[T]:
        if isinstance(value, type) and issubclass(value, self._base):
            return value
        if self.adapt and isinstance(value, type):
            adapt: Any = load_object(self.kind, name, self.adapt)
            made: type[T] | None = adapt(value)
            if made is not None:
                return made
        raise ConfigurationError(f"{self.kind} {name!r} is no subclass of {self._base.__name__}")


def load_object(kind: str, name: str, target: str) -> object:
    """What ``module:attribute`` stands for, whatever it is.

    Args:
        kind: what a message calls it, such as ``architecture``.
        name: as the person gave it, for messages.
        target: ``module:attribute``.

    Raises:
        ConfigurationError: the module cannot be imported or has no such attribute.
    """
    module, _, attribute = target.partition(":")
    parts = attribute.split(".")
    if not all(part.isidentifier() for part in [*module.split("."), *parts]):
        raise ConfigurationError(f"{kind} {name!r} does not load: it is no module:attribute")
    try:
        return _attribute(importlib.import_module(module), module, parts)
    # A plug-in may raise anything while it is imported, and a script may exit.
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{kind} {name!r} does not load: {why(target, error)}") from error


def _attribute(value: object, module: str, parts: list[str]) -> object:
    for count, part in enumerate(parts):
        if not hasattr(value, part):
            path = f"{module}:{'.'.join(parts[:count])}" if count else module
            raise NoAttributeError(value, part, path)
        value = getattr(value, part)
    return value
