"""An epoch's metrics as people report them: from a function's dict, from a program's line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from searchspaces.errors import UsageError


def numbers(name: str, said: object) -> dict[str, float]:
    """The metrics of an epoch, from what a function yielded.

    Raises:
        UsageError: it is no dict from names to numbers.
    """
    if not isinstance(said, Mapping) or not said:
        raise UsageError(
            f"{name} yielded {_shown(said)}. Yield a dict of metrics, such as "
            f"{{'valid_loss': loss}}."
        )
    return {_named(name, key): _number(name, key, value) for key, value in said.items()}


def _named(name: str, key: object) -> str:
    if not isinstance(key, str) or not key:
        raise UsageError(f"{name} yielded a metric called {key!r}. Give it a name.")
    return key


def _number(name: str, key: object, value: Any) -> float:
    """A number, or an array or tensor that holds one."""
    if not isinstance(value, bool | str):
        if isinstance(value, Real):
            return float(value)
        if getattr(value, "ndim", None) == 0 or getattr(value, "shape", None) == (1,):
            return float(value.item())
    raise UsageError(f"{name} yielded {_shown(value)} as {key!r}, which is no number.")


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def metrics_of(line: str) -> dict[str, float] | None:
    """The metrics of a line that is a JSON object of numbers; None of any other line.

    ``NaN``, ``Infinity`` and ``null`` are numbers that are not finite.
    """
    found = _object_of(line)
    metrics = {}
    for name, value in found.items():
        if _is_no_number(value):
            return None
        try:
            metrics[name] = math.nan if value is None else float(value)
        except OverflowError:
            metrics[name] = math.inf
    return metrics or None


def nearly(line: str, *, like: frozenset[str] | None = None) -> str:
    """What keeps a line that is a JSON object with a number in it from being metrics.

    Args:
        line: of a program's standard output.
        like: with it, only an object with one of these names was meant as metrics.
    """
    found = _object_of(line)
    if like is not None and like.isdisjoint(found):
        return ""
    wrong = next((name for name, value in found.items() if _is_no_number(value)), None)
    if wrong is None or (like is None and all(map(_is_no_number, found.values()))):
        return ""
    shown = line if len(line) <= 200 else f"{line[:200]}..."
    return f"{wrong!r} is no number in {shown}"


def _object_of(line: str) -> dict[str, Any]:
    """The JSON object that a line is; empty if it is none."""
    if not line.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_no_number(value: object) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float | None)
