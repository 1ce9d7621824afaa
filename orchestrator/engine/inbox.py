"""Commands from outside a running sweep: signals, and other shells through the run folder."""

from __future__ import annotations

import queue
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True)
class StopRun:
    """End the sweep in an orderly way; ``orch resume`` goes on.

    Attributes:
        reason: for the journal and the person.
        signal: the signal that asked for it, 0 for none.
    """

    reason: str
    signal: int = 0


@dataclass(frozen=True)
class StopTrial:
    """End one trial, as pruned.

    Attributes:
        number: the trial.
    """

    number: int


Command = StopRun | StopTrial


class _Letter(msgspec.Struct, frozen=True):
    command: str
    number: int | None = None


class Inbox:
    """Commands in the order they came.

    A letter is a JSON file in ``inbox/``, written under another name and renamed; reading
    it removes it. Commands from within the process go through a queue, which a signal
    handler may use.

    Args:
        folder: of the run's letters; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queue: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def put(self, command: Command) -> None:
        """Leave a command from within the process."""
        self._queue.put(command)

    def take(self) -> Iterator[Command]:
        """Everything that came since the last call; a letter that makes no sense is dropped."""
        while not self._queue.empty():
            yield self._queue.get()
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.json")):
            command = _read(path.read_bytes())
            path.unlink(missing_ok=True)
            if command is not None:
                yield command


def send(folder: Path, command: Command) -> None:
    """Leave a letter for whoever owns the run, from any process."""
    folder.mkdir(parents=True, exist_ok=True)
    match command:
        case StopRun():
            letter = _Letter("stop")
        case StopTrial(number):
            letter = _Letter("stop-trial", number)
    name = uuid.uuid4().hex
    part = folder / f"{name}.part"
    part.write_bytes(msgspec.json.encode(letter))
    part.replace(folder / f"{name}.json")


def forget_stops(folder: Path) -> None:
    """Drop the letters that asked an earlier owner of the run to stop; it is gone.

    A letter about a trial is about the run, not about who runs it, and stays.
    """
    for path in folder.glob("*.json"):
        if isinstance(_read(path.read_bytes()), StopRun):
            path.unlink(missing_ok=True)


def _read(data: bytes) -> Command | None:
    try:
        letter = msgspec.json.decode(data, type=_Letter)
    except msgspec.DecodeError:
        return None
    if letter.command == "stop-trial" and letter.number is not None:
        return StopTrial(letter.number)
    return StopRun("stopped from outside") if letter.command == "stop" else None
