"""Tables of one's own, csv or parquet: a row a step, or a row a series."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.errors import ConfigurationError, nearest_first
from trainables.data.own.names import misspelt

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

KNOWN = ("series", "step", "label", "group", "part")
"""Columns with a meaning; every other column is a feature."""
OF_SERIES = ("label", "group", "part")
_INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+")
"""What pandas calls its index in parquet, and in a csv that it read and wrote again."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table and how messages find a row of it.

    Attributes:
        frame: the columns.
        place: what a message calls it.
        row: names a row, counted from 0.
        features: the columns that are features.
    """

    frame: pl.DataFrame
    place: str
    row: Callable[[int], str]
    features: tuple[str, ...]

    @property
    def of_series(self) -> list[str]:
        """The columns that say something of a whole series."""
        return [name for name in OF_SERIES if name in self.frame.columns]

    def error(self, problem: str) -> ConfigurationError:
        """What is wrong with it, and where it lies."""
        return ConfigurationError(problem, place=self.place)

    def require(self, names: Sequence[str]) -> None:
        """Refuse rows that have nothing in one of these columns.

        Raises:
            ConfigurationError: names the first such row.
        """
        for name in names:
            column = self.frame[name]
            if column.dtype.is_float():
                column = column.fill_nan(None)
            empty = column.is_null().arg_true()
            if len(empty):
                raise self.error(
                    f"{self.row(int(empty[0]))} has nothing in column {name!r}. "
                    f"Give every row a value."
                )


def table_of(frame: pl.DataFrame, place: str, row: Callable[[int], str]) -> Table:
    """A table whose columns make sense.

    Raises:
        ConfigurationError: no column ``label`` or no feature; a column without a name, or that
            is neither a feature nor known, or all but spelt like one that is.
    """
    features = tuple(name for name in frame.columns if name not in KNOWN)
    table = Table(frame, place, row, features)
    _refuse_index(table)
    absent = [name for name in KNOWN if name not in frame.columns]
    for name in features:
        meant = misspelt(name, absent)
        if meant:
            raise table.error(
                f"column {name!r} would be a feature. Call it {meant!r} if that is meant, "
                f"else something else."
            )
        kind = frame.schema[name]
        if not kind.is_numeric() and not kind.is_nested():
            raise table.error(
                f"column {name!r} holds {kind}, not the numbers of a feature. Leave it out, or "
                f"rename it: {', '.join(nearest_first(name, KNOWN))}."
            )
    if "label" not in frame.columns:
        raise table.error(f"has no column label. Its columns: {', '.join(frame.columns[:12])}.")
    if not features:
        raise table.error("has no column but those with a meaning, so no feature.")
    if "step" in frame.columns and "series" not in frame.columns:
        raise table.error("has a column step and none called series, to say whose step it is.")
    return table


def _refuse_index(table: Table) -> None:
    """Refuse the row numbers of pandas, which give the class away where rows are sorted by it."""
    for at, name in enumerate(table.frame.columns):
        if _INDEX.fullmatch(name):
            raise table.error(
                f"column {name!r} is the index of pandas. Save with index=False, or name it."
            )
        if not name.strip():
            pandas = "; pandas writes its index so. Save with index=False, or name it."
            way_out = ". Name it, or leave it out." if at else pandas
            raise table.error(f"column {at + 1} has no name{way_out}")


def matrix(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Numeric columns as an array, (rows, columns); NaN where there is nothing."""
    import polars as pl

    return frame.select(pl.all().cast(pl.Float64)).to_numpy()


def columns_of_series(frame: pl.DataFrame) -> dict[str, Any]:
    """``label``, ``group`` and ``part`` as arrays, None where there is no such column."""
    return {
        name: np.array(frame[name].to_list(), dtype=object) if name in frame.columns else None
        for name in OF_SERIES
    }
