"""``orch check``, and the check before ``orch sweep``, as a person meets them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli import check as command
from orchestrator.cli.main import cli
from orchestrator.preflight import CheckReport, Tried

RAISING = """\
import torch

from searchspaces import Int, IntParam, SearchSpace


class Space(SearchSpace):
    width: IntParam = Int(4, 64)


class Net(torch.nn.Module):
    space = Space

    def __init__(self, config, facts):
        super().__init__()
        if config["width"] == 64:
            raise ValueError("too wide")
        self.layer = torch.nn.Linear(facts.features, facts.classes)

    def forward(self, values, lengths):
        return self.layer(values.mean(dim=1))
"""


@pytest.fixture
def orch(tmp_path):
    """Runs orch in a folder with an own network, in a process of its own."""
    (tmp_path / "raising.py").write_text(RAISING)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip

    return run


def test_check_says_what_a_sweep_costs_and_leaves_nothing(orch, tmp_path):
    done = orch("check", "mlp-bohb", "--concurrency", "2", "--set", "space.depth=1",
                "--set", "space.h2=16", "--set", "training.batch_size=256")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "mlp-bohb on digits"
    text = " ".join(" ".join(lines).split())
    assert re.search(
        r"check \d+ configs, [\d.]+-[\d.]+ s an epoch, up to \d+ MB a trial; "
        r"the sweep takes about \d+ (s|min) on 2 cores smallest ",
        text,
    )
    assert "data 1,078 series to train, 360 to validate" in text
    assert lines[-1] == (
        "next   orch sweep mlp-bohb --concurrency 2 --set space.depth=1 --set space.h2=16 "
        "--set training.batch_size=256"
    )
    assert max(map(len, lines[:-1])) <= 80
    assert [path.name for path in tmp_path.iterdir()] == ["raising.py"]


def test_a_network_that_raises_stops_a_sweep_before_it_has_a_folder(orch, tmp_path):
    done = orch("sweep", "raising:Net", "--set", "training.learning_rate=0.01",
                "--set", "training.batch_size=64", "--seed", "3")  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: check: ValueError: too wide. "
        "Look closer: orch try raising:Net --seed 3 --set training.learning_rate=0.01 "
        "--set training.batch_size=64 --set width=64\n"
    )
    assert not (tmp_path / "runs").exists()


WITH_A_CHOICE = RAISING.replace("Int, IntParam,", "Choice, ChoiceParam, Int, IntParam,").replace(
    "Int(4, 64)\n", 'Int(4, 64)\n    how: ChoiceParam = Choice(("good", "bad"))\n'
).replace('config["width"] == 64', 'config["how"] == "bad"')  # fmt: skip


def test_what_it_says_to_type_is_a_trial_that_fails_too(orch, tmp_path):
    (tmp_path / "own sweep.yaml").write_text("architecture: choosy:Net\n")
    (tmp_path / "choosy.py").write_text(WITH_A_CHOICE)
    done = orch("check", "own sweep.yaml", "--metric", "accuracy", "--epochs", "9", "--trials", "5",
                "--set", "space.width={low: 5, high: 6}", "--set", "space.how=bad")  # fmt: skip
    assert done.returncode == 1
    said, _, typed = done.stderr.rstrip("\n").partition(" Look closer: orch ")
    assert said == "error: check: ValueError: too wide."
    start = (
        "try 'own sweep.yaml' --set epochs=9 --set metric=accuracy "
        "--set 'space.width={low: 5, high: 6}' --set space.how=bad --set width=5 --set "
    )
    assert typed.startswith(start)
    tried = orch(*shlex.split(typed))
    assert tried.returncode == 1
    assert tried.stderr.endswith("ValueError: too wide\n")


def test_bad_input_is_refused_before_anything_is_tried(orch):
    done = orch("check", "mlp", "--trails", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: unknown option '--trails'. Did you mean '--trials'? See: orch check --help\n"
    )


@pytest.fixture
def report(monkeypatch):
    """A check that has this to say, without the time it takes."""
    found = CheckReport(
        tried=(
            Tried("smallest", {"h1": 16}, 0.01, 10**6, weights=100),
            Tried("largest", {"h1": 256}, None, 10**7, failure="loss became nan"),
        ),
        epochs=342,
        max_epochs=27,
        at_a_time=2,
        epoch_seconds=0.01,
        warnings=("data: look at them",),
    )
    monkeypatch.setattr(command, "checked", lambda made, **rest: found)
    return found


def test_the_sweep_it_says_to_type_is_the_one_that_was_checked(report, tmp_path, monkeypatch):
    given = ["a name.yaml", "--dataset", "digits", "--split", "stratified", "--device", "cpu",
             "--seed", "3", "--trials", "200", "--epochs", "9", "--metric", "accuracy",
             "--mode", "max", "--concurrency", "2", "--name", "two-words", "--max-time", "1h30m",
             "--set", "space.h1.high=512", "--set", "space.h2={low: 16, high: 64}"]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("a name.yaml").write_text("architecture: mlp\n")
    done = CliRunner().invoke(cli, ["check", *given])
    assert (done.exit_code, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("next   orch sweep 'a name.yaml' --dataset digits ")
    words = shlex.split(last.removeprefix("next   orch sweep "))
    same, this = (
        CliRunner().invoke(cli, ["sweep", *said, "--dry-run"]).stdout for said in (words, given)
    )
    assert same == this
    assert "max_time: 5400.0" in this


def test_json_holds_all_of_it(report):
    done = CliRunner().invoke(cli, ["check", "mlp", "--json"])
    found = json.loads(done.stdout)
    assert found["tried"][0]["config"] == {"h1": 16}
    assert found["tried"][1]["failure"] == "loss became nan"
    assert found["epoch_seconds"] == 0.01
    assert found["sweep_seconds"] == pytest.approx(5 + 171 * 0.01)


def test_a_sweep_shows_the_check_and_says_its_warnings(report, tmp_path, monkeypatch, teller):
    from orchestrator.sweep import Result, Sweep

    monkeypatch.chdir(tmp_path)

    def play(self, runs, *, watch, inbox, cluster):
        from orchestrator.runs.folder import RunFolder

        folder = RunFolder.create(runs, self.spec, {})
        watch(folder, self.spec).tick()
        return Result(folder, None, None, None)

    monkeypatch.setattr(Sweep, "run", play)
    done = CliRunner().invoke(cli, ["sweep", "mlp-bohb", "--concurrency", "2"])
    assert done.exit_code == 3
    assert done.stdout.splitlines()[1:3] == [
        "plan   46 trials, 342 epochs, 4 brackets, 2 at a time                 about 10 s",
        "check  2 configs, 0.01 s an epoch, up to 10 MB a trial, 1 failed",
    ]
    assert done.stderr.splitlines() == [
        "warning: data: look at them",
        "warning: largest config: loss became nan with h1 256",
    ]


def test_no_check_checks_nothing(monkeypatch, tmp_path):
    from orchestrator.sweep import Sweep
    from searchspaces.errors import OrchError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "checked", lambda *args, **rest: pytest.fail("it was checked"))

    def play(self, runs, *, watch, inbox, cluster):
        raise OrchError("started")

    monkeypatch.setattr(Sweep, "run", play)
    done = CliRunner().invoke(cli, ["sweep", "mlp", "--no-check"])
    assert done.stderr == "error: started\n"
