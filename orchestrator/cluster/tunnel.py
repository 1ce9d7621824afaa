"""A port of a host's loopback on this machine's, through ssh, that comes back when it breaks."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from orchestrator.cluster.errors import ClusterError, CommandMissingError
from orchestrator.cluster.last_words import failure
from orchestrator.cluster.link import waits
from orchestrator.cluster.rest import DASHBOARD
from orchestrator.cluster.ssh import CONNECT_SECONDS, Host, known_hosts

READY = b"orch\n"
MOST_NOISE = 1 << 16
"""Bytes that a login shell may print before."""


@dataclass(frozen=True)
class Away:
    """The connection broke, and is being made anew.

    Attributes:
        reason: what ssh says.
    """

    reason: str


@dataclass(frozen=True)
class Back:
    """The connection is there again, with the same port here.

    Attributes:
        seconds: that it was away.
    """

    seconds: float


class Tunnel:
    """A port here that leads to one on a host, for the time of a ``with`` block.

    The process on the way ends with this one, however that ends: it waits for the end of its
    standard input.

    Args:
        host: where the port is; its ``alive`` is a third of the time after which a silent
            connection counts as broken.
        port: on the loopback there.
        heard: is called from another thread when the connection breaks and comes back.

    Attributes:
        port: on the loopback here; the same for the whole time.

    Raises:
        ClusterError: the first connection fails; later ones are tried until the block ends.
    """

    def __init__(
        self,
        host: Host,
        port: int = DASHBOARD,
        heard: Callable[[Away | Back], None] = lambda _: None,
    ) -> None:
        self._host = host
        self._far = port
        self._heard = heard
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="orch tunnel", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """Of a web server at the other end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Connect."""
        for attempt in range(3):
            self.port = _free_port()
            try:
                self._connect()
            except ClusterError as error:  # somebody else may have taken the port meanwhile
                with self._lock:
                    self._cut()
                if attempt == 2 or "forward" not in str(error).lower():
                    raise
            else:
                break
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self._ended.set()
        with self._lock:
            self._cut()
        self._thread.join()

    def _keep(self) -> None:
        """Connect again whenever it breaks, until the end."""
        while True:
            process = self._process
            if process is not None:
                process.wait()
            if self._ended.is_set():
                return
            began = time.monotonic()
            self._heard(Away(self._reason()))
            for seconds in waits(0.2, 10.0):
                if self._ended.wait(seconds):
                    return
                with suppress(ClusterError):
                    self._connect()
                    break
            if self._ended.is_set():
                return
            self._heard(Back(time.monotonic() - began))

    def _connect(self) -> None:
        """Start ssh and wait until it is through; its ports are open by then."""
        with self._lock:
            self._cut()
            if self._ended.is_set():
                return
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it is cut
            command = self._host.command(
                "sh", "-c", "echo orch; exec cat > /dev/null", forward=[(self.port, self._far)]
            )
            try:
                process = subprocess.Popen(  # noqa: S603  # ssh
                    command,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
                    start_new_session=True,  # Ctrl-C is this program's to hear
                )  # fmt: skip
            except FileNotFoundError:
                raise CommandMissingError("", "ssh", "Install openssh-client.") from None
            self._process = process
        late = threading.Timer(2 * CONNECT_SECONDS, process.kill)
        late.start()
        try:
            if process.stdout is None:
                raise AssertionError
            heard = 0
            while (line := process.stdout.readline(MOST_NOISE)) != READY:
                heard += len(line)
                if not line or heard > MOST_NOISE:
                    raise self._failure()
        finally:
            late.cancel()

    def _cut(self) -> None:
        """End ssh, and what it holds."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        if self._said is not None:
            self._said.close()
            self._said = None

    def _failure(self) -> ClusterError:
        said = b""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            if self._said is not None:
                self._said.seek(0)
                said = self._said.read()
        return failure(self._host.address, self._host.login, said, known_hosts())

    def _reason(self) -> str:
        error = self._failure()
        return str(getattr(error, "reason", error))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
