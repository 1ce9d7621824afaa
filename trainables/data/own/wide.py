"""Tables in which a row is a series: of plain columns, or of columns of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainables.data.own.arrays import padded
from trainables.data.own.content import Raw
from trainables.data.own.table import Table, columns_of_series, matrix

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


def raw_of_rows(table: Table) -> Raw:
    """Series of a table without a column ``series``.

    Plain columns are the steps of one feature, in the order of the columns. List columns are
    features, with a number a step, as many in each. A single column of lists of lists is
    (steps, features).

    Raises:
        ConfigurationError: a row without a label; lists beside numbers, of different lengths
            or of something else than numbers.
    """
    frame = table.frame
    table.require(table.of_series)
    lists = [name for name in table.features if frame.schema[name].is_nested()]
    if not lists:
        values = matrix(frame.select(table.features))
        return Raw(
            values=values[:, :, None],
            lengths=np.full(len(values), values.shape[1]),
            place=table.place,
            where=table.row,
            step=lambda series, step: f"{table.row(series)}, column {table.features[step]!r}",
            **columns_of_series(frame),
        )
    if len(lists) < len(table.features):
        plain = next(name for name in table.features if name not in lists)
        raise table.error(
            f"column {plain!r} holds numbers and {lists[0]!r} lists. Give lists to all features."
        )
    table.require(lists)
    columns = [_as_lists(table, name) for name in lists]
    lengths = _equal_lengths(table, columns)
    flat = [column.explode() for column in columns]
    nested = flat[0].dtype.is_nested() and len(flat) == 1
    return Raw(
        values=padded(_steps(table, flat[0]) if nested else _features(table, flat), lengths),
        lengths=lengths,
        place=table.place,
        where=table.row,
        features=() if nested else table.features,
        **columns_of_series(frame),
    )


def _as_lists(table: Table, name: str) -> pl.Series:
    import polars as pl

    column = table.frame[name]
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    if not isinstance(column.dtype, pl.List):
        raise table.error(f"column {name!r} holds {column.dtype}, not lists of numbers.")
    return column


def _equal_lengths(table: Table, columns: list[pl.Series]) -> NDArray[np.int64]:
    """Steps of each series, (series,)."""
    first = columns[0].list.len().to_numpy().astype(np.int64)
    for column in columns:
        found = column.list.len().to_numpy().astype(np.int64)
        odd = np.flatnonzero((found != first) | (found < 1))
        if odd.size:
            row = int(odd[0])
            others = f", and {columns[0].name!r} has {first[row]}" if found[row] else ""
            raise table.error(
                f"{table.row(row)}: column {column.name!r} has {found[row]} steps{others}."
            )
    return first


def _features(table: Table, flat: list[pl.Series]) -> NDArray[Any]:
    """All steps end to end, (steps, features), a column a feature."""
    import polars as pl

    for column in flat:
        if not column.dtype.is_numeric():
            raise table.error(
                f"column {column.name!r} holds lists of {column.dtype}, not of numbers."
            )
    return matrix(pl.DataFrame(flat))


def _steps(table: Table, flat: pl.Series) -> NDArray[Any]:
    """All steps end to end, (steps, features), each a list of its features."""
    import polars as pl

    if isinstance(flat.dtype, pl.Array):
        flat = flat.arr.to_list()
    widths = flat.list.len().fill_null(0).to_numpy()
    odd = np.flatnonzero((widths != widths[0]) | (widths < 1))
    values = flat.explode()
    if odd.size or not values.dtype.is_numeric():
        wrong = f"a step of {widths[odd[0]]} features" if odd.size else f"{values.dtype}"
        raise table.error(
            f"column {flat.name!r} holds {wrong}. Give each step a list of {widths[0]} numbers."
        )
    return values.cast(pl.Float64).to_numpy().reshape(-1, int(widths[0]))
