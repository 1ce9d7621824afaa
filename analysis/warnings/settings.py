"""What to type or paste to change a sweep: ``--set`` options and YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.parameters import plain

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OTHER = {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"}
"""Texts that YAML would take for something else."""


def option(key: str, value: Any) -> str:
    """What to add to a command: ``--set space.hidden_size.high=512``."""
    said = f"{key}={scalar(value)}"
    return f"--set {said}" if re.fullmatch(r"[\w.=+-]+", said) else f"--set '{said}'"


def snippet(values: Mapping[str, Any]) -> str:
    """YAML for a sweep file of dotted keys and their values; one line a key, no last newline."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *above, last = key.split(".")
        place = nested
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return "\n".join(_lines(nested, ""))


def scalar(value: Any) -> str:
    """A value, or a list of them, as YAML has it on one line."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(scalar(item) for item in value)}]"
    if not isinstance(value, str):
        return plain(value)
    bare = _BARE.fullmatch(value) and value.lower() not in _OTHER
    return value if bare else json.dumps(value, ensure_ascii=False)


def _lines(values: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{key}: {scalar(value)}")
    return lines
