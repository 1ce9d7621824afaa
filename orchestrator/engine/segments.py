"""Reading a journal: its segments in order, each held against the seal in the next.

A segment's first line, the header, seals the segment before it with that one's valid
length and CRC. So a torn tail is never glued to, a closed segment never changes, and
cutting or flipping bytes anywhere is noticed. Every line carries a sequence number that
runs on over the segments.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.engine.framing import Damage, Payload, payloads
from orchestrator.engine.records import Record
from searchspaces.errors import OrchError

FORMAT = 1


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


class Header(msgspec.Struct, frozen=True, tag="segment"):
    """First line of a segment; ``length`` and ``crc`` seal the segment before it."""

    format: int
    length: int
    crc: int


class Line(msgspec.Struct, frozen=True):
    """What the JSON of a line holds."""

    seq: int
    record: Record | Header


_decoder = msgspec.json.Decoder(Line)


class Entry(NamedTuple):
    """A record and its place in the order of all records."""

    sequence: int
    record: Record


@dataclass(frozen=True)
class End:
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
    reader = Reader(folder)
    yield from reader.entries()


def position(folder: Path) -> int:
    """Sequence number of the last record, 0 if there is none; only the end is decoded.

    Raises:
        JournalError: the last segment is damaged.
    """
    for path in sorted(folder.glob("[0-9]" * 6 + ".log"), reverse=True):
        for line in reversed(list(payloads(_bytes(path), int(path.stem)))):
            if isinstance(line, Damage):
                raise _damaged(path, line)
            entry = decoded(path, line)
            if not isinstance(entry.record, Header):
                return entry.seq
    return 0


class Reader:
    """Reads segments in order and remembers where the valid part of the last one ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.end = End(segment=0, sequence=0, length=0, crc=0)

    def entries(self) -> Iterator[Entry]:
        """All records in order; see :func:`read`."""
        paths = sorted(self.folder.glob("[0-9]" * 6 + ".log"))
        data = [_bytes(path) for path in paths]
        seals = [_seal_in(content, number) for number, content in enumerate(data, start=1)]
        for number, (path, content) in enumerate(zip(paths, data, strict=True), start=1):
            if path != segment_path(self.folder, number):
                raise JournalError(segment_path(self.folder, number), "the segment is missing.")
            seal = seals[number] if number < len(seals) else None
            yield from self._segment(path, number, content, seal)

    def _segment(
        self, path: Path, number: int, content: bytes, seal: Header | None
    ) -> Iterator[Entry]:
        if seal is not None:
            if len(content) < seal.length or zlib.crc32(content[: seal.length]) != seal.crc:
                raise JournalError(path, "its bytes are not those that were sealed. Restore it.")
            content = content[: seal.length]
        end, sequence = 0, self.end.sequence
        for found in payloads(content, number):
            if isinstance(found, Damage):
                raise _damaged(path, found)
            line = decoded(path, found)
            if line.seq != sequence + 1:
                raise JournalError(path, f"record {sequence + 1} is missing; {line.seq} follows.")
            sequence, end = line.seq, found.end
            if isinstance(line.record, Header):
                if line.record.format != FORMAT:
                    raise JournalError(
                        path, f"format {line.record.format} is not {FORMAT}. Use a newer orch."
                    )
            else:
                yield Entry(line.seq, line.record)
        self.end = End(number, sequence, end, zlib.crc32(content[:end]))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise JournalError(path, f"cannot be read: {error.strerror}.") from error


def _damaged(path: Path, damage: Damage) -> JournalError:
    place = f"line {damage.line} (byte {damage.offset})"
    return JournalError(path, f"{place} is damaged. Restore the file.")


def decoded(path: Path, payload: Payload) -> Line:
    """What a whole line says.

    Raises:
        JournalError: it is of no known form.
    """
    try:
        return _decoder.decode(payload.data)
    except msgspec.DecodeError as error:
        raise JournalError(
            path, f"the record before byte {payload.end} is of no known form: {error}."
        ) from error


def _seal_in(content: bytes, number: int) -> Header | None:
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
    return record if isinstance(record, Header) else None
