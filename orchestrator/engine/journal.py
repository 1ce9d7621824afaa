"""The journal of a run: the one truth about it, whatever kills the process.

``journal/000001.log``, ``000002.log``, ...: each opening for writing starts a new
segment, and its first line seals the segment before it with that one's valid length and
CRC. So a torn tail is never glued to, a closed segment never changes, and cutting or
flipping bytes anywhere is noticed. Every line carries a sequence number that
runs on over the segments.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.engine.framing import Damage, frame, payloads
from orchestrator.engine.records import Record
from searchspaces.errors import OrchError

FORMAT = 1
SYNC_SECONDS = 0.2
"""A power cut can lose this much; a killed process loses nothing."""


class JournalError(OrchError):
    """The journal cannot be trusted or written.

    Attributes:
        path: the segment.
        problem: what is wrong, and where in it.
    """

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class _Header(msgspec.Struct, frozen=True, tag="segment"):
    """First line of a segment; ``length`` and ``crc`` seal the segment before it."""

    format: int
    length: int
    crc: int


class _Line(msgspec.Struct, frozen=True):
    seq: int
    record: Record | _Header


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Line)


class Entry(NamedTuple):
    """A record and its place in the order of all records."""

    sequence: int
    record: Record


@dataclass(frozen=True)
class _End:
    """Where reading stopped: what the next segment must seal."""

    segment: int
    sequence: int
    length: int
    crc: int


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment; they are numbered from 1."""
    return folder / f"{number:06d}.log"


def read(folder: Path) -> Iterator[Entry]:
    """All records of a journal in order; a torn tail is passed over.

    Raises:
        JournalError: a segment is missing, or bytes of a sealed part are not as written.
    """
    reader = _Reader(folder)
    yield from reader.entries()


class _Reader:
    """Reads segments in order and remembers where the valid part of the last one ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.end = _End(segment=0, sequence=0, length=0, crc=0)

    def entries(self) -> Iterator[Entry]:
        paths = sorted(self.folder.glob("[0-9]" * 6 + ".log"))
        data = [path.read_bytes() for path in paths]
        seals = [_seal_in(content, number) for number, content in enumerate(data, start=1)]
        for number, (path, content) in enumerate(zip(paths, data, strict=True), start=1):
            if path != segment_path(self.folder, number):
                raise JournalError(segment_path(self.folder, number), "the segment is missing.")
            seal = seals[number] if number < len(seals) else None
            yield from self._segment(path, number, content, seal)

    def _segment(
        self, path: Path, number: int, content: bytes, seal: _Header | None
    ) -> Iterator[Entry]:
        if seal is not None:
            if len(content) < seal.length or zlib.crc32(content[: seal.length]) != seal.crc:
                raise JournalError(path, "its bytes are not those that were sealed. Restore it.")
            content = content[: seal.length]
        end, sequence = 0, self.end.sequence
        for found in payloads(content, number):
            if isinstance(found, Damage):
                raise JournalError(
                    path, f"line {found.line} (byte {found.offset}) is damaged. Restore the file."
                )
            try:
                line = _decoder.decode(found.data)
            except msgspec.DecodeError as error:
                raise JournalError(
                    path, f"record {sequence + 1} is of no known form: {error}."
                ) from error
            if line.seq != sequence + 1:
                raise JournalError(path, f"record {sequence + 1} is missing; {line.seq} follows.")
            sequence, end = line.seq, found.end
            if isinstance(line.record, _Header):
                if line.record.format != FORMAT:
                    raise JournalError(
                        path, f"format {line.record.format} is not {FORMAT}. Use a newer orch."
                    )
            else:
                yield Entry(line.seq, line.record)
        self.end = _End(number, sequence, end, zlib.crc32(content[:end]))


def _seal_in(content: bytes, number: int) -> _Header | None:
    """The header of a segment; None when the process died before it was whole.

    The segment before such a one is not sealed and is read like the last: the sequence
    numbers of what follows still tell whether a line of it is gone.
    """
    first = next(payloads(content, number), None)
    if first is None or isinstance(first, Damage):
        return None
    try:
        record = _decoder.decode(first.data).record
    except msgspec.DecodeError:
        return None
    return record if isinstance(record, _Header) else None


class Journal:
    """A journal opened for writing, in a new segment.

    ``append`` returns once the operating system has the line, which is what survives
    ``kill -9``; a thread of its own makes the disk have it every 200 ms.

    Args:
        folder: made if it is not there. The caller holds the run's lock.
        replay: called with each record that is already there, before anything is written.

    Attributes:
        sequence: of the last record written.

    Raises:
        JournalError: the journal is damaged, or the folder cannot be written.
    """

    def __init__(self, folder: Path, replay: Callable[[Record], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        reader = _Reader(folder)
        for entry in reader.entries():
            replay(entry.record)
        end = reader.end
        self.segment = end.segment + 1
        self.sequence = end.sequence
        self.path = segment_path(folder, self.segment)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError as error:
            raise JournalError(self.path, f"cannot be made: {error.strerror}.") from error
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._write(_Header(format=FORMAT, length=end.length, crc=end.crc))
        _sync_folder(folder)
        self._syncer = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._syncer.start()

    def append(self, record: Record) -> None:
        """Write a record; when this returns, no death of the process can lose it.

        Raises:
            JournalError: the disk is full or gone. Nothing after this is kept.
        """
        self._write(record)

    def close(self) -> None:
        """Make the disk have everything, and end the segment."""
        self._closing.set()
        self._syncer.join()
        os.fsync(self._file)
        os.close(self._file)

    def _write(self, record: Record | _Header) -> None:
        payload = _encoder.encode({"seq": self.sequence + 1, "record": record})
        line = frame(self.segment, payload)
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise JournalError(self.path, f"cannot be written: {error.strerror}.") from error
        if written != len(line):
            raise JournalError(self.path, "the disk is full. Make room, then: orch resume")
        self.sequence += 1
        self._dirty.set()

    def _sync(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            if self._dirty.is_set():
                self._dirty.clear()
                os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)


def _sync_folder(folder: Path) -> None:
    """Make the disk have the new file's name too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
