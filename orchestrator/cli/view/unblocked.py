"""A terminal that never makes whoever writes to it wait.

Ctrl-S, or an ssh connection whose other end sleeps: a terminal that takes nothing more holds
up every write, and would hold up the sweep.
"""

from __future__ import annotations

import io
import os
import select
import time
from contextlib import suppress
from typing import TextIO

LAST_SECONDS = 2.0
"""For so long the last lines may wait for the terminal."""


class Unblocked(io.TextIOBase):
    """Writes to the terminal of a stream as much as it takes, and keeps the rest for later.

    Args:
        stream: on a terminal; where that cannot be opened once more, writing to it may wait.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = b""
        self._own: int | None = None
        with suppress(OSError, AttributeError):
            # Opened once more, since "do not wait" would hold for everybody who shares the
            # stream, such as the shell.
            name = os.ttyname(stream.fileno())
            self._own = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property is as good as an attribute
        """The stream's."""
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Keep ``text``; :meth:`flush` sends it."""
        if self._own is None:
            return self._stream.write(text)
        self._rest += text.encode(self.encoding, "replace")
        return len(text)

    def flush(self) -> None:
        """Send what the terminal takes now.

        Raises:
            OSError: it is gone.
        """
        if self._own is None:
            self._stream.flush()
            return
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._own, self._rest) :]
        except BlockingIOError:
            pass
        except OSError:
            self._rest = b""
            raise

    @property
    def waiting(self) -> bool:
        """The terminal has not taken all that was written; what is new had better wait.

        Raises:
            OSError: it is gone.
        """
        if self._rest:
            self.flush()
        return bool(self._rest)

    def finish(self) -> None:
        """Give the terminal a moment for what is left, then the stream alone writes there.

        Raises:
            OSError: it is gone.
        """
        end = time.monotonic() + LAST_SECONDS
        while self.waiting and self._own is not None and time.monotonic() < end:
            select.select([], [self._own], [], 0.1)
        own, self._own, self._rest = self._own, None, b""
        if own is not None:
            os.close(own)
