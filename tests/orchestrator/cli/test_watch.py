"""``orch watch`` where nothing moves: a run that is over, one look, JSON; and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.engine.records import Commanded, TrialEnded


def orch(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def test_a_finished_run_is_shown_with_its_closing_lines(make_run):
    run = make_run(failing={12: 1})
    done = orch("watch")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"gru-bohb on digits                                        run {run.id}",
        "plan   46 trials, 342 epochs, 4 brackets, 2 at a time",
        "split  stratified: 360 of 1438 series held out",
        "space  num_layers 1..4, hidden_size 16..256 log,",
        "       dropout 0..0.5 if num_layers > 1",
        "       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
        "",
        "epochs     1             3           9           27",
        "bracket 0  26 of 27      9 of 9      3 of 3      1 of 1",
        "bracket 1                9 of 9      3 of 3      1 of 1",
        "bracket 2                            6 of 6      2 of 2",
        "bracket 3                                        4 of 4",
        "",
        "46 trials in 16:40: 8 completed, 37 pruned, 1 failed",
        "failed valid_loss is not finite: trial 12",
        "best   trial 0  valid_loss 0.1890  accuracy 0.906  epoch 27 of 27",
        "       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64",
        "split  stratified: 360 of 1438 series held out",
        "work   97.0% of the workers' time went into epochs",
        f"run    runs/{run.id}",
        "next   orch analyze    orch show    orch best --format yaml > winner.yaml",
    ]
    assert orch("watch", "--once").stdout == done.stdout
    named = orch("watch", run.suffix).stdout.splitlines()
    assert named[-2].startswith(f"next   orch analyze {run.suffix}    ")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stopped by you", "stopped by Ctrl-C"),
        ("time is up", "time is up"),
        ("failed", "ended by an error"),
        ("", "its process died"),
    ],
)
def test_an_interrupted_run_is_shown_with_what_to_type_next(make_run, reason, said):
    run = make_run(reason=reason, epochs=100)
    done = orch("watch")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert f"{said} after 100 of 342 epochs; everything reported is kept" in lines
    assert any(line.startswith("best   trial 0  valid_loss 0.2041") for line in lines)
    assert lines[-1] == f"next   orch resume {run.suffix}    orch show {run.suffix}"


def test_a_run_that_never_began_says_so(make_run, tmp_path):
    run = make_run()
    for segment in run.journal.iterdir():
        segment.unlink()
    command = [sys.executable, "-m", "orchestrator", "watch"]
    code = (
        "from orchestrator.cli import onlooker\n"
        "onlooker.QUIET_SECONDS = 0.2\n"
        "import sys; sys.argv = ['orch', 'watch']\n"
        "from orchestrator.cli.main import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-2:] == [
        "it has not begun, and no process runs it",
        f"next   orch resume {run.suffix}",
    ]


def test_one_look_at_a_running_sweep_prints_the_table_and_ends(growing):
    growing = growing(failing={12: 1})
    growing.open(time.time() - 60)
    growing.tell(60)
    lines = orch("watch", "--once").stdout.splitlines()
    assert lines[0].endswith(f"run {growing.run.id}")
    assert lines[7:12] == [
        "epochs     1             3           9           27",
        "bracket 0  26 of 27      -           -           -",
        "bracket 1                -           -           -",
        "bracket 2                            -           -",
        "bracket 3                                        -",
    ]
    assert lines[-1] == "failed trial 12: valid_loss is not finite"


def test_json_says_where_a_running_sweep_stands(growing):
    growing = growing(failing={12: 1})
    growing.open(time.time() - 60)
    growing.tell(60)
    growing.note(Commanded("set", time.time(), values={"concurrency": 4}))
    done = orch("watch", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found.pop("seconds") == pytest.approx(60, abs=2)
    assert isinstance(found.pop("seconds_left"), float | None)
    best = found.pop("best")
    assert (best["trial"], best["epoch"], best["config"]["hidden_size"]) == (0, 1, 16)
    assert best["objective"] == pytest.approx(0.5**0.5)
    assert found == {
        "run": growing.run.id,
        "path": str(growing.run.path),
        "split": "stratified: 360 of 1438 series held out",
        "warning": "",
        "finished": False,
        "stopped": None,
        "limit": None,
        "states": {"pruned": 4, "failed": 1},
        "epochs": 27,
        "epochs_left": 314.0,
        "more": None,
        "worker_share": None,
        "state": "running",
        "trials": {"planned": 46, "started": 28, "over": 5},
        "epochs_planned": 342,
        "running": [{"trial": 27, "epoch": 1, "until": 3}],
        "failures": [{"reason": "valid_loss is not finite", "raised": "", "trials": [12]}],
        "notes": ["concurrency is 4 now"],
    }


def test_json_of_a_finished_run_has_all_that_a_sweep_prints_at_its_end(make_run):
    make_run(trials=8, epochs=17)
    found = json.loads(orch("watch", "--json").stdout)
    assert (found["state"], found["finished"], found["stopped"]) == ("finished", True, None)
    sweep = {"run", "path", "split", "warning", "finished", "stopped", "states", "best",
             "seconds", "epochs", "worker_share"}  # fmt: skip
    assert sweep < found.keys()
    assert found["worker_share"] == 0.97
    make_run(reason="", epochs=4)
    found = json.loads(orch("watch", "--json").stdout)
    assert (found["state"], found["stopped"]) == ("interrupted", "its process died")


def test_a_run_that_a_program_asks_for_trials_is_watched_too(tmp_path, monkeypatch):
    from orchestrator import Sweep

    monkeypatch.chdir(tmp_path)
    space = {"depth": {"low": 1, "high": 8}}
    sweep = Sweep("ask-random", space=space, trials=5, epochs=2)
    with sweep.ask_tell() as study:
        first = study.ask()
        study.tell(first, {"valid_loss": 0.5})
        lines = orch("watch", "--once").stdout.splitlines()
        assert lines[0].startswith("ask-random  ")
        assert any(
            line.startswith("now    trial 0 epoch 2 of 2") and line.endswith("1 asked for")
            for line in lines
        )
    lines = orch("watch").stdout.splitlines()
    assert "interrupted after 1 of 10 epochs; everything reported is kept" in lines
    assert lines[-1].startswith(f"next   Study.resume('{study.run.id}')")


def test_nothing_of_another_persons_text_steers_the_terminal(growing):
    growing = growing(trials=3)
    growing.open()
    growing.tell(2)
    growing.note(TrialEnded(0, "failed", "\x1b]0;mine\x07\x1b[31mboom\x1b[0m", time.time()))
    out = orch("watch", "--once").stdout
    assert "\x1b" not in out
    assert out.splitlines()[-1] == "failed trial 0: boom"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "error: no run 'nowhere' in runs"),
        (["--runs", "nowhere"], "error: no runs in nowhere. Start one: orch sweep gru-bohb"),
    ],
)
def test_a_run_that_is_not_there_is_one_line_and_exit_code_2(make_run, arguments, line):
    make_run()
    done = orch("watch", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
