"""Starting the tracking process, and letting go of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec
from orchestrator.tracking.sinks import ready

LOG = "tracking.log"
_PROCESS = Path(__file__).with_name("process.py")
_left: list[subprocess.Popen[bytes]] = []
"""Processes that still tell of runs which this process has let go; kept until they end."""


@contextmanager
def tracked(folder: RunFolder, spec: SweepSpec) -> Iterator[None]:
    """Tell of a run for the time of the block, in a process that goes on until all is told.

    Args:
        folder: of the run, which the caller owns.
        spec: of the run; says where to tell of it, if anywhere.

    Raises:
        UsageError: a package is missing, or nobody is logged in.
    """
    ready(spec.tracking)
    process = _started(folder, spec) if spec.tracking.on else None
    try:
        yield
    finally:
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
            _left[:] = [left for left in [*_left, process] if left.poll() is None]


def settled() -> None:
    """Wait until all is told of the runs that this process has let go.

    A process that is stuck gives up by itself.
    """
    while _left:
        _left.pop().wait()


def _started(folder: RunFolder, spec: SweepSpec) -> subprocess.Popen[bytes] | None:
    order = {
        "path": sys.path,
        "folder": str(folder.path.absolute()),
        "tracking": spec.tracking.model_dump(mode="json"),
    }
    try:
        with (folder.path / LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own file, by our own interpreter
                # -P: a file of the present folder must not stand in for one of Python's own.
                [sys.executable, "-P", str(_PROCESS), folder.id],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                process_group=0,  # Ctrl-C is for the sweep
            )
    except OSError as error:
        # What is not told now can be told later: the sweep is worth more.
        warnings.warn(
            f"tracking does not start ({error.strerror}). Later: orch sync {folder.id}",
            stacklevel=3,
        )
        return None
    if process.stdin is not None:
        with suppress(OSError):  # it died at once; its log says of what
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
    return process
