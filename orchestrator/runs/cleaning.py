"""What of a run's folder is not needed any more: checkpoints, half-written files, old letters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochRepeated, EpochReported, TrialEnded, TrialResumed
from orchestrator.engine.trial import FINAL, State
from orchestrator.runs.checkpoints import FolderStore, Kept, ListedStore
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.removal import size_of
from orchestrator.runs.storage import elsewhere

OLD_SECONDS = 60.0
"""A file takes less to write; a ``.part`` that is older was left behind."""


@dataclass(frozen=True)
class Waste:
    """What a run has that nobody needs any more.

    Attributes:
        store: of its checkpoints.
        checkpoints: of trials that nobody goes on with.
        others: half-written files, and letters that nobody will read.
        size: bytes of all of them.
    """

    store: ListedStore
    checkpoints: tuple[Kept, ...]
    others: tuple[Path, ...]
    size: int

    def __bool__(self) -> bool:
        """There are any."""
        return bool(self.checkpoints or self.others)

    def delete(self) -> None:
        """Delete them, and the folders that are empty then.

        Raises:
            OSError: that cannot be done.
            StoreError: the store cannot do it.
        """
        self.store.forget(kept.key for kept in self.checkpoints)
        for path in self.others:
            path.unlink(missing_ok=True)


def waste_of(
    run: RunFolder, ranked: Sequence[tuple[int, State]], *, finished: bool, keep: int
) -> Waste:
    """What can go of a run; the caller owns it.

    A finished run needs the last checkpoints of its best completed trials. One that can be
    resumed needs the newest of each trial that is not over, and the last of each completed one.

    Args:
        run: its folder.
        ranked: number and state of each trial, best first.
        finished: nothing is left to do in it.
        keep: how many of the best trials of a finished run keep theirs.

    Raises:
        JournalError: the journal is damaged, and nobody can tell.
        StoreError: its checkpoints are elsewhere, and nobody answers there.
    """
    store = elsewhere(run.path, run.id) or FolderStore(run.checkpoints)
    completed = [number for number, state in ranked if state is State.COMPLETED]
    going_on = [number for number, state in ranked if state not in FINAL]
    wanted = set(completed[:keep]) if finished else {*completed, *going_on}
    newest = _newest(run)
    needed = {newest[number] for number in wanted if number in newest}
    checkpoints = tuple(kept for kept in store.kept() if kept.key not in needed)
    others = tuple(_others(run, finished=finished))
    size = sum(kept.size for kept in checkpoints) + sum(map(size_of, others))
    return Waste(store, checkpoints, others, size)


def _newest(run: RunFolder) -> dict[int, str]:
    """The key of each trial's newest checkpoint, by the trial's number."""
    found: dict[int, str] = {}
    for entry in read(run.journal):
        record = entry.record
        if isinstance(record, TrialResumed) and record.afresh:
            found.pop(record.number, None)
        elif (
            isinstance(record, EpochReported | EpochRepeated | TrialEnded)
            and record.checkpoint is not None
        ):
            found[record.number] = record.checkpoint.key
    return found


def _others(run: RunFolder, *, finished: bool) -> Iterator[Path]:
    now = time.time()
    for folder, pattern in ((run.path, ".*.part"), (run.inbox, "*.part"), (run.figures, "*.part")):
        for path in _files(folder, pattern):
            if path.stat().st_mtime < now - OLD_SECONDS:
                yield path
    if finished:
        yield from _files(run.inbox, "*.json")


def _files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in sorted(folder.glob(pattern)) if path.is_file()]
