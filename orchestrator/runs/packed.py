"""Rows of a table as they come, kept as polars frames so that memory stays flat."""

from __future__ import annotations

from typing import Any

import polars as pl

PACK = 2_000
"""Rows that wait as Python objects before they are packed."""


class Packed:
    """A table that grows by a row at a time.

    Args:
        schema: type by column; columns that only the rows name are floats.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._frames: list[pl.DataFrame] = []
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Take in a row."""
        self._rows.append(row)
        if len(self._rows) >= PACK:
            self._frames.append(self._pack(self._rows))
            self._rows = []

    def frame(self, extra: list[dict[str, Any]]) -> pl.DataFrame:
        """All rows, and the extra ones, which are not kept."""
        return pl.concat([*self._frames, self._pack([*self._rows, *extra])], how="diagonal")

    def _pack(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        for row in rows:
            for key in row:
                self._schema.setdefault(key, pl.Float64)
        return pl.DataFrame(rows, schema=self._schema)
