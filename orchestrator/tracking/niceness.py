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
    if "idle" in os.environ.get("ORCH_T", ""):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    pid = pid or os.getpid()
    with suppress(OSError):
        if os.getsid(pid) == pid:  # otherwise the group is not its own
            Path("/proc", str(pid), "autogroup").write_text(f"{LOWEST}\n")
