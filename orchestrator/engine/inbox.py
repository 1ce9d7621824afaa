"""Commands from outside a running sweep: signals, and other shells through the run folder."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True)
class StopRun:
    """End the sweep in an orderly way; ``orch resume`` goes on.

    Attributes:
        reason: for the journal and the person.
        signal: the signal that asked for it, 0 for none.
        limit: the setting of the sweep that did, such as ``target``; empty for none.
    """

    reason: str
    signal: int = 0
    limit: str = field(default="", compare=False)


@dataclass(frozen=True)
class StopTrial:
    """End one trial, as pruned.

    Attributes:
        number: the trial.
        letter: that brought it; empty from within the process.
    """

    number: int
    letter: str = field(default="", compare=False)


@dataclass(frozen=True)
class Pause:
    """Interrupt all trials after their present epoch and let the workers go, until told to go on.

    Attributes:
        letter: that brought it.
    """

    letter: str = field(default="", compare=False)


@dataclass(frozen=True)
class GoOn:
    """End a pause.

    Attributes:
        letter: that brought it.
    """

    letter: str = field(default="", compare=False)


@dataclass(frozen=True)
class Change:
    """Something about the sweep is to be otherwise from now on.

    Attributes:
        kind: ``enqueue`` a config, ``set`` a setting, ``edit`` the space.
        values: parameters by name, settings by name, or changes of the spec.
        letter: that brought it.
    """

    kind: str
    values: Mapping[str, Any] = field(hash=False)
    letter: str = field(default="", compare=False)


Command = StopRun | StopTrial | Pause | GoOn | Change
CHANGES = ("enqueue", "set", "edit")


class _Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    command: str
    number: int | None = None
    values: dict[str, Any] = {}


class Inbox:
    """Commands in the order they came.

    A letter is a JSON file in ``inbox/``, written under another name and renamed. It goes
    when the next command is asked for, so that a process that is killed while it follows
    one finds it again: the letter's name tells whether it was followed. Commands from
    within the process go through a queue, which a signal handler may use.

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
            command = _read(path)
            if isinstance(command, StopRun):  # whoever takes it asks for no other
                path.unlink(missing_ok=True)
            if command is not None:
                yield command
            path.unlink(missing_ok=True)

    def settings(self) -> list[Change]:
        """The settings that wait in letters, which stay."""
        return settings_in(self._folder)


def settings_in(folder: Path) -> list[Change]:
    """The settings that wait in the letters of a run."""
    return [one for one in waiting(folder) if isinstance(one, Change) and one.kind == "set"]


def send(folder: Path, command: Command) -> str:
    """Leave a letter for whoever owns the run, from any process; the letter's name."""
    folder.mkdir(parents=True, exist_ok=True)
    match command:
        case StopRun():
            letter = _Letter("stop")
        case StopTrial(number):
            letter = _Letter("stop-trial", number)
        case Pause():
            letter = _Letter("pause")
        case GoOn():
            letter = _Letter("go-on")
        case Change(kind, values):
            letter = _Letter(kind, values=dict(values))
    # Sorted by name they are in the order they came.
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    part = folder / f"{name}.part"
    part.write_bytes(msgspec.json.encode(letter))
    part.replace(folder / f"{name}.json")
    return name


def waiting(folder: Path) -> list[Command]:
    """The letters that nobody has taken yet, in order."""
    return [command for path in sorted(folder.glob("*.json")) if (command := _read(path))]


def forget_stops(folder: Path) -> None:
    """Drop the letters that asked an earlier owner of the run to stop or to wait; it is gone.

    A letter about a trial or the sweep is not about who runs it, and stays.
    """
    for path in folder.glob("*.json"):
        if isinstance(_read(path), StopRun | Pause | GoOn):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Command | None:
    try:
        letter = msgspec.json.decode(path.read_bytes(), type=_Letter)
    except (msgspec.DecodeError, FileNotFoundError):
        return None
    match letter:
        case _Letter("stop"):
            return StopRun("stopped from outside")
        case _Letter("stop-trial", int(number)):
            return StopTrial(number, path.stem)
        case _Letter("pause"):
            return Pause(path.stem)
        case _Letter("go-on"):
            return GoOn(path.stem)
        case _Letter(kind, _, values) if kind in CHANGES:
            return Change(kind, values, path.stem)
    return None
