"""The near end of a connection to a far side: a process, and what comes out of it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

from orchestrator.cluster import wire
from orchestrator.cluster.errors import ClusterError

MOST_NOISE = 1 << 16
"""Bytes that a login shell may print before the far side speaks."""
END_SECONDS = 1.0
"""A process that is not wanted any more has so long to end by itself."""
SSH_FAILED = 255
"""How ssh exits when it is its connection that failed, and not what it runs."""


class ConnectionLost(ClusterError):  # noqa: N818  # what happened, and no mistake of anybody's
    """The connection is gone; a new one may work.

    Attributes:
        where: to what.
        why: in a few words.
    """

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        self.why = why
        super().__init__(f"the connection to {where} is lost: {why}.")


class FarError(ClusterError):
    """The far side cannot do what it should, and would not the next time.

    Attributes:
        where: it is.
        problem: what is wrong.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


def waits(first: float = 0.5, most: float = 30.0) -> Iterator[float]:
    """Seconds to wait before each attempt to connect again: twice as long each time."""
    seconds = first
    while True:
        yield seconds
        seconds = min(2 * seconds, most)


class Link:
    """A running far side; its first words are heard when it is made.

    Args:
        argv: the local process that leads to it.
        where: what a message calls the other end.
        patience: seconds without a sign of life after which it counts as gone.

    Attributes:
        hello: who is there.

    Raises:
        ConnectionLost: nobody answers.
        FarError: what answers is no far side, or one of another version.
    """

    def __init__(self, argv: Sequence[str], where: str, patience: float) -> None:
        self._where = where
        self._patience = patience
        self._queue: queue.SimpleQueue[tuple[Any, bytes] | Exception | None] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=20)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # what the caller made for it
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for this process alone
            )
        except OSError as error:
            raise FarError(where, f"{argv[0]} cannot be started: {error.strerror}.") from error
        self._threads = [
            threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._overhear, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            self.hello = self._greeting()
        except BaseException:
            self.close()
            raise

    def ask(self, request: wire.Request, body: bytes = b"") -> None:
        """Send a request.

        Raises:
            ConnectionLost: nobody takes it.
        """
        stdin = self._process.stdin
        data = memoryview(wire.pack(request, body))
        try:
            while data and stdin is not None:
                data = data[stdin.write(data) or 0 :]
        except (OSError, ValueError) as error:
            raise self._lost() from error

    def heard(self, seconds: float) -> tuple[Any, bytes] | None:
        """The next answer and its body; None if there is none in that time.

        Raises:
            ConnectionLost: none can come.
            FarError: the far side refuses, or does not speak as it should.
        """
        try:
            found = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise FarError(self._where, f"{found}. Is the same orch there?") from found
        if found is None:
            self._queue.put(None)
            raise self._lost()
        if isinstance(found[0], wire.Refused):
            raise FarError(self._where, f"{_plain(found[0].reason)}.")
        return found

    def answer(self) -> tuple[Any, bytes]:
        """The next answer and its body.

        Raises:
            ConnectionLost: none comes.
            FarError: the far side refuses, or does not speak as it should.
        """
        found = self.heard(self._patience)
        if found is None:
            raise ConnectionLost(self._where, f"no sign of life for {self._patience:g} s")
        return found

    def close(self) -> None:
        """End the far side, and the process that leads to it."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(END_SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _kill(self) -> None:
        """End it and what it has started, as ssh does for a jump host."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _greeting(self) -> wire.Hello:
        try:
            found = self.answer()
        except ConnectionLost as error:
            code = self._process.poll()
            if code is not None and 0 <= code != SSH_FAILED:
                raise FarError(self._where, f"the far side does not start: {error.why}.") from error
            raise
        hello = found[0]
        if not isinstance(hello, wire.Hello):
            raise FarError(self._where, "no far side of orch. Is the same orch there?")
        if hello.protocol != wire.PROTOCOL:
            raise FarError(
                self._where,
                f"speaks version {hello.protocol} of the mirror, this orch {wire.PROTOCOL}. "
                f"Install the same orch on both.",
            )
        return hello

    def _lost(self) -> ConnectionLost:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._threads[1].join(1.0)
        code = self._process.poll()
        ended = "it was closed" if not code else f"its process ended with {code}"
        return ConnectionLost(self._where, next(iter(reversed(self._said)), ended).rstrip("."))

    def _listen(self, pipe: IO[bytes]) -> None:
        """Hand on what comes; a thread of its own."""
        unpacker, noise, speaking = wire.Unpacker(wire.Reply), b"", False
        try:
            while data := os.read(pipe.fileno(), 1 << 16):
                if not speaking:
                    noise, mark, data = (noise + data).partition(wire.MARK)
                    speaking = bool(mark) or len(noise) > MOST_NOISE  # the latter is no frame
                    data = data if mark else noise * speaking
                for message in unpacker.feed(data):
                    self._queue.put(message)
        except wire.WireError as error:
            self._queue.put(error)
        except OSError:
            pass
        if not speaking:
            lines = map(_plain, noise.decode(errors="replace").split("\n"))
            self._said.extendleft(line for line in lines if line)
        self._queue.put(None)

    def _overhear(self, pipe: IO[bytes]) -> None:
        """Keep the last lines of what it complains of; a thread of its own."""
        with suppress(OSError, ValueError):
            for line in pipe:
                if text := _plain(line.decode(errors="replace")):
                    self._said.append(text)


def _plain(text: str) -> str:
    """One line without what would steer a terminal."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:300]
