"""Which checkpoints of a run that goes on are worth fetching.

Those of trials that are completed stay. Those of trials that will go on are for the day on which
the machine dies that has them: the newest of each, as long as they are small.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.cluster.wire import File
from orchestrator.engine.follow import Follower
from orchestrator.engine.records import (
    Checkpoint,
    EpochRepeated,
    EpochReported,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
)
from orchestrator.engine.segments import JournalError
from orchestrator.runs.folder import SPEC
from orchestrator.spec_file import read_mapping
from searchspaces.errors import UsageError

SPARE_RATE = 250_000
"""Bytes a second, on average, for checkpoints of trials that will go on."""
MOST_SPARE = 16_000_000
"""Bytes that are saved up for them, and so the largest that comes."""


class Wanted:
    """Reads the journal here for checkpoints that are worth having.

    Args:
        folder: of the run here.
        clock: seconds that only grow.

    Attributes:
        files: those that stay and are not here yet, by path in the run's folder.
        useless: those of trials that go on which no trial would go on from any more.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._spare, self._at = float(MOST_SPARE), clock()
        self._paused: set[int] = set()
        self._tried: dict[int, str] = {}
        self.useless: list[str] = []
        self._follower = Follower(folder / "journal")
        self._newest: dict[int, Checkpoint] = {}
        self._epochs: int | None = None
        self.files: deque[File] = deque()

    def read(self) -> None:
        """Take in what the journal has grown by.

        One that is damaged is another's to complain of: all checkpoints come at the end.
        """
        with suppress(JournalError):
            for entry in self._follower.news():
                self._note(entry.record)

    def lent(self) -> File | None:
        """The next of a trial that will go on, if one may come now: each is offered once.

        Paused trials first, since theirs stay the newest; then those that would lose most.
        """
        now = self._clock()
        self._spare = min(MOST_SPARE, self._spare + SPARE_RATE * (now - self._at))
        self._at = now
        offers = [
            (number not in self._paused, -kept.epoch, number, kept)
            for number, kept in self._newest.items()
            if kept.size <= self._spare and self._tried.get(number) != kept.key
        ]
        if not offers:
            return None
        _, _, number, kept = min(offers)
        self._tried[number] = kept.key
        file = _file_of(kept)
        if (self._folder / file.path).is_file():
            return None
        self._spare -= kept.size
        return file

    def _note(self, record: Record) -> None:
        match record:
            case TrialResumed(number=number):
                self._paused.discard(number)
                if record.afresh:
                    self._forget(number)
            case TrialPruned(number=number):
                self._forget(number)
            case TrialCloned(number=number, checkpoint=Checkpoint() as copy):
                self._forget(number)
                self._newest[number] = copy
                self._paused.add(number)
            case EpochReported() | EpochRepeated() | TrialEnded():
                if record.checkpoint is not None:
                    self._forget(record.number)
                    self._newest[record.number] = record.checkpoint
                if self._completes(record):
                    self._want(self._newest.pop(record.number, None))
                elif isinstance(record, TrialEnded) or _verdict(record) == "stop":
                    self._forget(record.number)
                elif _verdict(record) == "pause":
                    self._paused.add(record.number)
            case _:
                pass

    def _forget(self, number: int) -> None:
        """No trial goes on from the checkpoint that was its newest."""
        kept = self._newest.pop(number, None)
        self._paused.discard(number)
        if kept is not None and self._tried.pop(number, None) == kept.key:
            self.useless.append(_file_of(kept).path)

    def _completes(self, record: EpochReported | EpochRepeated | TrialEnded) -> bool:
        match record:
            case TrialEnded():
                return record.state == "completed"
            case EpochReported():
                stops = record.verdict is not None and record.verdict.kind == "stop"
                return bool(record.finished) or (stops and record.epoch >= self._full())
        return False

    def _full(self) -> int:
        """Epochs of a trial that is never stopped."""
        if self._epochs is None:
            values: dict[str, Any] = {}
            with suppress(UsageError):
                values = read_mapping(self._folder / SPEC)[0]
            epochs = values.get("epochs")
            self._epochs = epochs if isinstance(epochs, int) else 0
        return self._epochs

    def _want(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None:
            return
        file = _file_of(checkpoint)
        if not (self._folder / file.path).is_file():
            self.files.append(file)


def _file_of(checkpoint: Checkpoint) -> File:
    return File(f"checkpoints/{checkpoint.key}", checkpoint.size, -1)


def _verdict(record: EpochReported | EpochRepeated | TrialEnded) -> str:
    decided = record.verdict if isinstance(record, EpochReported) else None
    return decided.kind if decided is not None else ""
