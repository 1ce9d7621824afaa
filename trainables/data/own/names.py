"""Names of keys and columns: what is known, and what a misspelt one was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from searchspaces.errors import ConfigurationError, nearest_first


def check_known(found: Sequence[str], known: Sequence[str], place: str, *, what: str) -> None:
    """Refuse a name that is not among ``known``.

    Raises:
        ConfigurationError: lists the known names, nearest first.
    """
    for name in found:
        if name not in known:
            listed = ", ".join(nearest_first(name, known))
            raise ConfigurationError(f"unknown {what} {name!r}. Known: {listed}.", place=place)


def misspelt(name: str, absent: Sequence[str]) -> str:
    """The absent column that ``name`` was almost certainly meant to be; empty if none."""
    close = difflib.get_close_matches(name.lower().strip(), absent, n=1, cutoff=0.75)
    return close[0] if close else ""
