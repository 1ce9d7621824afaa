"""How much memory a process takes, and how much there is."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def resident() -> int:
    """Bytes of this process in memory now; its peak where the system tells no more."""
    found = _status("VmRSS")
    return peak() if found is None else found


def peak() -> int:
    """Bytes of this process in memory at most, since the last :func:`reset_peak`."""
    found = _status("VmHWM")
    if found is not None:
        return found
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def reset_peak() -> None:
    """Count the peak from now on, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def go_first() -> None:
    """Where memory runs out, the system is to end this process and no other one."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def give_back() -> None:
    """Return what the allocator keeps in reserve, so that the next trial's share shows."""
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def available() -> int | None:
    """Bytes that new processes can take on this machine or in this container; None if unknown."""
    found = _field(Path("/proc/meminfo"), "MemAvailable")
    with suppress(OSError, ValueError):  # no limit is the word max
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        stat = (_CGROUP / "memory.stat").read_text(encoding="ascii").split()
        cache = int(stat[stat.index("inactive_file") + 1])  # given up when it is needed
        left = max(0, limit - used + cache)
        return left if found is None else min(found, left)
    return found


def _status(name: str) -> int | None:
    return _field(Path("/proc/self/status"), name)


def _field(file: Path, name: str) -> int | None:
    """Bytes of a line ``Name:   1234 kB``."""
    with suppress(OSError):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0]) * 1024
    return None
