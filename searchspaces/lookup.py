"""Finding an architecture's space by the architecture's name."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from searchspaces.errors import OrchError
from searchspaces.space import SearchSpace


def space_of(name: str) -> type[SearchSpace] | None:
    """The space of architecture ``name``: the one in module ``searchspaces.<name>``.

    ``foo-bar`` is looked for in ``searchspaces.foo_bar``. None where there is no such
    module, or it defines no space: then the architecture's class names its own.

    Raises:
        OrchError: the module defines several spaces.
    """
    module_name = f"searchspaces.{name.replace('-', '_')}"
    if not name.replace("-", "_").isidentifier() or find_spec(module_name) is None:
        return None
    module = importlib.import_module(module_name)
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, SearchSpace)
        and value is not SearchSpace
        and value.__module__ == module_name
    ]
    if len(own) > 1:
        names = ", ".join(value.__name__ for value in own)
        raise OrchError(f"{module_name} must define one SearchSpace subclass; it has {names}")
    return own[0] if own else None
