"""How a record becomes a line of a journal segment, and how damage is told from a torn tail.

A line is ``crc32 length json``: eight hexadecimal digits, the length of the JSON in
bytes, the JSON. The CRC is seeded with the number of the segment, so that a line
moved to another segment does not verify. Both numbers are compared as the text they
must be: a parser would take ``A`` for ``a``, which is one flipped bit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

CRC_DIGITS = 8


def frame(segment: int, payload: bytes) -> bytes:
    """The line of ``payload`` in that segment, with its newline."""
    crc = zlib.crc32(payload, segment)
    return b"%08x %d %s\n" % (crc, len(payload), payload)


def _line_at(data: bytes, start: int, segment: int) -> tuple[bytes, int] | None:
    """Payload of the line that starts there and the offset behind it; None if it is no line."""
    space = data.find(b" ", start + CRC_DIGITS + 1, start + CRC_DIGITS + 22)
    digits = data[start + CRC_DIGITS + 1 : space]
    if space < 0 or not digits.isdigit():
        return None
    end = space + 1 + int(digits)
    payload = data[space + 1 : end]
    return (payload, end + 1) if data[start : end + 1] == frame(segment, payload) else None


@dataclass(frozen=True)
class Damage:
    """Bytes that are no line although lines follow or the line is complete.

    Attributes:
        offset: of the first bad byte's line.
        line: counted from 1.
    """

    offset: int
    line: int


@dataclass(frozen=True)
class Payload:
    """One whole line.

    Attributes:
        data: its JSON.
        end: offset behind its newline.
    """

    data: bytes
    end: int


def payloads(data: bytes, segment: int) -> Iterator[Payload | Damage]:
    """The whole lines of a segment; a torn tail just ends them.

    A tail is torn when a write was cut: nothing verifies behind it and it is shorter than
    a line, or nothing but zeros, which is what some file systems leave after a power cut.
    """
    start, count = 0, 0
    while start < len(data):
        found = _line_at(data, start, segment)
        if found is None:
            if not _torn(data, start):
                yield Damage(start, count + 1)
            return
        payload, start = found
        count += 1
        yield Payload(payload, start)


def _torn(data: bytes, start: int) -> bool:
    """Whether the rest is the beginning of a line and no more."""
    tail = data[start:].rstrip(b"\0")
    if not tail:
        return True
    _, _, rest = tail.partition(b" ")
    length, space, payload = rest.partition(b" ")
    complete = bool(space) and length.isdigit() and len(payload) > int(length)
    return b"\n" not in tail and not complete
