"""Telling a run something from another process, and hearing what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from orchestrator.engine.follow import Follower
from orchestrator.engine.inbox import Change, Command, send, waiting
from orchestrator.engine.journal import read
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import FINISHED, Closed, Commanded, Opened, Record
from orchestrator.engine.steering import judged
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.warm_start import ledger_of
from searchspaces import DataFacts
from searchspaces.errors import UsageError

POLL_SECONDS = 0.05


class NotRunningError(UsageError):
    """Somebody wants something of a process that is not there.

    Attributes:
        run: its id.
    """

    def __init__(self, run: str, wanted: str) -> None:
        self.run = run
        super().__init__(f"run {run} is not running: there is nothing to {wanted}.")


class FinishedError(UsageError):
    """Somebody wants a change of a run that has come to its end.

    Attributes:
        run: its id.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        super().__init__(f"run {run} is finished: nothing more is tried in it.")


def tell(run: RunFolder, command: Command, *, seconds: float) -> Commanded | Closed | None:
    """Leave a letter for the process that runs a sweep, and wait for its answer.

    Args:
        run: owned by a living process.
        command: what it is to do.
        seconds: to wait at most.

    Returns:
        the record of the command, or of the end of the run if that came first; None if
        nothing was heard in that time. The letter stays where it is then.

    Raises:
        FinishedError: it finished before it heard of a change.
    """
    follower = Follower(run.journal)
    follower.skip()
    letter = send(run.inbox, command)
    for record in _heard(follower, seconds):
        if isinstance(record, Commanded) and record.letter == letter:
            return record
        if isinstance(record, Closed):
            if isinstance(command, Change) and record.reason == FINISHED:
                raise FinishedError(run.id)
            return record
    return None


def leave(run: RunFolder, change: Change) -> Commanded:
    """Leave a change for whoever goes on with a run that nobody runs now.

    Returns:
        the record as it would be; with a reason for refusing it nothing was left.

    Raises:
        FinishedError: nothing goes on with it.
        JournalError: its journal is damaged.
    """
    ledger, last = _replayed(run)
    if ledger.finished or (isinstance(last, Closed) and last.reason == FINISHED):
        raise FinishedError(run.id)
    record = judged(ledger, change)
    if not record.refused:
        send(run.inbox, change)
    return record


def is_paused(run: RunFolder) -> bool:
    """Whether the process that runs a sweep was told to wait.

    Raises:
        JournalError: the journal is damaged.
    """
    paused = False
    for entry in read(run.journal):
        match entry.record:
            case Opened() | Closed():
                paused = False
            case Commanded("pause" | "go-on" as command):
                paused = command == "pause"
            case _:
                pass
    return paused


def _heard(follower: Follower, seconds: float) -> Iterator[Record]:
    deadline = time.monotonic() + seconds
    while True:
        for entry in follower.news():
            yield entry.record
        if time.monotonic() >= deadline:
            return
        time.sleep(POLL_SECONDS)


def _replayed(run: RunFolder) -> tuple[Ledger, Record | None]:
    """The state of a run as its journal and the letters that wait for it leave it."""
    spec, last = run.spec(), None
    entries = list(read(run.journal))
    opened = next((e.record for e in entries if isinstance(e.record, Opened)), None)
    facts = DataFacts(**opened.facts) if opened is not None and opened.facts else None
    ledger = ledger_of(run, spec, facts)
    for entry in entries:
        ledger.replay(entry.record)
        last = entry.record
    for command in waiting(run.inbox):
        if isinstance(command, Change) and command.letter not in ledger.letters:
            ledger.note(judged(ledger, command))
    return ledger, last
