"""Names that a person's own modules must not have: they would be taken for a package of ours."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from orchestrator.cluster.wheel import DISTRIBUTION, PACKAGES
from searchspaces.errors import UsageError

OPTIONAL = frozenset({"lightning", "mlflow", "notify", "optuna", "wandb"})
"""Extras that a sweep may use."""
_HARMLESS = frozenset({"test", "this", "antigravity", "idlelib", "lib2to3", "turtledemo"})
"""Modules of Python's own that nothing imports."""
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


class ShadowingError(UsageError):
    """A person's module has the name of a package that orch needs.

    Attributes:
        file: the module.
        name: that it is imported by.
    """

    def __init__(self, file: Path, name: str) -> None:
        self.file = file
        self.name = name
        super().__init__(
            f"{file}: would be imported on the cluster in place of the package {name!r}. Rename "
            f"it, or name it in .orchignore."
        )


def refuse_shadows(root: Path, files: Iterable[str]) -> None:
    """Refuse files of a folder that is searched for modules.

    Args:
        root: the folder.
        files: paths in it, with ``/``.

    Raises:
        ShadowingError: one would be imported in place of something else.
    """
    for file in sorted(files):
        path = PurePosixPath(file)
        top = path.parts[0]
        if len(path.parts) == 1 and path.suffix == ".py":
            name = path.stem
        elif len(path.parts) == 2 and path.name == "__init__.py":
            name = top
        else:
            continue
        if name.casefold() in reserved():
            raise ShadowingError(root / file, name)


@cache
def reserved() -> frozenset[str]:
    """Names of orch's packages, of all they depend on, and of Python's own, in lower case."""
    needed = _needed()
    names = {
        name
        for name, distributions in importlib.metadata.packages_distributions().items()
        if any(_normal(one) in needed for one in distributions)
    }
    own = {*PACKAGES, "ray", "torch", "numpy"}
    return frozenset(
        name.casefold() for name in own | names | (sys.stdlib_module_names - _HARMLESS)
    )


def _needed() -> set[str]:
    """The distributions that orch depends on, and that these depend on."""
    seen: dict[str, set[str]] = {}
    waiting = [(DISTRIBUTION, set(OPTIONAL))]
    while waiting:
        name, extras = waiting.pop()
        key = _normal(name)
        if key in seen and extras <= seen[key]:
            continue
        seen[key] = seen.get(key, set()) | extras
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in requirements:
            head, _, marker = requirement.partition(";")
            wanted = set(_EXTRA.findall(marker))
            found = _REQUIREMENT.match(head)
            if found and (not wanted or wanted & seen[key]):
                inner = {extra.strip() for extra in (found[2] or "").split(",")} - {""}
                waiting.append((found[1], inner))
    return set(seen)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
