"""Tests for telling whether the process of a run is still there."""

import os
import platform
import subprocess
import sys
import time

from orchestrator.engine.records import Opened
from orchestrator.runs.alive import is_alive


def opened(pid: int, *, host: str = "", at: float = 0.0) -> Opened:
    return Opened(at or time.time(), host or platform.node(), pid, {})


def test_a_process_is_alive_until_it_ends_and_a_later_one_of_its_number_is_another():
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        assert is_alive(opened(child.pid)) is True
        assert is_alive(opened(child.pid, at=time.time() - 1000)) is False
        child.stdin.close()
        # It ends, and until its parent asks how, it is a zombie: that is not alive.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(opened(child.pid)) is False
    assert is_alive(opened(child.pid)) is False
    assert is_alive(opened(os.getpid(), host="elsewhere")) is None
