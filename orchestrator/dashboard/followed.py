"""A run that goes on: its journal, followed, and tables written from it beside the run.

Who runs a sweep writes the run's own tables every half minute; a page wants them sooner.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.follow import Follower
from orchestrator.engine.records import FINISHED, Closed, Commanded, Opened, Record
from orchestrator.runs.about import FILE as ABOUT
from orchestrator.runs.alive import is_alive
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import SPEC, RunFolder
from searchspaces.errors import OrchError, raised

if TYPE_CHECKING:
    from orchestrator.runs.tables import RunTables

_ASK_AGAIN = 60.0
"""Seconds without a record, and between two looks at the lock of a run on another machine."""


class Followed:
    """A run by its journal.

    Args:
        run: its folder.
        shadow: the folder of tables made from the journal; it is made when there are records.

    Attributes:
        sequence: of the last record that was read.
        at: when it was written, in seconds since the epoch; 0 before the first.
        problem: why there are no tables in the shadow, in a line; empty if they can be made.
    """

    def __init__(self, run: RunFolder, shadow: Path) -> None:
        self.run = run
        self.shadow = shadow
        self.at = 0.0
        self.problem = ""
        self._follower = Follower(run.journal)
        self._tables: RunTables | None = None
        self._opened: Opened | None = None
        self._closed: Closed | None = None
        self._paused = False
        self._written: tuple[int, bool] | None = None
        self._asked = 0.0
        self._owned = True

    @property
    def sequence(self) -> int:
        """Of the last record that was read."""
        return self._follower.sequence

    @property
    def folder(self) -> Path:
        """Where the newest tables lie: in the shadow, or where the sweep itself writes them."""
        return self.shadow if self._written is not None else self.run.path

    def read_on(self) -> None:
        """Read what came since the last call.

        Raises:
            JournalError: the journal is damaged.
        """
        for entry in self._follower.news():
            self._note(entry.record)

    @property
    def state(self) -> str:
        """``running``, ``paused``, ``finished`` or ``interrupted``; ``waiting`` before it began."""
        if self._closed is not None:
            return "finished" if self._closed.reason == FINISHED else "interrupted"
        if self._opened is None:
            return "waiting"
        if not self._is_owned(self._opened):
            return "interrupted"
        return "paused" if self._paused else "running"

    @property
    def reason(self) -> str:
        """Why the run was let go before it was finished; empty where nobody said."""
        reason = "" if self._closed is None else self._closed.reason
        return "" if reason in {FINISHED, "interrupted"} else reason

    def write(self) -> None:
        """Bring the tables in the shadow up to what was read.

        Raises:
            UnwritableError: the disk is full.
        """
        owned = self.state in {"running", "paused"}
        if self._tables is None or self._written == (self.sequence, owned):
            return
        self.shadow.mkdir(parents=True, exist_ok=True)
        part = self.shadow / f".{SPEC}.part"
        shutil.copyfile(self.run.path / SPEC, part)
        part.replace(self.shadow / SPEC)
        self._tables.write(self.shadow, owned=owned, sequence=self.sequence)
        self._written = (self.sequence, owned)

    def _note(self, record: Record) -> None:
        if self._tables is None and not self.problem:
            self._begin(record if isinstance(record, Opened) else Opened(0.0, "", 0, {}))
        if self._tables is not None:
            self._tables.note(record)
        self.at = record.at
        match record:
            case Opened():
                self._opened, self._closed, self._paused = record, None, False
            case Closed():
                self._closed = record
            case Commanded(command="pause" | "go-on", refused=""):
                self._paused = record.command == "pause"
            case _:
                pass

    def _begin(self, first: Opened) -> None:
        """Make the tables; what a sweep trains may be code that cannot be imported here."""
        try:
            self._tables = tables_of(
                self.run,
                self.run.spec(),
                split=first.split,
                warning=first.warning,
                asked=first.asked,
            )
        except OrchError as error:
            self.problem = raised(error)

    def _is_owned(self, opened: Opened) -> bool:
        """Whether whoever opened the run still has it.

        Of another machine only the lock tells, so that it is looked at, rarely, where the
        journal has long been silent.
        """
        alive = is_alive(opened)
        if alive is not None:
            return alive
        now = time.time()
        if now - max(self.at, self._asked) > _ASK_AGAIN:
            self._asked, self._owned = now, self.run.is_owned()
        elif now - self.at <= _ASK_AGAIN:
            self._owned = True
        return self._owned


def marks(run: RunFolder) -> tuple[int, ...]:
    """Sizes and times of a run's files, which differ once anything was written."""
    paths = [run.path / SPEC, run.path / ABOUT, run.trials, run.epochs]
    if run.journal.is_dir():
        paths += sorted(run.journal.glob("*.log"))[-1:]
    return tuple(mark for path in paths for mark in _mark(path))


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns)
