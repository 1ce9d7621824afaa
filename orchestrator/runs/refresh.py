"""Bring the tables of a run up to date when no process does it any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import polars as pl

from orchestrator.engine.journal import Entry, position, read
from orchestrator.engine.records import Opened
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunBusyError, RunFolder, UnwritableError


def refresh(run: RunFolder) -> None:
    """Write the tables anew from the journal if they are behind it.

    Does nothing while a process runs the sweep: that one writes them every half minute.

    Raises:
        JournalError: the journal is damaged.
        FileError: ``spec.yaml`` is.
    """
    if not run.journal.is_dir() or _fresh(run):
        return
    with suppress(RunBusyError, UnwritableError), run.owned():
        rebuild(run)


def rebuild(run: RunFolder) -> None:
    """Write the tables anew from the journal; the caller owns the run.

    Raises:
        JournalError: the journal is damaged.
        FileError: ``spec.yaml`` is.
        UnwritableError: the folder cannot be written.
    """
    entries = list(read(run.journal))
    opened = _opened(entries) or Opened(0.0, "", 0, {})
    tables = tables_of(
        run, run.spec(), split=opened.split, warning=opened.warning, asked=opened.asked
    )
    for entry in entries:
        tables.note(entry.record)
    tables.write(run.path, owned=False, sequence=entries[-1].sequence if entries else 0)


def _fresh(run: RunFolder) -> bool:
    """Both tables say that they hold the journal's last record, and that nobody runs it."""
    last = position(run.journal)
    return all(_says(path) == (last, False) for path in (run.trials, run.epochs))


def _says(path: Path) -> tuple[int, bool] | None:
    """The journal position of a table, and whether a process owned the run at the time."""
    try:
        meta = json.loads(pl.read_parquet_metadata(path)["orch"])
        return meta["journal"]["sequence"], meta["owned"]
    except (OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
        return None


def is_study(run: RunFolder) -> bool:
    """Whether a program of the user's asks for the trials of a run and trains them itself.

    Raises:
        JournalError: the journal is damaged.
    """
    opened = _opened(read(run.journal))
    return opened is not None and opened.asked


def _opened(entries: Iterable[Entry]) -> Opened | None:
    """The first record of a process that owned the run."""
    return next((entry.record for entry in entries if isinstance(entry.record, Opened)), None)
