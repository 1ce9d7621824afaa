"""Read a file of one's own: npz, csv or parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.errors import ConfigurationError, UsageError
from trainables.data.archive import BROKEN_ZIP
from trainables.data.own.arrays import raw_of_arrays
from trainables.data.own.content import Raw
from trainables.data.own.long import raw_of_steps
from trainables.data.own.table import OF_SERIES, table_of
from trainables.data.own.wide import raw_of_rows

if TYPE_CHECKING:
    import polars as pl

KINDS = ("npz", "csv", "parquet")


def raw_of_file(kind: str, given: str) -> Raw:
    """The series in a file; ``parquet`` also takes a folder of files.

    Args:
        kind: one of ``KINDS``.
        given: the path as a person gave it, seen from the working directory.

    Raises:
        UsageError: there is no such file.
        ConfigurationError: it cannot be read, or holds something else than series.
    """
    path = existing(kind, given)
    if kind == "npz":
        return raw_of_arrays(_arrays(path), given)
    frame = _csv(path, given) if kind == "csv" else _parquet(path, given)
    # A csv has a header and is read in an editor that counts lines from 1.
    ahead = 2 if kind == "csv" else 0
    table = table_of(frame, given, (lambda row: f"line {row + ahead}") if ahead else _row)
    return raw_of_steps(table) if "series" in frame.columns else raw_of_rows(table)


def existing(kind: str, given: str) -> Path:
    """The path of a file of one's own, if there is one.

    Raises:
        UsageError: there is none; says from where it was looked for.
    """
    path = Path(given).expanduser()
    if given and (path.is_file() or (path.is_dir() and kind == "parquet")):
        return path
    what = "is a folder, not a file" if path.is_dir() and given else "no such file"
    seen = "" if path.is_absolute() or not given else f", seen from {Path.cwd()}"
    raise UsageError(f"data set '{kind}:{given}': {what}{seen}. Give its path, or go where it is.")


def _row(row: int) -> str:
    return f"row {row} (from 0)"


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as raw:
            opened = np.load(raw, allow_pickle=False)
            if not isinstance(opened, np.lib.npyio.NpzFile):
                raise ConfigurationError("holds one array. Save with np.savez.", place=str(path))
            return {name: _array(opened, name, path) for name in opened.files}
    except (OSError, *BROKEN_ZIP) as error:
        raise ConfigurationError(
            f"cannot be read as npz: {_line(error)}.", place=str(path)
        ) from error


def _array(opened: Any, name: str, path: Path) -> Any:
    try:
        return opened[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise ConfigurationError(
            f"{name}: holds Python objects, which are not unpickled. Save text as a text array, "
            f"and series of unequal lengths end to end, with lengths.",
            place=str(path),
        ) from error


def _csv(path: Path, given: str) -> pl.DataFrame:
    import polars as pl

    as_written = dict.fromkeys(("series", *OF_SERIES), pl.String)
    try:
        frame = pl.read_csv(path, infer_schema_length=None, schema_overrides=as_written)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigurationError(f"cannot be read as csv: {_line(error)}.", place=given) from error
    if frame.width == 1 and any(mark in frame.columns[0] for mark in ";\t"):
        raise ConfigurationError(
            f"has one column, {frame.columns[0][:40]!r}. Part columns by commas.", place=given
        )
    return frame.with_columns(_label(frame["label"])) if "label" in frame.columns else frame


def _label(label: pl.Series) -> pl.Series:
    """Labels as they are written; numbers if some has a point, so that 1.0 is 1 and 0.5 refused."""
    import polars as pl

    number = label.cast(pl.Float64, strict=False)
    if number.null_count() > label.null_count() or label.str.contains(r"^[+-]?0\d").any():
        return label
    return label if label.str.contains(r"^[+-]?\d+$").all() else number


def _parquet(path: Path, given: str) -> pl.DataFrame:
    import polars as pl

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise ConfigurationError("has no file *.parquet in it.", place=given)
    frames: list[pl.DataFrame] = []
    for file in files:
        try:
            frame = pl.read_parquet(file)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ConfigurationError(
                f"cannot be read as parquet: {_line(error)}.", place=str(file)
            ) from error
        if frames and frame.schema != frames[0].schema:
            raise ConfigurationError(
                f"its columns or their types are not those of {files[0].name}.", place=str(file)
            )
        frames.append(frame)
    return pl.concat(frames)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
