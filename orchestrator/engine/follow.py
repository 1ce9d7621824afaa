"""Reading a journal while another process writes it: what is new since the last look.

For onlookers: another shell's live view, tracking, the dashboard. They take every whole
line; only :mod:`orchestrator.engine.segments` holds a segment against the seal in the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.engine.framing import Damage, payloads
from orchestrator.engine.segments import Entry, Header, JournalError, decoded, segment_path


class Follower:
    """Reads a journal bit by bit.

    Args:
        folder: of the journal; need not exist yet.

    Attributes:
        sequence: of the last record that was read; 0 before the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment = 1
        self._offset = 0
        self.sequence = 0

    def skip(self) -> None:
        """Pass over what is there: only what comes from now on is news."""
        for path in sorted(self._folder.glob("[0-9]" * 6 + ".log")):
            self._segment, self._offset = int(path.stem), 0
            last = None
            for found in payloads(path.read_bytes(), self._segment):
                if isinstance(found, Damage):
                    raise JournalError(path, f"byte {found.offset} is damaged. Restore it.")
                last = found
            if last is not None:
                self.sequence, self._offset = decoded(path, last).seq, last.end

    def news(self) -> Iterator[Entry]:
        """The records that have come since the last call, in order.

        A line that is half written comes with a later call, or never if its writer died.

        Raises:
            JournalError: bytes are not as they were written, or a record is missing.
        """
        while True:
            path = segment_path(self._folder, self._segment)
            # Asked before reading: once the next one is there, this one has its last line.
            closed = segment_path(self._folder, self._segment + 1).exists()
            yield from self._segment_news(path)
            if not closed:
                return
            self._segment, self._offset = self._segment + 1, 0

    def _segment_news(self, path: Path) -> Iterator[Entry]:
        try:
            with path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(path, f"cannot be read: {error.strerror}.") from error
        begun = self._offset
        for found in payloads(content, self._segment):
            if isinstance(found, Damage):
                raise JournalError(path, f"byte {begun + found.offset} is damaged. Restore it.")
            line = decoded(path, found)
            if line.seq != self.sequence + 1:
                raise JournalError(
                    path, f"record {self.sequence + 1} is missing; {line.seq} follows."
                )
            self.sequence, self._offset = line.seq, begun + found.end
            if not isinstance(line.record, Header):
                yield Entry(line.seq, line.record)
