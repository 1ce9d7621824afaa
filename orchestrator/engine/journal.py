"""The journal of a run: the one truth about it, whatever kills the process.

``journal/000001.log``, ``000002.log``, ...: each opening for writing starts a new
segment, which seals the one before it; see :mod:`orchestrator.engine.segments`.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from orchestrator.engine.framing import frame
from orchestrator.engine.records import Record
from orchestrator.engine.segments import (
    FORMAT,
    Entry,
    Header,
    JournalError,
    Reader,
    position,
    read,
    segment_path,
)

__all__ = ["Entry", "Journal", "JournalError", "position", "read", "segment_path"]

SYNC_SECONDS = 0.2
"""A power cut can lose this much; a killed process loses nothing."""

_encoder = msgspec.json.Encoder()


class Journal:
    """A journal opened for writing; the first record starts a new segment.

    ``append`` returns once the operating system has the line, which is what survives
    ``kill -9``; a thread of its own makes the disk have it every 200 ms. After a write
    that failed, or of which nobody knows how far it came, every further one is refused:
    nothing is ever glued to a torn line.

    Args:
        folder: made with the first record. The caller holds the run's lock.
        replay: called with each record that is already there.

    Attributes:
        sequence: of the last record that is there.
        segment: number of the segment to write.
        path: of that segment.

    Raises:
        JournalError: the journal is damaged.
    """

    def __init__(self, folder: Path, replay: Callable[[Record], None]) -> None:
        reader = Reader(folder)
        for entry in reader.entries():
            replay(entry.record)
        self._end = reader.end
        self.segment = reader.end.segment + 1
        self.sequence = reader.end.sequence
        self.path = segment_path(folder, self.segment)
        self._file: int | None = None
        self._sure = True
        self._failure: JournalError | None = None
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="journal-sync", daemon=True)

    @property
    def open(self) -> bool:
        """Records have been written and more can be."""
        return self._file is not None

    def append(self, record: Record) -> None:
        """Write a record; when this returns, no death of the process can lose it.

        Raises:
            JournalError: the disk is full or gone, or the folder cannot be written; nothing
                can be added any more.
        """
        if self._file is None:
            self._open()
        self._write(record)

    def close(self) -> None:
        """Make the disk have everything, and end the segment.

        Raises:
            JournalError: the disk does not take it.
        """
        if self._file is None:
            return
        self._closing.set()
        self._syncer.join()
        file, self._file, self._sure = self._file, None, False
        try:
            os.fsync(file)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            os.close(file)

    def _open(self) -> None:
        if not self._sure:
            raise self._failure or JournalError(self.path, "it is closed.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            self._syncer.start()
            _sync_folder(self.path.parent)
        except OSError as error:
            raise self._failed(error) from error
        self._write(Header(format=FORMAT, length=self._end.length, crc=self._end.crc))

    def _write(self, record: Record | Header) -> None:
        if not self._sure or self._file is None:
            raise self._failure or JournalError(self.path, "its last line may be torn.")
        payload = _encoder.encode({"seq": self.sequence + 1, "record": record})
        line = frame(self.segment, payload)
        self._sure = False
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise self._failed(error) from error
        if written != len(line):
            raise self._failed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self.sequence += 1
        self._sure = self._failure is None
        self._dirty.set()

    def _failed(self, error: OSError) -> JournalError:
        """What every further write will say."""
        self._sure = False
        self._failure = JournalError(
            self.path,
            f"cannot be written: {error.strerror}. Everything before is kept; "
            f"when that is mended: orch resume",
        )
        return self._failure

    def _sync(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            if self._dirty.is_set() and self._file is not None:
                self._dirty.clear()
                try:
                    _sync_file(self._file)
                except OSError as error:
                    self._failed(error)
                    return


def _sync_file(file: int) -> None:
    """Make the disk have what the operating system has."""
    os.fdatasync(file) if hasattr(os, "fdatasync") else os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Make the disk have the new file's name too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
