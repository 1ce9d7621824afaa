"""Where the newest tables of each run lie: its own, or those made from its journal."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.dashboard.followed import Followed, marks
from orchestrator.engine.segments import position
from orchestrator.runs.folder import RunFolder
from searchspaces.errors import OrchError, raised

LIVE = frozenset({"running", "paused"})
"""States of a run that a process has."""


@dataclass(frozen=True)
class Source:
    """A run as it is now.

    Attributes:
        run: its folder.
        folder: whose tables are the newest; they need not be there yet.
        state: ``waiting``, ``running``, ``paused``, ``finished``, ``interrupted`` or ``damaged``.
        reason: why it was let go before it was finished; may be empty.
        problem: why its tables are not as new as they could be, in a line; empty if they are.
        at: when its last record was written, in seconds since the epoch; 0 where unknown.
        version: differs whenever something of this, or of the tables, does.
    """

    run: RunFolder
    folder: Path
    state: str
    reason: str = ""
    problem: str = ""
    at: float = 0.0
    version: str = ""

    @property
    def live(self) -> bool:
        """A process has the run."""
        return self.state in LIVE


class Sources:
    """Looks at runs again and again, and reads only what is new.

    Args:
        shadows: a folder of our own for tables that are made from journals.
    """

    def __init__(self, shadows: Path) -> None:
        self._shadows = shadows
        self._followed: dict[Path, Followed] = {}
        self._seen: dict[Path, tuple[tuple[int, ...], Source]] = {}

    def look(self, run: RunFolder) -> Source:
        """A run as it is now; what is wrong with it is said in the answer."""
        now = marks(run)
        before, source = self._seen.get(run.path, ((), None))
        if source is not None and before == now and not source.live:
            return source
        try:
            source = self._look(run, now)
        except OrchError as error:
            self._forget(run)
            line = raised(error)
            source = Source(run, run.path, "damaged", problem=line, version=_version(now, line))
        self._seen[run.path] = (now, source)
        return source

    def _look(self, run: RunFolder, now: tuple[int, ...]) -> Source:
        if not run.journal.is_dir():
            meta = metadata(run.trials)
            state = "waiting" if meta is None else "finished"
            if meta is not None and not meta.get("finished"):
                state = "interrupted"
            return Source(run, run.path, state, version=_version(now))
        followed = self._followed.get(run.path)
        if followed is None and (state := _as_it_is(run)):
            return Source(run, run.path, state, version=_version(now))
        if followed is None:
            shadow = self._shadows / f"{len(self._seen)}-{run.id}"
            followed = self._followed[run.path] = Followed(run, shadow)
        followed.read_on()
        followed.write()
        state = followed.state
        source = Source(
            run,
            followed.folder,
            state,
            followed.reason,
            followed.problem,
            followed.at,
            # What else was written is of no concern, but for the tables if they are what is read.
            _version(followed.sequence, state, now if followed.folder == run.path else now[:6]),
        )
        if state not in LIVE and _as_it_is(run):
            self._forget(run)  # its own tables have all of it
            return Source(run, run.path, state, source.reason, "", source.at, _version(now))
        return source

    def _forget(self, run: RunFolder) -> None:
        followed = self._followed.pop(run.path, None)
        if followed is not None:
            shutil.rmtree(followed.shadow, ignore_errors=True)


def metadata(table: Path) -> dict[str, Any] | None:
    """What a table says of its run; None if it is not there.

    Raises:
        OrchError: it is damaged.
    """
    import pyarrow.parquet as pq

    if not table.is_file():
        return None
    try:
        found = pq.read_metadata(table).metadata or {}
        meta = json.loads(found.get(b"orch", b"{}"))
    except (OSError, ValueError) as error:
        raise OrchError(f"{table}: cannot be read: {' '.join(str(error).split())}") from error
    return meta if isinstance(meta, dict) else {}


def _as_it_is(run: RunFolder) -> str:
    """The state of a run whose own tables have all of its journal; empty where they have not."""
    meta = metadata(run.trials)
    if meta is None or not run.epochs.is_file() or meta.get("owned"):
        return ""
    journal = meta.get("journal")
    sequence = journal.get("sequence") if isinstance(journal, dict) else None
    if sequence != position(run.journal):
        return ""
    return "finished" if meta.get("finished") else "interrupted"


def _version(*parts: object) -> str:
    return repr(parts)
