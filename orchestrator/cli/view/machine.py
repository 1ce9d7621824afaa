"""Cores and memory of this machine that are busy, looked at every two seconds at most."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

SECONDS = 2.0
"""Between two looks."""
FIRST = 0.5
"""Before the first one."""
_LIMIT = Path("/sys/fs/cgroup/memory.max")


class Machine:
    """What the machine does that the view is drawn on, whoever makes it do so.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        import psutil

        self._clock = clock
        self._next = clock() + FIRST
        self._line = ""
        psutil.cpu_percent(percpu=True)  # what comes next counts from here

    def line(self) -> str:
        """``1.8 of 2 cores   3.1 of 24 GB memory``; empty until something is known."""
        now = self._clock()
        if now >= self._next:
            self._next = now + SECONDS
            self._line = f"{_cores()}   {_memory()}"
        return self._line


def _cores() -> str:
    """Of the cores that this process may use, those that were busy since the last look."""
    import psutil

    busy = psutil.cpu_percent(percpu=True)
    if hasattr(os, "sched_getaffinity"):
        mine = [core for core in os.sched_getaffinity(0) if core < len(busy)]
        busy = [busy[core] for core in mine] or busy
    return f"{sum(busy) / 100:.1f} of {len(busy)} core{'s' * (len(busy) != 1)}"


def _memory() -> str:
    """What is taken, of the machine's memory or of this container's."""
    import psutil

    from orchestrator.preflight.memory import available

    memory = psutil.virtual_memory()
    total = min(memory.total, _limit() or memory.total)
    free = available()
    taken = max(0, total - min(total, memory.available if free is None else free))
    return f"{_short(taken)} of {_short(total)} GB memory"


def _limit() -> int | None:
    try:
        return int(_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no limit is the word max
        return None


def _short(count: int) -> str:
    """Gigabytes of 2**30 bytes, as a machine's memory is sold."""
    size = count / 2**30
    return f"{size:.0f}" if size >= 99.5 or size == round(size) else f"{size:.1f}"
