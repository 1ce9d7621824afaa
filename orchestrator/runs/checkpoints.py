"""Where checkpoints lie: one small interface, and the folder that implements it."""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.records import Checkpoint
from searchspaces.errors import OrchError


class CheckpointError(OrchError):
    """A checkpoint is missing or its bytes are not those that were written.

    Attributes:
        key: its name in the store.
        problem: what is wrong.
    """

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(key, problem)

    def __str__(self) -> str:
        return f"checkpoint {self.key}: {self.problem}"


class StoreError(OrchError):
    """Nothing can be written to the store: no trial's fault.

    Attributes:
        key: what was to be written.
        problem: what is wrong.
    """

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(key, problem)

    def __str__(self) -> str:
        return f"checkpoint {self.key}: {self.problem}"


class CheckpointStore(ABC):
    """Keeps bytes under a key. Workers write and read; the driver deletes.

    A key is ``folder/name``, with a folder per trial.

    An implementation is picklable, and ``write`` is atomic: a key holds all of its
    bytes or does not exist.
    """

    def save(self, key: str, epoch: int, data: bytes) -> Checkpoint:
        """Keep ``data``; returns what the journal must know of it.

        Raises:
            StoreError: the disk is full or gone.
        """
        try:
            self.write(key, data)
        except OSError as error:
            raise StoreError(key, f"cannot be written: {error.strerror}") from error
        return Checkpoint(key, epoch, hashlib.sha256(data).hexdigest(), len(data))

    def copied(self, checkpoint: Checkpoint, key: str) -> Checkpoint:
        """The same bytes under another key.

        Raises:
            CheckpointError: they are gone or damaged.
            StoreError: the disk is full or gone.
        """
        return self.save(key, checkpoint.epoch, self.load(checkpoint))

    def load(self, checkpoint: Checkpoint) -> bytes:
        """The bytes of a checkpoint.

        Raises:
            CheckpointError: they are gone or damaged.
        """
        data = self.read(checkpoint.key)
        if hashlib.sha256(data).hexdigest() != checkpoint.sha256:
            raise CheckpointError(checkpoint.key, "its bytes are not those that were written")
        return data

    @abstractmethod
    def delete(self, key: str) -> None:
        """Forget a key; one that does not exist is no error."""

    @abstractmethod
    def clear(self, folder: str, keep: str | None = None) -> None:
        """Forget everything in a trial's folder, but for the key to keep.

        That takes what workers left behind of which the journal does not know.
        """

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Keep all of the bytes or none.

        Raises:
            OSError: that cannot be done.
        """

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The bytes of a key, whatever they are.

        Raises:
            CheckpointError: they are gone.
        """


@dataclass(frozen=True)
class Kept:
    """Something that a store holds.

    Attributes:
        key: its name there.
        size: bytes.
    """

    key: str
    size: int


class ListedStore(CheckpointStore):
    """A store that can say what it holds."""

    @abstractmethod
    def kept(self) -> list[Kept]:
        """Everything in it, in no order; what a process that died has half written too.

        Raises:
            StoreError: nobody can tell.
        """

    def forget(self, keys: Iterable[str]) -> None:
        """Delete many."""
        for key in keys:
            self.delete(key)


class FolderStore(ListedStore):
    """Checkpoints as files in a folder that every worker can reach.

    A file is written under another name and renamed. It is not forced to the disk: a
    checkpoint that a power cut takes is noticed by its sum, and the trial starts over.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()  # workers are not where this process is

    def delete(self, key: str) -> None:
        """Remove the file, and the trial's folder with its last."""
        path = self.folder / key
        path.unlink(missing_ok=True)
        _remove_if_empty(path.parent)

    def clear(self, folder: str, keep: str | None = None) -> None:
        """Remove the files, and the folder if nothing is to be kept."""
        path = self.folder / folder
        try:
            files = list(path.iterdir())
        except FileNotFoundError:
            return
        for file in files:
            if f"{folder}/{file.name}" != keep:
                file.unlink(missing_ok=True)
        _remove_if_empty(path)

    def kept(self) -> list[Kept]:
        """Its files."""
        files = [path for path in sorted(self.folder.glob("*/*")) if path.is_file()]
        return [Kept(f"{path.parent.name}/{path.name}", path.stat().st_size) for path in files]

    def write(self, key: str, data: bytes) -> None:
        """Write the file under another name and rename it."""
        path = self.folder / key
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            part.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        part.replace(path)

    def read(self, key: str) -> bytes:
        """Read the file."""
        try:
            return (self.folder / key).read_bytes()
        except OSError as error:
            raise CheckpointError(key, f"cannot be read: {error.strerror}") from error


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
