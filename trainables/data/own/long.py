"""Tables in which a row is a step and a column says which series it belongs to."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from trainables.data.own.arrays import padded
from trainables.data.own.content import Raw
from trainables.data.own.table import Table, columns_of_series, matrix

if TYPE_CHECKING:
    import polars as pl

_ROW, _FIRST, _STEPS = "\0row", "\0first", "\0steps"  # a person's column has no such name
_ISO = r"^\d{4}-\d\d-\d\d"  # of other dates nobody knows which number is the month


def raw_of_steps(table: Table) -> Raw:
    """Series of a table with a column ``series``, in the order in which they first appear.

    A series' rows need not stand together. They are taken in the order of the column
    ``step``, or as they stand.

    Raises:
        ConfigurationError: a list in place of a number; a row without series, step or label;
            a step that is neither a number nor a time; a series with two labels, groups or
            parts, or with the same step twice.
    """
    import polars as pl

    frame = table.frame
    for name in table.features:
        if frame.schema[name].is_nested():
            raise table.error(
                f"column {name!r} holds lists, but with a column series a row is one step."
            )
    steps = ["step"] if "step" in frame.columns else []
    table.require(["series", *steps, *table.of_series])
    if steps:
        frame = frame.with_columns(_in_order(table, frame["step"]))
    frame = frame.with_row_index(_ROW)
    owners = frame.group_by("series", maintain_order=True).agg(
        pl.col(_ROW).first().alias(_FIRST),
        pl.len().alias(_STEPS),
        pl.col(table.of_series).first(),
        pl.col(table.of_series).n_unique().name.prefix(_STEPS),
    )
    for name in table.of_series:
        mixed = owners.filter(pl.col(f"{_STEPS}{name}") > 1)
        if mixed.height:
            raise table.error(
                f"series {mixed.item(0, 'series')!r} has {mixed.item(0, f'{_STEPS}{name}')} "
                f"values of {name}. Give it one."
            )
    frame = frame.join(owners.select("series", _FIRST), on="series", how="left")
    frame = frame.sort([_FIRST, *(steps or [_ROW]), _ROW] if steps else [_FIRST, _ROW])
    if steps:
        again = frame.filter(
            (pl.col("step") == pl.col("step").shift()) & (pl.col(_FIRST) == pl.col(_FIRST).shift())
        )
        if again.height:
            raise table.error(
                f"{table.row(again.item(0, _ROW))}: series {again.item(0, 'series')!r} has step "
                f"{again.item(0, 'step')} a second time."
            )
    rows = frame[_ROW].to_numpy()
    lengths = owners[_STEPS].to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    names = owners["series"].to_list()
    return Raw(
        values=padded(matrix(frame.select(table.features)), lengths),
        lengths=lengths,
        place=table.place,
        where=lambda series: f"series {names[series]!r}",
        features=table.features,
        step=lambda series, step: table.row(int(rows[starts[series] + step])),
        **columns_of_series(owners),
    )


def _in_order(table: Table, step: pl.Series) -> pl.Series:
    """Steps as numbers or times, because text sorts 10 before 2."""
    import polars as pl

    if step.dtype == pl.String and step.str.contains(_ISO).all():
        with contextlib.suppress(pl.exceptions.PolarsError):
            step = step.str.to_datetime()
    if not step.dtype.is_numeric() and not step.dtype.is_temporal():
        raise table.error(
            f"column 'step' holds {step.dtype}, which has no order in time. "
            f"Give numbers, or times such as 2024-01-31 09:30:00."
        )
    return step
