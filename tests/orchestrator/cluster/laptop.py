"""The laptop of the tests of clusters: a folder, the real command, and what it leaves there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orchestrator.runs.folder import RunFolder


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """``orch`` with these words, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def orch(folder: Path, *words: str, code: int = 0) -> str:
    """What it says once it has ended, with that code and without an error."""
    process = started(folder, *words)
    said, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (code, ""), said + errors
    return said


def the_run(folder: Path, name: str) -> RunFolder:
    """The one run of that name."""
    [path] = (folder / "runs").glob(f"*-{name}-*")
    return RunFolder(path)
