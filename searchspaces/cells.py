"""Values in the columns of tables, which hold one type: lists as texts, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from searchspaces.scalars import Scalar, Value, text

_COLUMN = "config."


def cell(value: Value | None) -> Scalar | None:
    """What a column holds for a value: a list as the text of its JSON, as ``[3, 3]``."""
    return text(value) if isinstance(value, tuple) else value


def config_of(row: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The config in a row of the table of trials; inactive parameters are absent.

    Args:
        row: values by column.
        parameters: what the table's metadata say of each parameter.
    """
    return {
        name.removeprefix(_COLUMN): original(value, parameters.get(name.removeprefix(_COLUMN), {}))
        for name, value in row.items()
        if name.startswith(_COLUMN) and value is not None
    }


def original(value: Any, entry: Mapping[str, Any]) -> Any:
    """The value that a cell stands for; a list as a list.

    Args:
        value: of the column; a text where some of the parameter's values are no numbers.
        entry: what the run's metadata say of the parameter: ``values`` of a choice, or the
            ``value`` of a constant.
    """
    if not isinstance(value, str):
        return value
    known = entry.get("values") or [entry.get("value")]
    if value in [one for one in known if isinstance(one, str)]:
        return value
    for one in known:
        if isinstance(one, list | tuple) and text(tuple(one)) == value:
            return list(one)
        if isinstance(one, bool | int | float) and value in {str(one), json.dumps(one)}:
            return one
        if isinstance(one, float) and _number(value) == one:  # tables write 1e-05 as 0.00001
            return one
    if value.startswith("[") and any(isinstance(one, list | tuple) for one in known):
        return json.loads(value)  # of another version of the space
    return value


def alike(values: Sequence[Value]) -> tuple[str, Value] | None:
    """A text among the values of a choice and another of them that a table would hold as it."""
    others = [one for one in values if not isinstance(one, str)]
    for value in values:
        if isinstance(value, str):
            for one in others:
                if not isinstance(original(value, {"values": [one]}), str):
                    return value, one
    return None


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
