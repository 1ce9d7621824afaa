"""Whether the tables of a run are behind its journal, told from the journal's last lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TAIL = 1 << 16
"""Bytes looked at from the end of a segment; a record is far smaller."""


def last_record(run_folder: Path) -> int | None:
    """Sequence number of the last whole record in ``journal/``; None if that cannot be seen.

    A line is ``crc32 length json`` with the number under ``seq``; the header of a
    segment (type ``segment``) is no record. This is a glance, not a check: damage is
    for the journal's owner to find.
    """
    for path in sorted((run_folder / "journal").glob("*.log"), reverse=True):
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _TAIL))
                lines = file.read().split(b"\n")
        except OSError:
            return None
        # What follows the last newline is a torn line; what precedes the first may be cut.
        for line in reversed(lines[:-1]):
            entry = _entry(line)
            record = entry.get("record")
            if isinstance(record, dict) and record.get("type") == "segment":
                continue
            if isinstance(entry.get("seq"), int):
                return int(entry["seq"])
    return None


def behind(run_folder: Path, sequence: object) -> int:
    """How many records the journal has after ``sequence``, the one the tables end with."""
    last = last_record(run_folder)
    return max(0, last - sequence) if last is not None and isinstance(sequence, int) else 0


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line.split(b" ", 2)[2])
    except (ValueError, IndexError):
        return {}
    return entry if isinstance(entry, dict) else {}
