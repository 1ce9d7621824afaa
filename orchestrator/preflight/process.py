"""Starting the process that tries configs, following it, and telling how it died."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

SILENT_SECONDS = 120.0
"""After so long without a word the process is given up."""
_CHILD = Path(__file__).with_name("child.py")


class ProcessError(Exception):
    """The process could not do what it was asked for.

    Attributes:
        reason: in one line.
        detail: the traceback, if there is one.
        code: the exit code that goes with it: 2 where the person's input is wrong.
        hungry: it seems to have taken all memory.
    """

    def __init__(
        self, reason: str, detail: str = "", code: int = 1, *, hungry: bool = False
    ) -> None:
        self.reason = reason
        self.detail = detail
        self.code = code
        self.hungry = hungry
        super().__init__(reason)
        if detail:
            self.add_note(detail)


def messages(
    order: Mapping[str, Any], content: bytes, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[dict[str, Any]]:
    """What the process says to an order, as it says it; the process is gone afterwards.

    Args:
        order: plain values; see :func:`orchestrator.preflight.trying.try_all`.
        content: a few series, packed.
        meanwhile: is called once it is on its way.

    Raises:
        ProcessError: it died or fell silent before it was done, or a config raised.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # our own file, by our own interpreter
            # -P: a file of the present folder must not stand in for one of Python's own.
            [sys.executable, "-P", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            _send(process, order, content)
            meanwhile()
            yield from _followed(process, errors)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not written is nobody's concern
                        pipe.close()


def _send(process: subprocess.Popen[bytes], order: Mapping[str, Any], content: bytes) -> None:
    if process.stdin is None:
        raise RuntimeError("the process has no standard input")
    with suppress(BrokenPipeError):  # it died at once; its exit code says how
        words = {**order, "path": sys.path, "bytes": len(content)}
        process.stdin.write(json.dumps(words).encode() + b"\n" + content)
        process.stdin.flush()  # and left open: the process ends when this one does


def _followed(process: subprocess.Popen[bytes], errors: IO[bytes]) -> Iterator[dict[str, Any]]:
    if process.stdout is None:
        raise RuntimeError("the process has no standard output")
    for line in _lines(process.stdout.fileno()):
        if line is None:
            raise ProcessError(
                f"a batch takes longer than {SILENT_SECONDS:.0f} s. If it is slow and does not "
                f"hang, sweep without a check: --no-check"
            )
        message: dict[str, Any] = json.loads(line)
        if message["kind"] == "done":
            return
        if message["kind"] == "raised":
            raise ProcessError(message["reason"], message["detail"], message["code"])
        yield message
    code = process.wait()
    raise ProcessError(_death(code, errors), hungry=code == -signal.SIGKILL)


def _lines(pipe: int) -> Iterator[bytes | None]:
    """Lines as they come; None when none has come for too long."""
    rest = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], SILENT_SECONDS)
        if not ready:
            yield None
        chunk = os.read(pipe, 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _death(code: int, errors: IO[bytes]) -> str:
    """How the process ended, in words."""
    if code == -signal.SIGKILL:
        return "the process that tried it was killed, as it is when memory runs out"
    if code < 0:
        return f"the process that tried it was killed by {signal.Signals(-code).name}"
    errors.seek(0)
    said = errors.read().decode("utf-8", "replace").split("\n")
    words = next((line.strip() for line in reversed(said) if line.strip()), "it said nothing")
    return f"the process that tried it ended with exit code {code}: {words}"
