"""Which checkpoints of a run that goes on are worth fetching: those of trials that are over."""

from __future__ import annotations

from collections import deque
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
    TrialEnded,
    TrialPruned,
    TrialResumed,
)
from orchestrator.engine.segments import JournalError
from orchestrator.runs.folder import SPEC
from orchestrator.spec_file import read_mapping
from searchspaces.errors import UsageError


class Wanted:
    """Reads the journal here for checkpoints that stay.

    Args:
        folder: of the run here.

    Attributes:
        files: those that are not here yet, by path in the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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

    def _note(self, record: Record) -> None:
        match record:
            case TrialResumed(number=number, afresh=True) | TrialPruned(number=number):
                self._newest.pop(number, None)
            case EpochReported() | EpochRepeated() | TrialEnded():
                if record.checkpoint is not None:
                    self._newest[record.number] = record.checkpoint
                if self._completes(record):
                    self._want(self._newest.pop(record.number, None))
            case _:
                pass

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
        path = f"checkpoints/{checkpoint.key}"
        if not (self._folder / path).is_file():
            self.files.append(File(path, checkpoint.size, -1))
