"""Bringing a run's files over a connection: the journal by what it grew, others by versions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrator.cluster import wire
from orchestrator.cluster.copying import Copy, sum_of
from orchestrator.cluster.link import FarError, Link
from orchestrator.runs.errors import UnwritableError

SLICE_SECONDS = 0.2
"""A request for a part of a large file is as large as is brought in about this time."""
SLICE, LEAST_SLICE, MOST_SLICE = 1 << 20, 1 << 18, 1 << 26
AT_ONCE = 200
"""Checksums that are asked for in one request."""
JOURNAL = "journal/"


class BehindError(FarError):
    """The far side has less of a run's journal than is here, and nothing else in its place."""


class NoRunError(BehindError):
    """The far side has nothing of a run."""


class Fetcher:
    """Brings files of one run into its copy.

    Args:
        link: to the far side.
        run: id of the run there.
        copy: of its folder here.
        where: what a message calls the other end.
    """

    def __init__(self, link: Link, run: str, copy: Copy, where: str) -> None:
        self.link = link
        self._run = run
        self._copy = copy
        self._where = where
        self._slice = SLICE

    def one(self, request: wire.Request, body: bytes = b"") -> Any:
        """The one answer to a request."""
        self.link.ask(request, body)
        return self.link.answer()[0]

    def hold_against(self) -> None:
        """Make sure that the journal here is how the one there begins.

        Raises:
            BehindError: the one there is how the one here begins.
            FarError: neither.
        """
        names = self._copy.under("journal")
        lengths = [self._copy.size(name) for name in names]
        behind = False
        for name, length, there in zip(names, lengths, self._sums(names, lengths), strict=True):
            if there.sha256 and there.sha256 != sum_of(self._copy.path(name), there.size):
                raise self._other(name)
            behind = behind or there.size < length or not there.sha256
        if behind:
            raise BehindError(
                self._where,
                f"the disk there has lost the last of run {self._run}; {self._copy.folder} has it.",
            )

    def journal(self, seen: wire.Seen) -> int:
        """Bring what the segments have grown by, in their order; bytes that came.

        Raises:
            FarError: a segment has shrunk, or is gone.
        """
        came = 0
        there = {file.path: file for file in seen.files if file.path.startswith(JOURNAL)}
        for name in self._copy.under("journal"):
            if name not in there or there[name].size < self._copy.size(name):
                raise self._other(name)
        for file in there.values():
            offset = self._copy.size(file.path)
            if not file.size:
                self._copy.append(file.path, 0, b"")
            while offset < file.size:
                before, length = offset, min(file.size - offset, MOST_SLICE)
                for _, data in self._read(wire.Read(self._run, file.path, offset, length)):
                    self._copy.append(file.path, offset, data)
                    offset, came = offset + len(data), came + len(data)
                if offset == before:
                    raise self._other(file.path)
        return came

    def file(self, file: wire.File, seconds: float = 1e9) -> bool | None:
        """Bring a version of a file, or go on with it for so long.

        Returns:
            True when it is here, False when there is more of it, None when it is gone or is
            another version by now.
        """
        part = self._copy.part(file)
        until = time.monotonic() + seconds
        while True:
            reply = self._into(part, file)
            if reply is None:
                part.unlink(missing_ok=True)
                return None
            if reply.sha256:
                return self._copy.keep(file, part, reply.sha256, reply.mtime) or None
            if time.monotonic() > until:
                return False

    def differing(self, seen: wire.Seen) -> list[str]:
        """Files whose bytes are not the same at both ends; what people changed here is theirs.

        Raises:
            FarError: a part of the journal is among them that does not change any more.
        """
        files = [file for file in seen.files if not self._copy.is_peoples(file)]
        found = []
        for file, said in zip(files, self._sums([file.path for file in files]), strict=True):
            here, there = sum_of(self._copy.path(file.path)), said.sha256
            if here == there:
                continue
            found.append(file.path)
            if not file.path.startswith(JOURNAL):
                self._copy.forget(file.path)  # the next attempt brings it again
            elif self._copy.size(file.path) == file.size and there:
                self.hold_against()
        return found

    def _sums(self, names: Sequence[str], lengths: Sequence[int] = ()) -> Iterator[wire.Sum]:
        """Of files there, or of their first bytes; empty where there is none."""
        for start in range(0, len(names), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            batch = list(names[some])
            self.link.ask(wire.Sums(self._run, batch, list(lengths[some])))
            for _ in batch:
                reply = self.link.answer()[0]
                while not reply.done:
                    reply = self.link.answer()[0]
                yield reply

    def _read(self, request: wire.Read) -> Iterator[tuple[wire.Bytes, bytes]]:
        """The answers to a request for bytes; none where the file is gone."""
        self.link.ask(request)
        left = request.length
        while True:
            reply, data = self.link.answer()
            if isinstance(reply, wire.Gone):
                return
            left -= len(data)
            if left < 0:
                raise FarError(self._where, "sends more than was asked for.")
            yield reply, data
            if reply.last:
                return

    def _into(self, part: Path, file: wire.File) -> wire.Bytes | None:
        """Append a slice to a part; its last answer, or None if it is of another version."""
        began, last, same = time.monotonic(), None, True
        try:
            with part.open("ab") as content:
                offset = content.tell()
                request = wire.Read(self._run, file.path, offset, self._slice,
                                    checked=offset + self._slice >= file.size)  # fmt: skip
                for reply, data in self._read(request):
                    content.write(data)
                    last = reply
                    same = same and reply.size == file.size and file.mtime in {-1, reply.mtime}
        except OSError as error:
            raise UnwritableError(part, error) from error
        took = time.monotonic() - began
        if took < SLICE_SECONDS / 2:
            self._slice = min(2 * self._slice, MOST_SLICE)
        elif took > 2 * SLICE_SECONDS:
            self._slice = max(self._slice // 2, LEAST_SLICE)
        return last if same else None

    def _other(self, name: str) -> FarError:
        return FarError(
            self._where,
            f"{name} of run {self._run} is not what {self._copy.folder} has of it: one of them "
            f"was changed. Move that folder away and fetch the run again.",
        )
