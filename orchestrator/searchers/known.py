"""When two configs are the same to a search."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from searchspaces.scalars import distinct

Known = frozenset[tuple[str, Hashable]]
"""A config to compare by: 1 and 1.0 are one to a search, 1 and True are not."""


def known(config: Mapping[str, Any]) -> Known:
    """What two configs have in common only if training both would be the same."""
    return frozenset((name, distinct(value)) for name, value in config.items())
