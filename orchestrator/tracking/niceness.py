"""Stepping back: what may take its time takes it from nobody."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

LOWEST = 19


def step_back(pid: int = 0) -> None:
    """Give a process the lowest priority, where the system lets us.

    A session of its own is a scheduling group of its own under Linux, and among groups the
    priority of its processes counts for nothing: the group has one too.

    Args:
        pid: 0 is this process.
    """
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
    with suppress(OSError):
        Path("/proc", str(pid or os.getpid()), "autogroup").write_text(f"{LOWEST}\n")
