"""``orch sweep --dry-run``: the plan, and a file that gives the same sweep again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def output(*arguments):
    done = CliRunner().invoke(cli, ["sweep", *arguments, "--dry-run"])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_the_plan_stands_on_top_in_comments(folder):
    lines = output("gru-bohb", "--concurrency", "2").splitlines()
    assert lines[:11] == [
        "# gru-bohb on digits",
        "# plan   46 trials, 342 epochs, 4 brackets, 2 at a time",
        "# space  num_layers 1..4, hidden_size 16..256 log,",
        "#        dropout 0..0.5 if num_layers > 1",
        "#        learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
        "# rungs  46 trials to epoch 1, 28 to 3, 16 to 9, 8 to 27",
        "# bracket 0: 27 to epoch 1, then 9 to 3, then 3 to 9, then 1 to 27",
        "# bracket 1: 9 to epoch 3, then 3 to 9, then 1 to 27",
        "# bracket 2: 6 to epoch 9, then 2 to 27",
        "# bracket 3: 4 to epoch 27",
        "version: 1",
    ]
    assert list(folder.iterdir()) == []


def test_what_it_prints_is_a_file_that_gives_the_same_sweep(folder):
    text = output("gru-asha", "--trials", "10", "--seed", "3", "--set", "space.num_layers=2")
    (folder / "my.yaml").write_text(text)
    assert output("my.yaml") == text


def test_options_change_the_file_and_set_changes_both(folder):
    (folder / "my.yaml").write_text("architecture: gru\ntrials: 20\nepochs: 9\n")
    found = json.loads(
        output(
            "my.yaml", "--trials", "5", "--set", "trials=7", "--set", "training.batch_size=32",
            "--max-time", "10m", "--metric", "accuracy", "--mode", "max", "--name", "mine",
            "--json",
        )
    )  # fmt: skip
    spec = found["spec"]
    assert (spec["trials"], spec["epochs"], spec["name"]) == (7, 9, "mine")
    assert (spec["metric"], spec["mode"], spec["max_time"]) == ("accuracy", "max", 600.0)
    assert spec["training"]["batch_size"] == 32
    assert found["plan"]["trials"] == 7
    assert found["plan"]["brackets"] == [
        [{"epochs": 1, "trials": 7}, {"epochs": 3, "trials": 2}, {"epochs": 9, "trials": 1}]
    ]


def test_none_takes_out_every_limit_that_a_file_has(folder):
    limits = {"max_time": 60, "max_epochs_total": 100, "target": 0.1, "plateau": "auto"}
    lines = "".join(f"{name}: {value}\n" for name, value in limits.items())
    (folder / "my.yaml").write_text(f"architecture: gru\n{lines}")
    assert all(f"\n{name}: " in output("my.yaml") for name in limits)
    options = [word for name in limits for word in (f"--{name.replace('_', '-')}", "none")]
    assert not any(f"\n{name}: " in output("my.yaml", *options) for name in limits)


def test_brackets_that_are_alike_are_told_once(folder):
    lines = output("gru-bohb", "--trials", "460").splitlines()
    assert sum(line.startswith("# bracket") for line in lines) <= 13
    assert any(line.startswith("# and ") and line.endswith("brackets more") for line in lines)


def test_what_depends_on_results_is_told_with_what_it_is_at_most():
    lines = output("gru-asha", "--concurrency", "2").splitlines()
    assert lines[1] == "# plan   46 trials, about 142 epochs (at most 1,242), 2 at a time"
    assert (
        "# bracket 0: 46 to epoch 1, then about 15 to 3, then about 5 to 9, then about 2" in lines
    )
    plan = json.loads(output("gru-asha", "--json"))["plan"]
    assert (plan["epochs"], plan["at_most"], plan["exact"]) == (142, 1242, False)
    assert plan["rungs"] == [
        {"epochs": 1, "trials": 46}, {"epochs": 3, "trials": 15},
        {"epochs": 9, "trials": 5}, {"epochs": 27, "trials": 2},
    ]  # fmt: skip
