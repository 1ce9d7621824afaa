"""Programs as trials: real processes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from searchspaces import OrchError
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft
from trainables.programs.command import CommandTrial
from trainables.programs.metrics import metrics_of

Start = Callable[..., CommandTrial]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Python program as a trial."""
    made: list[CommandTrial] = []

    def make(text: str, *, grace: float = 1.0, **config: Any) -> CommandTrial:
        (tmp_path / "program.py").write_text(text, encoding="utf-8")
        names = " ".join(f"{{{name}}}" for name in config)
        held = CommandTrial.bare(
            command=f"{sys.executable} program.py {{trial}} {names}",
            epochs=9,
            folder=str(tmp_path),
            grace=grace,
        )
        made.append(held)
        held.begin(config, seed=5, label="ab12-0003")
        return held

    yield make
    for held in made:
        held.release()


def ends(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process is gone within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def wait_for(path: Path) -> int:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(path.read_text())


def test_a_line_of_numbers_is_an_epoch_and_the_program_s_end_the_trial_s(start: Start) -> None:
    held = start(
        "import sys\n"
        "print('trial', sys.argv[1])\n"
        'print(\'{"event": "not an epoch"}\')\n'
        "for n in range(1, 3): print('{\"valid_loss\": %f}' % (float(sys.argv[2]) / n))\n",
        depth=0.5,
    )
    assert [held.run_epoch() for _ in range(3)] == [
        EpochDone({"valid_loss": 0.5}),
        EpochDone({"valid_loss": 0.25}),
        NothingLeft("the program ended"),
    ]
    assert list(held._process.other) == ["trial ab12-0003", '{"event": "not an epoch"}']
    assert not held.can_pause
    with pytest.raises(OrchError, match="a program cannot be paused"):
        held.freeze()


@pytest.mark.parametrize(
    ("line", "metrics"),
    [
        ('{"a": 1, "b": 2.5}', {"a": 1.0, "b": 2.5}),
        ('  {"a": NaN, "b": -Infinity, "c": null}', {"a": math.nan, "b": -math.inf, "c": math.nan}),
        ('{"a": 1e999}', {"a": math.inf}),
        ('{"a": ' + "9" * 400 + "}", {"a": math.inf}),
        ('{"a": "1"}', None),
        ('{"a": true}', None),
        ('{"a": [1]}', None),
        ("{}", None),
        ("[1]", None),
        ("{a: 1}", None),
        ("loss 0.3", None),
        ("", None),
    ],
)
def test_which_lines_are_epochs(line: str, metrics: dict[str, float] | None) -> None:
    found = metrics_of(line)
    assert repr(found) == repr(metrics)


def test_a_failed_program_says_its_last_line_and_shows_the_lines_before(start: Start) -> None:
    held = start(
        "import sys\n"
        "for n in range(40): print('line', n)\n"
        "print('{\"valid_loss\": 1}')\n"
        "sys.stderr.write('first\\nno such file: é.csv\\n\\n')\n"
        "sys.exit(3)\n"
    )
    assert held.run_epoch() == EpochDone({"valid_loss": 1.0})
    failed = held.run_epoch()
    assert isinstance(failed, EpochFailed)
    assert failed.reason == "exit code 3: no such file: é.csv"
    lines = failed.detail.splitlines()
    assert lines[:20] == [f"line {n}" for n in range(20, 40)]
    assert lines[20:22] == ["first", "no such file: é.csv"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
        ("print('done')", "the program ended without an epoch: no line of its standard output was "
                          'a JSON object of numbers, such as {"valid_loss": 0.3}'),
        ("raise ValueError('x')", "exit code 1: ValueError: x"),
    ],
)  # fmt: skip
def test_how_programs_fail(start: Start, text: str, reason: str) -> None:
    failed = start(text).run_epoch()
    assert isinstance(failed, EpochFailed)
    assert failed.reason == reason


def test_a_line_that_is_nearly_an_epoch_fails_a_trial_with_others(start: Start) -> None:
    """Left out, it would have made epoch 3 the second one."""
    held = start(
        "print('{\"valid_loss\": 0.3}')\n"
        'print(\'{"lr": 0.1, "note": "not meant"}\')\n'
        'print(\'{"valid_loss": 0.2, "best": true}\')\n'
        "print('{\"valid_loss\": 0.1}')\n"
    )
    assert held.run_epoch() == EpochDone({"valid_loss": 0.3})
    assert held.run_epoch() == EpochFailed(
        '\'best\' is no number in {"valid_loss": 0.2, "best": true}. '
        'Print numbers alone, such as {"valid_loss": 0.3}'
    )


def test_a_line_that_is_nearly_an_epoch_is_told_of(start: Start) -> None:
    failed = start(
        'print(\'{"epoch": 1}x\')\nprint(\'{"valid_loss": 0.3, "stage": "valid"}\')'
    ).run_epoch()
    assert isinstance(failed, EpochFailed)
    assert failed.reason == (
        "the program ended without an epoch: 'stage' is no number in "
        '{"valid_loss": 0.3, "stage": "valid"}. Print numbers alone, such as {"valid_loss": 0.3}'
    )


def test_a_program_that_does_not_exist_fails_its_trial(tmp_path: Path) -> None:
    held = CommandTrial.bare(command="./nothing {depth}", epochs=3, folder=str(tmp_path))
    held.begin({"depth": 1}, seed=0)
    failed = held.run_epoch()
    assert isinstance(failed, EpochFailed)
    assert failed.reason == "exit code 127: ./nothing: No such file or directory"
    held.release()


STUBBORN = """
import os, signal, subprocess, sys, time
if "child" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("child.pid", "w").write(str(os.getpid()))
    time.sleep(600)
child = subprocess.Popen([sys.executable, sys.argv[0], "child"])
def told(*_):
    open("told", "w").write("1")
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
open("parent.pid", "w").write(str(os.getpid()))
print('{"valid_loss": 1.0}')
time.sleep(600)
"""


def test_a_released_trial_is_told_to_end_and_what_it_started_is_ended(
    start: Start, tmp_path: Path
) -> None:
    held = start(STUBBORN, grace=0.5)
    assert held.run_epoch() == EpochDone({"valid_loss": 1.0})
    parent, child = (wait_for(tmp_path / f"{name}.pid") for name in ("parent", "child"))
    began = time.monotonic()
    held.release()
    assert 0.4 < time.monotonic() - began < 4
    assert (tmp_path / "told").exists()
    assert ends(parent, 0.5)
    assert ends(child, 0.5)


@pytest.mark.parametrize("how", ["at once", "as Ray does it"])
def test_a_program_is_told_to_end_when_its_worker_is_killed_and_none_outlives_it(
    tmp_path: Path, how: str
) -> None:
    """Ray kills the children of a worker, theirs not, and then the worker."""
    (tmp_path / "program.py").write_text(STUBBORN)
    code = (
        "import sys, time\n"
        "from trainables.programs.command import CommandTrial\n"
        f"held = CommandTrial.bare(command={sys.executable + ' program.py'!r}, epochs=3,"
        f" folder={str(tmp_path)!r}, grace=0.5)\n"
        "held.begin({}, seed=0)\nheld.run_epoch()\nprint('ready', flush=True)\ntime.sleep(600)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    parent, child = (wait_for(tmp_path / f"{name}.pid") for name in ("parent", "child"))
    if how == "as Ray does it":
        for one in psutil.Process(worker.pid).children():
            one.kill()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    assert ends(parent)
    assert ends(child)
    assert (tmp_path / "told").exists()


def test_a_program_that_closes_its_output_and_goes_on_is_waited_for(start: Start) -> None:
    held = start(
        "import os, sys, time\nprint('{\"valid_loss\": 1}', flush=True)\n"
        "os.close(1)\ntime.sleep(0.3)\nos._exit(4)\n"
    )
    held.run_epoch()
    failed = held.run_epoch()
    assert isinstance(failed, EpochFailed)
    assert failed.reason == "exit code 4"
