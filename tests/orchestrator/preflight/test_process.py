"""The process that tries configs, when all does not go well."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from orchestrator.preflight import process

HANGING = """\
import os

import torch

from searchspaces import Int, IntParam, SearchSpace


class Space(SearchSpace):
    width: IntParam = Int(4, 64)


class Net(torch.nn.Module):
    space = Space

    def __init__(self, config, facts):
        super().__init__()
        with open("told", "w") as told:
            told.write(f"{os.getpid()}\\n")
            told.flush()
            while True:
                pass
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_whoever_started_it(tmp_path, number):
    (tmp_path / "hanging.py").write_text(HANGING)
    fifo = tmp_path / "told"  # ends when nobody holds it open for writing any more
    os.mkfifo(fifo)
    parent = subprocess.Popen([sys.executable, "-m", "orchestrator", "check", "hanging:Net"],
                              cwd=tmp_path, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        with fifo.open() as told:
            child = int(told.readline())
            parent.send_signal(number)
            parent.wait(timeout=180)
            gone, _, _ = select.select([told], [], [], 20.0)
            if not gone:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            assert gone
            assert told.read() == ""
    finally:
        parent.kill()
        parent.wait(timeout=180)


ASKING = """\
import torch

from searchspaces import Int, IntParam, SearchSpace


class Space(SearchSpace):
    width: IntParam = Int(4, 64)


class Net(torch.nn.Module):
    space = Space

    def __init__(self, config, facts):
        input("how wide? ")
"""


def test_a_network_that_asks_gets_no_answer(tmp_path):
    (tmp_path / "asking.py").write_text(ASKING)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "check", "asking:Net"], cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr.startswith("error: check: EOFError: EOF when reading a line. Look closer: ")


def test_a_process_that_ends_tells_its_last_words(tmp_path, monkeypatch):
    child = tmp_path / "child.py"
    child.write_text("import sys\nsys.exit('no room here')\n")
    monkeypatch.setattr(process, "_CHILD", child)
    with pytest.raises(process.ProcessError) as caught:
        list(process.messages({}, b"x" * 10**6))
    assert caught.value.reason == ("the process that tried it ended with exit code 1: no room here")
