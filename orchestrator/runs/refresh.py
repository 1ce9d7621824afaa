"""Bring the tables of a run up to date when no process does it any more."""

from __future__ import annotations

from orchestrator.engine.journal import read
from orchestrator.engine.records import Opened
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunBusyError, RunFolder


def refresh(run: RunFolder) -> None:
    """Write the tables anew from the journal if they are behind it.

    Does nothing while a process runs the sweep: that one writes them every half minute.

    Raises:
        JournalError: the journal is damaged.
        FileError: ``spec.yaml`` is.
    """
    if not run.journal.is_dir():
        return
    try:
        with run.owned():
            if _fresh(run):
                return
            _rebuild(run)
    except RunBusyError:
        return


def _rebuild(run: RunFolder) -> None:
    entries = list(read(run.journal))
    split = next((entry.record.split for entry in entries if isinstance(entry.record, Opened)), "")
    tables = tables_of(run, run.spec(), split=split)
    for entry in entries:
        tables.note(entry.record)
    tables.write(run.path, owned=False, sequence=entries[-1].sequence if entries else 0)


def _fresh(run: RunFolder) -> bool:
    """Both tables are younger than everything in the journal."""
    try:
        tables = min(run.trials.stat().st_mtime_ns, run.epochs.stat().st_mtime_ns)
    except FileNotFoundError:
        return False
    return all(path.stat().st_mtime_ns <= tables for path in run.journal.glob("*.log"))
