"""Stepping back: what may take its time takes it from nobody."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from searchspaces.errors import UnknownNameError

LOWEST = 19
VARIABLE = "ORCH_TRACKING_PRIORITY"
PRIORITIES = ("idle", "low")


def priority() -> str:
    """``idle``, unless the environment says ``low``: then it takes a little of busy cores too.

    Raises:
        UnknownNameError: it says anything else.
    """
    said = os.environ.get(VARIABLE) or PRIORITIES[0]
    if said not in PRIORITIES:
        raise UnknownNameError(VARIABLE, said, PRIORITIES)
    return said


def step_back(pid: int = 0) -> None:
    """Have a process compute when nobody else wants to, as far as the system lets us.

    The lowest priority is not enough under Linux: such a process is not put aside at once
    when another wakes up on its core, and hundreds of such moments make a sweep a third
    slower. And where it leads a session it is a scheduling group of its own, among which the
    priority of single processes counts for nothing: the group has one too.

    Args:
        pid: 0 is this process.
    """
    pid = pid or os.getpid()
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
    if priority() == "low":
        return
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        if os.getsid(pid) == pid:
            Path("/proc", str(pid), "autogroup").write_text(f"{LOWEST}\n")
