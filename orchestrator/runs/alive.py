"""Whether the process that opened a run is still there."""

from __future__ import annotations

import platform

import psutil

from orchestrator.engine.records import Opened

_SLACK = 5.0
"""Seconds by which a process may seem younger than what it wrote: clocks are set."""


def is_alive(opened: Opened) -> bool | None:
    """Whether that process runs; None where it is one of another machine.

    The lock of the run would tell too, but to ask for it is to hold it for a moment in which
    nobody else can.
    """
    if opened.host != platform.node():
        return None
    try:
        process = psutil.Process(opened.pid)
        if process.create_time() > opened.at + _SLACK:
            return False  # a later process of the same number
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
