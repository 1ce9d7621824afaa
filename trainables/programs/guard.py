"""Runs a program and outlives it: ``python -I -S guard.py GRACE ARGUMENT...``.

The worker holds the other end of this process's standard input. When that closes, because
the trial is over or because the worker is dead in whatever way, the program and everything
it started get SIGTERM and, ``GRACE`` seconds later, SIGKILL. Imports nothing of orch's.

There are two of this process: whoever kills a worker together with its children, as Ray does,
kills the first, and the second, a child of that, still sees to the program.

Exit code: the program's; 128 and the signal's number if a signal ended it; 127 if it
cannot be started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

POLL_SECONDS = 0.01


def main(grace: float, arguments: list[str]) -> int:
    """Run the program to its end or to that of the worker; its exit code."""
    second = os.fork()
    if second:
        _hold_no_output()
        return _code(os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]))
    os.setsid()
    return _run(grace, arguments)


def _run(grace: float, arguments: list[str]) -> int:
    try:
        program = subprocess.Popen(  # noqa: S603  # what the user asked for
            arguments, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        sys.stderr.write(f"{arguments[0]}: {error.strerror}\n")
        return 127
    _hold_no_output()
    threading.Thread(target=_end_with_the_worker, args=(program, grace), daemon=True).start()
    code = program.wait()
    _end(program.pid, grace)  # what it started and left behind
    return _code(code)


def _code(code: int) -> int:
    return code if code >= 0 else 128 - code


def _hold_no_output() -> None:
    """The worker sees the end of the program's output only if nobody else holds it open."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _end_with_the_worker(program: subprocess.Popen[bytes], grace: float) -> None:
    while os.read(0, 1024):
        pass
    _end(program.pid, grace)


def _end(group: int, grace: float) -> None:
    """SIGTERM to a process group, and SIGKILL to what is left of it after ``grace`` seconds."""
    deadline = time.monotonic() + grace
    if not _send(group, signal.SIGTERM):
        return
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        if not _send(group, 0):
            return
    _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Whether there was anybody to get the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
