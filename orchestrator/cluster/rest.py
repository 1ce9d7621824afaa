"""One question to a server on a host's loopback, through ssh: no port is opened for it."""

from __future__ import annotations

import http.client
import io
import subprocess
import tempfile
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from orchestrator.cluster.errors import (
    AnswerError,
    CommandMissingError,
    TokenRefusedError,
    UnreachableError,
)
from orchestrator.cluster.last_words import failure
from orchestrator.cluster.ssh import FAILED, Host, known_hosts

DASHBOARD = 8265
"""Where Ray's dashboard and job server listen."""
_CLOSED = (b"open refused by peer", b"open failed: connect failed")


def get(
    host: Host, path: str, *, token: str = "", port: int = DASHBOARD, timeout: float = 20
) -> bytes | None:
    """What a server says to ``GET path``; None if none listens.

    Args:
        host: that it runs on.
        path: with the query.
        token: of Ray's authentication.
        port: on the loopback there.
        timeout: seconds.

    Raises:
        ClusterError: ssh fails, or the server refuses; the words say which.
    """
    lines = [f"GET {path} HTTP/1.0", f"Host: 127.0.0.1:{port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    asked = "\r\n".join([*lines, "", ""]).encode()
    with tempfile.TemporaryFile() as said:  # a kept connection may hold on to a pipe
        try:
            process = subprocess.Popen(  # noqa: S603  # ssh
                host.reach(port),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0,
            )  # fmt: skip
        except FileNotFoundError:
            raise CommandMissingError("", "ssh", "Install openssh-client.") from None
        late = threading.Timer(timeout, process.kill)
        late.start()
        with process:  # the server ends the answer; an end of the question would end it too soon
            if process.stdin is None or process.stdout is None:
                raise AssertionError
            with suppress(BrokenPipeError):  # what ssh says tells more
                process.stdin.write(asked)
            answer = process.stdout.read()
        late.cancel()
        said.seek(0)
        words = said.read()
    if not answer:
        if any(sign in words for sign in _CLOSED):
            return None
        if process.returncode == FAILED:
            raise failure(host.address, host.login, words, known_hosts())
        raise UnreachableError(host.address, f"port {port} there does not answer")
    return _body(host.address, answer)


def _body(address: str, answer: bytes) -> bytes:
    """The content of a whole answer."""
    response = http.client.HTTPResponse(cast("Any", _Heard(answer)))  # it wants a socket
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError) as error:
        raise AnswerError(address, 0, f"what HTTP does not know: {error!r}") from error
    if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise TokenRefusedError(address)
    if response.status != HTTPStatus.OK:
        raise AnswerError(address, response.status, f"{response.status} {response.reason}")
    return body


class _Heard:
    """What http.client takes for a socket."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _: str) -> io.BytesIO:
        """The answer as a file."""
        return io.BytesIO(self._content)
