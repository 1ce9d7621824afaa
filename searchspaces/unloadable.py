"""Why ``module:attribute`` does not load, in words of whoever wrote it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from searchspaces.errors import did_you_mean


class NoAttributeError(Exception):
    """The module loads, and has no such attribute.

    Attributes:
        holder: the module or class that was asked.
        name: what it was asked for.
    """

    def __init__(self, holder: object, name: str, path: str) -> None:
        self.holder = holder
        self.name = name
        what = f"module {path!r}" if isinstance(holder, ModuleType) else path
        super().__init__(f"{what} has no attribute {name!r}")


def why(target: str, error: BaseException) -> str:
    """What kept ``target`` from loading: the problem, the file's line, what was meant.

    Args:
        target: ``module:attribute``.
        error: what importing it raised.
    """
    module = target.partition(":")[0]
    match error:
        case NoAttributeError():
            return f"{error}{_hint(error.name, vars(error.holder))}"
        case ModuleNotFoundError(name=str(name)) if f"{module}.".startswith(f"{name}."):
            return _missing(target, module)
        case SystemExit():
            said = f": {error}" if isinstance(error.code, str) else ""
            return (
                f"it exits when it is imported{_place(error)}{said.rstrip('. ')}. Put what it "
                f"runs below if __name__ == '__main__':"
            )
        case SyntaxError():  # says its place itself
            return str(error)
        case ImportError():
            return f"{error}{_place(error)}"
    return f"{type(error).__name__}: {error}{_place(error)}"


def _missing(target: str, module: str) -> str:
    if module.endswith(".py"):
        return f"it is a file's name. Write {target.replace('.py:', ':')}"
    here = [path.stem for path in Path.cwd().glob("*.py")]
    found = f"no module {module!r} in this folder or among installed packages"
    return f"{found}{_hint(module, here)}"


def _hint(name: str, known: Iterable[str]) -> str:
    close = did_you_mean(name, [one for one in known if not one.startswith("_")])
    return f". Did you mean {close!r}?" if close else ""


def _place(error: BaseException) -> str:
    """`` (train.py:12)``: the innermost line of a person's own, else of anybody's."""
    here = Path(__file__).parent  # where the import was asked for; that explains nothing
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and Path(frame.filename).parent != here
    ]
    libraries = (sys.prefix, sys.base_prefix)
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    last = (own or frames)[-1:]
    return "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in last)
