"""Real sweeps whose lines go into a pipe: signals, failures, and time that is up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ORCH = [sys.executable, "-m", "orchestrator"]


@pytest.fixture
def environment(tmp_path_factory):
    wanted = {**os.environ, "ORCH_DATA": str(tmp_path_factory.mktemp("d"))}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI"):
        wanted.pop(name, None)
    return wanted


def test_sigterm_ends_a_piped_sweep_in_an_orderly_way(tmp_path, environment):
    process = subprocess.Popen(
        [*ORCH, "sweep", "gru-bohb", "--concurrency", "1", "--no-check", "--trials", "40",
         "--epochs", "3"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not process.stdout.readline().startswith("trial "):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=180)
    finally:
        process.kill()
        process.wait(timeout=180)
    assert process.returncode == 143
    assert err == ""
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("stopped by SIGTERM after "))
    assert lines[start].endswith("; everything reported is kept")
    assert lines[-1].startswith("next   orch resume ")
    assert "\x1b" not in out


@pytest.mark.extended
def test_a_sweep_in_which_all_diverges_says_so_in_a_pipe(tmp_path, environment):
    done = subprocess.run(
        [*ORCH, "sweep", "mlp-random", "--no-check", "--trials", "3", "--epochs", "2",
         "--set", "training.learning_rate=1e30", "--concurrency", "1"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    failed = [
        line for line in lines if re.match(r"trial \d  failed     \w+ became (nan|inf)  ", line)
    ]
    assert len(failed) == 3
    outcome = (
        r"3 trials in \d+:\d\d: 3 failed \((loss|gradient) became (nan|inf): trials 0, 1 and 2\)"
    )
    assert any(re.fullmatch(outcome, line) for line in lines)
    assert "best   none: no trial has a result" in lines


@pytest.mark.extended
def test_a_sweep_ends_when_its_time_is_up_and_a_resume_may_have_another(tmp_path, environment):
    def orch(*arguments):
        done = subprocess.run(
            [*ORCH, *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        found = re.search(r"^time is up after (\d+) of 100,000 epochs; ", done.stdout, re.MULTILINE)
        assert found
        assert done.stdout.splitlines()[-1].startswith("next   orch resume ")
        return int(found[1])

    first = orch(
        "sweep", "mlp-random", "--no-check", "--max-time", "4s", "--trials", "100",
        "--epochs", "1000", "--concurrency", "1", "--set", "training.batch_size=16",
    )  # fmt: skip
    assert first >= 1
    # Epochs since the last checkpoint run again first, and are not counted twice.
    assert orch("resume", "--max-time", "1s") >= first
