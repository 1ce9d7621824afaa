"""A CSV file as a frame, and where in it something is wrong."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import polars as pl

from searchspaces.errors import UsageError

_SEPARATORS = (",", ";", "\t", "|")
_BLANK = ["", "NA", "N/A", "null", "None", "nan", "NaN", "NAN", "inf", "-inf", "Infinity",
          "-Infinity"]  # fmt: skip
"""What stands for an empty cell, which is an inactive parameter or no value."""
_COMMA = re.compile(r"-?\d+,\d+([eE][-+]?\d+)?")


def read_table(path: Path) -> pl.DataFrame:
    """The table in ``path``; columns are numbers where all their cells are.

    Raises:
        UsageError: no such file, or no table; names the line where it breaks.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder. Give a CSV file.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text. Save it as CSV, UTF-8.") from error
    if not text.strip():
        raise UsageError(f"{path} is empty.")
    first = text.lstrip("\r\n").splitlines()[0]
    separator = max(_SEPARATORS, key=first.count)
    _check(path, text, separator)
    try:
        table = _read(text, separator, comma=False)
        if separator == ";" and any(_has_commas(column) for column in table):
            table = _read(text, separator, comma=True)
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{path}: no table: {str(error).splitlines()[0]}") from error
    if table.is_empty():
        raise UsageError(f"{path} has a line of names and no trial below it.")
    return table


def numeric(table: pl.DataFrame, path: Path, name: str, *, needed: bool) -> None:
    """See that a column holds numbers, and some if it is ``needed``.

    Raises:
        UsageError: it does not; names the first cell that is none.
    """
    cells = table[name]
    if cells.dtype.is_numeric() and not (needed and cells.null_count() == len(cells)):
        return
    if cells.null_count() == len(cells):
        raise UsageError(f"{path}: {name} is empty in every row.")
    numbers = cells.cast(pl.String).cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & cells.is_not_null()).arg_true()
    row = int(wrong[0]) if len(wrong) else 0
    raise UsageError(
        f"{path}:{line_of(row)}: {name} is {cells[row]!r}, which is no number. Mend the cell, or "
        "leave it empty."
    )


def line_of(row: int) -> int:
    """The line of a row of the table; cells of several lines are not counted."""
    return row + 2


def _read(text: str, separator: str, *, comma: bool) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(text.encode()),
        separator=separator,
        infer_schema_length=None,
        null_values=_BLANK,
        decimal_comma=comma,
    )


def _has_commas(column: pl.Series) -> bool:
    """Whether a column of text is one of numbers with a decimal comma."""
    if column.dtype != pl.String or column.null_count() == len(column):
        return False
    return all(_COMMA.fullmatch(cell) or cell.lstrip("-").isdigit() for cell in column.drop_nulls())


def _check(path: Path, text: str, separator: str) -> None:
    """Refuse rows of another width than the first, and names that are there twice."""
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    names: list[str] = []
    try:
        for row in reader:
            if not row:
                continue
            if not names:
                names = row
                twice = next((name for name in names if names.count(name) > 1), None)
                if twice is not None:
                    raise UsageError(f"{path}:{reader.line_num}: two columns are called {twice!r}. "
                                     "Rename one.")  # fmt: skip
            elif len(row) != len(names):
                raise UsageError(
                    f"{path}:{reader.line_num}: {len(row)} cells below {len(names)} names. Put "
                    f"quotes around cells that contain {separator!r}."
                )
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: {error}.") from error
