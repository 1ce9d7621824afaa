"""Text of numbers, a step a line: one series a file, or blocks parted by blank lines."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.data.errors import DamagedDataError

_LARGEST = float(np.finfo(np.float32).max)


def read_blocks(file: Path, *, columns: int, blocks: int) -> list[NDArray[np.float32]]:
    """Every block of ``file``, in order, each (steps, columns).

    A line of nothing but white space is blank; any number of them parts two blocks.

    Args:
        file: the text file.
        columns: numbers on each line.
        blocks: how many blocks there must be.

    Raises:
        DamagedDataError: empty or unreadable; a line with another number of columns; a field
            that is no finite number; too few or too many blocks. Names block and line.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DamagedDataError(file, f"cannot be read: {error.strerror}") from error
    found: list[NDArray[np.float32]] = []
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if fields:
            rows.append(_row(fields, columns, file, f"block {len(found) + 1}", line=number))
        elif rows:
            found.append(np.array(rows, dtype=np.float32))
            rows = []
    if rows:
        found.append(np.array(rows, dtype=np.float32))
    if not found:
        raise DamagedDataError(file, f"is empty; {blocks} blocks were expected")
    if len(found) < blocks:
        raise DamagedDataError(
            file,
            f"block {len(found) + 1} is missing: the file has {len(found)} of {blocks} blocks",
            line=len(lines),
        )
    if len(found) > blocks:
        raise DamagedDataError(
            file, f"block {blocks + 1} is one too many: the file has {len(found)} blocks"
        )
    return found


def read_rows(content: bytes, file: Path, *, columns: int) -> NDArray[np.float64]:
    """The lines of ``content``, all of them one series: (steps, columns).

    Args:
        content: of the file.
        file: what a message calls it.
        columns: numbers on each line.

    Raises:
        DamagedDataError: no line; a blank line, or one with another number of columns; a field
            that is no finite number.
    """
    rows = [
        _row(line.split(), columns, file, "", line=number)
        for number, line in enumerate(content.splitlines(), start=1)
    ]
    if not rows:
        raise DamagedDataError(file, "is empty")
    return np.array(rows)


def _row(fields: list[bytes], columns: int, file: Path, place: str, *, line: int) -> list[float]:
    if len(fields) != columns:
        words = f"{place} has a line of" if place else "has"
        raise DamagedDataError(file, f"{words} {len(fields)} columns, not {columns}", line=line)
    try:
        row = [float(field) for field in fields]
    except ValueError:
        row = [math.nan]
    # The sum is finite only if every number is; the range is float32's; float() reads 1_0 as 10.
    finite = math.isfinite(sum(row)) and min(row) >= -_LARGEST and max(row) <= _LARGEST
    if finite and not any(b"_" in field for field in fields):
        return row
    column, field = next((i, f) for i, f in enumerate(fields, start=1) if not _is_number(f))
    text = field.decode("ascii", "backslashreplace")
    where = f"{place}, column {column}" if place else f"column {column}"
    raise DamagedDataError(file, f"{where}: {text[:40]!r} is not a finite number", line=line)


def _is_number(field: bytes) -> bool:
    try:
        return b"_" not in field and abs(float(field)) <= _LARGEST
    except ValueError:
        return False
