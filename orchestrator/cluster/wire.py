"""What the two ends of a mirror say to each other, and how it becomes bytes.

After a mark, frames: eight bytes with the lengths of header and body, a JSON header, a raw body.
Requests are answered in their order. Both ends import nothing but msgspec, to answer at once.
"""

from __future__ import annotations

import os
import re
import struct
from typing import Any

import msgspec

PROTOCOL = 1
MARK = b"\0orch-far\0"
"""First bytes of the far side; what a login shell prints before is passed over."""
CHUNK = 1 << 18
"""Bytes of a file in a frame, at most."""
MOST_HEADER, MOST_BODY = 1 << 26, 1 << 21
"""Whoever announces more is not to be believed."""
_LENGTHS = struct.Struct(">II")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LETTER = re.compile(r"[A-Za-z0-9-]{1,100}")
_OWN = ("inbox", "owner.lock", "cluster.json")
_PASSING = (".part", ".lock", ".tmp")


class WireError(Exception):
    """The other end does not speak as it should; says how in a few words."""


class Look(msgspec.Struct, frozen=True, tag="look"):
    """What there is of a run but checkpoints and trackers' folders; answered by :class:`Seen`.

    Attributes:
        run: its id.
        known: the token of what the other end has seen; with the same, the answer waits.
        seconds: to wait at most. Any other request ends the waiting.
    """

    run: str
    known: str = ""
    seconds: float = 0.0


class Everything(msgspec.Struct, frozen=True, tag="all"):
    """All files of a run; answered by :class:`Seen`."""

    run: str


class Read(msgspec.Struct, frozen=True, tag="read"):
    """A part of a file; answered by :class:`Bytes`, several times, or :class:`Gone`.

    Attributes:
        run: its id.
        path: in the run's folder.
        offset: of the first byte.
        length: bytes at most.
        checked: the last answer is to have the checksum of the whole file.
    """

    run: str
    path: str
    offset: int
    length: int
    checked: bool = False


class Sums(msgspec.Struct, frozen=True, tag="sums"):
    """Checksums; answered by a :class:`Sum` for each path, in order.

    Attributes:
        run: its id.
        paths: in the run's folder.
        lengths: take only so many bytes of each; empty for all of them.
    """

    run: str
    paths: list[str]
    lengths: list[int] = []


class Letter(msgspec.Struct, frozen=True, tag="letter"):
    """Put the body into a run's inbox, once however often it comes; answered by :class:`Done`."""

    run: str
    name: str


class Runs(msgspec.Struct, frozen=True, tag="runs"):
    """Ids of the runs that are there; answered by :class:`Names`."""


Request = Look | Everything | Read | Sums | Letter | Runs


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who is there: the first frame of the far side."""

    protocol: int
    host: str
    runs: str


class File(msgspec.Struct, frozen=True, array_like=True):
    """A file of a run.

    Attributes:
        path: in the run's folder, with ``/``.
        size: bytes.
        mtime: when it was changed, in nanoseconds.
    """

    path: str
    size: int
    mtime: int


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """What there is of a run.

    Attributes:
        token: to be told only when something is new.
        exists: there is such a run.
        alive: a process owns it.
        free: bytes left on its disk.
        files: in the order in which they are to be fetched.
    """

    token: str
    exists: bool
    alive: bool
    free: int
    files: list[File]


class Bytes(msgspec.Struct, frozen=True, tag="bytes"):
    """Some bytes of a file, as the body.

    Attributes:
        size: of the whole file.
        mtime: of the file.
        last: nothing follows.
        sha256: of the whole file, with the last if it was asked for.
    """

    size: int
    mtime: int
    last: bool
    sha256: str = ""


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """There is no such file any more."""


class Sum(msgspec.Struct, frozen=True, tag="sum"):
    """The checksum of a file; empty for one that is gone, or while it is being taken.

    Attributes:
        sha256: of the bytes asked for.
        size: how many these are.
        done: this is the answer; otherwise it is still being taken.
    """

    sha256: str = ""
    size: int = 0
    done: bool = True


class Names(msgspec.Struct, frozen=True, tag="names"):
    """Ids of runs."""

    names: list[str]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is done."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It cannot be done.

    Attributes:
        reason: in one line.
    """

    reason: str


Reply = Hello | Seen | Bytes | Gone | Sum | Names | Done | Refused
_encoder = msgspec.json.Encoder()


def pack(message: Request | Reply, body: bytes = b"") -> bytes:
    """A frame."""
    header = _encoder.encode(message)
    return _LENGTHS.pack(len(header), len(body)) + header + body


class Unpacker:
    """Takes bytes in whatever pieces and gives whole messages.

    Args:
        kind: the union of the messages that may come.
    """

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[Any, bytes]]:
        """The messages that are whole now, each with its body.

        Raises:
            WireError: these are no frames.
        """
        self._buffer += data
        found: list[tuple[Any, bytes]] = []
        start = 0
        while len(self._buffer) - start >= _LENGTHS.size:
            header, body = _LENGTHS.unpack_from(self._buffer, start)
            if header > MOST_HEADER or body > MOST_BODY:
                raise WireError("a frame is too long")
            middle = start + _LENGTHS.size + header
            if len(self._buffer) < middle + body:
                break
            try:
                message = self._decoder.decode(self._buffer[start + _LENGTHS.size : middle])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise WireError("a frame is of no known form") from error
            found.append((message, bytes(self._buffer[middle : middle + body])))
            start = middle + body
        del self._buffer[:start]
        return found


def is_run(name: str) -> bool:
    """Whether a text can be a run's id."""
    return _RUN.fullmatch(name) is not None


def is_letter(name: str) -> bool:
    """Whether a text can be a letter's name."""
    return _LETTER.fullmatch(name) is not None


def is_plain(path: str) -> bool:
    """Whether a path stays in the folder it starts from, on this system."""
    parts = path.split("/")
    odd = not path.isprintable() or (os.name == "nt" and any(sign in "\\:" for sign in path))
    return bool(path) and not odd and all(part not in {"", ".", ".."} for part in parts)


def is_mirrored(path: str) -> bool:
    """Whether a file of a run's folder is fetched: not letters, locks and half-written files."""
    top = path.partition("/")[0].casefold()
    return is_plain(path) and top not in _OWN and not path.casefold().endswith(_PASSING)
