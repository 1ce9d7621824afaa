"""The architectures, a module each; listing them imports neither torch nor Ray.

This module is the registry: :func:`names`, :func:`get` and :func:`members` are those of
:class:`searchspaces.registry.Registry`, in which a plug-in declares itself through the
entry-point group ``orch.architectures``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchspaces.registry import Registry

if TYPE_CHECKING:
    from trainables.architectures.base import Architecture

registry: Registry[Architecture] = Registry(
    "architecture",
    package="trainables.architectures",
    group="orch.architectures",
    base="trainables.architectures.base:Architecture",
    adapt="trainables.programs.module:adapt",
)
names = registry.names
get = registry.get
members = registry.members

__all__ = ["get", "members", "names", "registry"]
