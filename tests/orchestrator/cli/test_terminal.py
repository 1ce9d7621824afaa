"""Real sweeps in a real terminal: the table at 80 columns, signals, and going on after them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pexpect
import pytest

pytestmark = pytest.mark.slow

SWEEP = ["-m", "orchestrator", "sweep", "gru-bohb", "--concurrency", "2"]
ONE = [*SWEEP[:-1], "1"]


@pytest.fixture
def environment(tmp_path, tmp_path_factory):
    wanted = {
        **os.environ,
        "TERM": "xterm-256color",
        "ORCH_DATA": str(tmp_path_factory.mktemp("d")),
    }
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI"):
        wanted.pop(name, None)
    return wanted


@pytest.fixture
def terminal(tmp_path, environment):
    """Starts orch in a terminal of 80 columns, and ends what is left of it."""
    children = []

    def start(*arguments):
        child = pexpect.spawn(
            sys.executable,
            list(arguments),
            cwd=str(tmp_path),
            env=environment,
            encoding="utf-8",
            dimensions=(30, 80),
            timeout=90,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def screen(text, columns=80):
    """What a terminal shows after this output: enough of one for what rich writes."""
    lines, row, column = [[]], 0, 0
    for code, char in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z])|([\s\S])", text):
        if code:
            count = int(re.sub(r"\D", "", code) or 1)
            if code[-1] == "A":
                row = max(0, row - count)
            elif code[-1] == "K":
                lines[row] = []
        elif char == "\r":
            column = 0
        elif char == "\n":
            row += 1
        else:
            if column >= columns:
                row, column = row + 1, 0
            while len(lines) <= row:
                lines.append([])
            line = lines[row]
            line.extend(" " * (column + 1 - len(line)))
            line[column] = char
            column += 1
        while len(lines) <= row:
            lines.append([])
    return ["".join(line).rstrip() for line in lines]


def finish(child):
    """Everything that came until the end, and the exit code."""
    text = ""
    while True:
        try:
            text += child.read_nonblocking(4096, timeout=90)
        except pexpect.EOF:
            break
    child.close()
    return text, child.exitstatus


def states(tmp_path, environment):
    """Trials by state as ``orch show`` counts them."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "show", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)["states"]


def test_a_sweep_at_80_columns_leaves_a_clean_screen(terminal):
    # Four layers in small batches: slow enough to be seen at work.
    slow = ("--set", "space.num_layers=4", "--set", "training.batch_size=16")
    child = terminal(*SWEEP, "--trials", "4", "--epochs", "3", *slow)
    text, code = finish(child)
    assert code == 0
    lines = screen(text)
    assert re.fullmatch(r"gru-bohb on digits {40}run \d{4}-gru-bohb-[0-9a-f]{4}", lines[0])
    assert re.fullmatch(
        r"check  \d+ configs, [\d.]+-[\d.]+ s an epoch, up to \d+ MB a trial", lines.pop(2)
    )
    assert lines[1:9] == [
        "plan   4 trials, 8 epochs, 2 brackets, 2 at a time",
        "split  stratified: 360 of 1438 series held out",
        "space  num_layers 4, hidden_size 16..256 log, dropout 0..0.5",
        "       learning_rate 1e-4..1e-1 log, batch_size 16",
        "",
        "epochs     1           3",
        "bracket 0  3 of 3      1 of 1",
        "bracket 1              1 of 1",
    ]
    assert re.fullmatch(r"4 trials in \d+:\d\d: 2 completed, 2 pruned", lines[10])
    assert re.fullmatch(
        r"best   trial \d  valid_loss [\d.]+  accuracy 0\.\d{3}  epoch [123] of 3", lines[11]
    )
    end = [line[:6].strip() for line in lines[12:] if line]
    assert end[-3:] == ["work", "run", "next"]
    assert max(len(line) for line in lines) <= 80
    assert re.search(r"checking largest, 2 of 13\x1b\[K", text)
    assert "starting workers" in text
    assert "2 of 2 workers busy" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_ctrl_c_keeps_everything_and_resume_finishes_it(terminal, tmp_path, environment):
    small = ("--set", "space={num_layers: 2, hidden_size: 64}", "--set", "training.batch_size=32")
    child = terminal(*ONE, "--no-check", "--trials", "8", "--epochs", "9", *small)
    child.expect(r"[3-9] of 18 epochs")
    child.sendintr()
    text, code = finish(child)
    assert code == 130
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    found = re.search(
        r"stopped by you after (\d+) of (\d+) epochs; everything reported is kept", plain
    )
    assert found
    part = re.search(r"next   orch resume ([0-9a-f]{4})    orch show \1", plain)
    assert part
    assert sum(states(tmp_path, environment).values()) <= 8

    again = terminal("-m", "orchestrator", "resume", part[1])
    text, code = finish(again)
    assert code == 0
    assert any("over 2 sessions" in line for line in screen(text))
    counted = states(tmp_path, environment)
    assert set(counted) == {"completed", "pruned"}
    assert sum(counted.values()) == 8


DIVERGING = ["-m", "orchestrator", "sweep", "mlp-random", "--no-check", "--trials", "3",
             "--epochs", "2", "--set", "training.learning_rate=1e30"]  # fmt: skip
OUTCOME = r"3 trials in \d+:\d\d: 3 failed \((loss|gradient) became (nan|inf): trials 0, 1 and 2\)"


def test_a_sweep_in_which_all_diverges_says_so_in_a_terminal(terminal):
    text, code = finish(terminal(*DIVERGING, "--concurrency", "1"))
    assert code == 3
    lines = screen(text)
    place = next(k for k, line in enumerate(lines) if re.fullmatch(OUTCOME, line))
    assert lines[place + 1] == "best   none: no trial has a result"
    assert any(line.startswith("next   orch show    orch try runs/") for line in lines)
    assert max(len(line) for line in lines) <= 80
