"""A config as the lines of a YAML file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from searchspaces.config import nested


def as_yaml(config: Mapping[str, Any]) -> str:
    """A line a parameter, in the order of the space; lists and groups on one line."""
    from ruamel.yaml import YAML

    lines = []
    for name, value in nested(config).items():
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = None if isinstance(value, list | dict) else False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # says None
        yaml.width = 1_000
        text = io.StringIO()
        yaml.dump({name: value}, text)
        lines.append(text.getvalue())
    return "".join(lines)
