"""``orch list``, ``runs``, ``show``, ``best`` on runs that a sweep has left behind."""

from __future__ import annotations

import json
import tomllib

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from orchestrator.cli.main import cli
from orchestrator.engine.journal import Journal
from orchestrator.engine.records import EpochReported
from orchestrator.runs.folder import RunFolder


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def run(make_run):
    return make_run(failing={12: 1}, dataset="spoken-arabic-digits")


def test_show_tells_state_time_settings_and_the_best_trials(run):
    lines = output("show", "--top", "3").splitlines()
    assert lines == [
        f"gru-bohb on spoken-arabic-digits                          run {run.id}",
        f"plan   46 trials, 342 epochs, 4 brackets, {lines[1].split()[-4]} at a time",
        "space  num_layers 1..4, hidden_size 16..256 log,",
        "       dropout 0..0.5 if num_layers > 1",
        "       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
        "split  stratified: 360 of 1438 series held out",
        "made   valid_loss min, searcher bohb, scheduler hyperband, seed 0",
        "state  finished, 46 of 46 trials done: 8 completed, 37 pruned, 1 failed",
        "time   2:50 in 341 epochs",
        f"run    runs/{run.id}",
        "",
        "trial  state      valid_loss  accuracy  epochs  time  num_layers  hidden_size  dropout  "
        "learning_rate  batch_size",
        "    0  completed      0.1890     0.906      27  0:14           1           16        -  "
        "       0.0001          64",
        "   38  completed      0.1972     0.901      27  0:14           3          206     0.25  "
        "       0.0039          64",
        "   30  completed      0.2054     0.897      27  0:14           1          166        -  "
        "       0.0031          64",
        "trial 12 failed: valid_loss is not finite",
    ]


def test_show_brings_the_tables_up_to_date_first(run):
    assert not run.trials.exists()
    output("show", run.suffix)
    assert run.trials.exists()
    assert run.epochs.exists()


def test_show_names_the_reason_of_a_failure(make_run):
    make_run(failing={1: 1}, trials=3)
    lines = output("show").splitlines()
    assert lines[-1] == "trial 1 failed: valid_loss is not finite"


def test_show_names_reasons_of_failures_that_rank_below_its_table(make_run):
    run = make_run(failing={1: 1, 2: 1}, trials=5)
    lines = output("show", "--top", "1").splitlines()
    assert lines[-2:] == [
        "trial 1 failed: valid_loss is not finite",
        f"and 1 trial more that failed; see: orch show {run.suffix} --top 5",
    ]


def test_show_tells_of_a_run_in_which_all_trials_failed_and_best_says_where(make_run):
    run = make_run("gru-random", failing={0: 1, 1: 1}, trials=2)
    lines = output("show").splitlines()
    assert "state  finished, 2 of 2 trials done: 2 failed" in lines
    assert lines[-2:] == [f"trial {number} failed: valid_loss is not finite" for number in range(2)]
    for command in ("best", "analyze"):
        done = CliRunner().invoke(cli, [command])
        assert (done.exit_code, done.stderr) == (
            2,
            f"error: no trial of run {run.id} has a result: 2 failed. "
            f"See: orch show {run.suffix}\n",
        )


def test_show_as_json_has_the_same_and_the_settings(run):
    found = json.loads(output("show", "--top", "1", "--json"))
    assert (found["run"], found["state"]) == (run.id, "finished")
    assert found["states"] == {"completed": 8, "pruned": 37, "failed": 1}
    assert found["settings"]["trials"] == 46
    (trial,) = found["trials"]
    assert (trial["error"], trial["note"]) == (None, None)
    assert trial["config"] == {
        "num_layers": 1, "hidden_size": 16, "learning_rate": 0.0001, "batch_size": 64,
    }  # fmt: skip
    assert (trial["number"], trial["epochs"], trial["best_epoch"]) == (0, 27, 27)
    assert trial["objective"] == pytest.approx(1 / 28**0.5)
    assert trial["metrics"]["accuracy"] == pytest.approx(1 - 1 / 28**0.5 / 2)


def test_json_tells_why_a_trial_was_complete(make_run):
    run = make_run(trials=3, epochs=2, reason="")
    journal = Journal(run.journal, lambda record: None)
    finished = "no better for 10 epochs"
    journal.append(
        EpochReported(1, 1, 2, {"valid_loss": 0.01}, 0.5, "here", 1.0, finished=finished)
    )
    journal.close()
    found = json.loads(output("show", "--json"))
    trial = next(row for row in found["trials"] if row["number"] == 1)
    assert (trial["state"], trial["note"]) == ("completed", finished)


def test_an_interrupted_run_says_how_to_go_on(make_run):
    run = make_run(epochs=30, reason="stopped by you")
    lines = output("show").splitlines()
    state = next(line for line in lines if line.startswith("state"))
    assert state == ("state  interrupted, 18 of 46 trials done: 18 pruned, 8 paused, 2 interrupted")
    assert f"next   orch resume {run.suffix}" in lines


def test_best_as_yaml_says_where_it_comes_from(run):
    text = output("best")
    assert text == (
        f"# run {run.id}, trial 0, completed\n"
        "# valid_loss 0.1890 at epoch 27 of 27\n"
        "num_layers: 1\n"
        "hidden_size: 16\n"
        "learning_rate: 0.0001\n"
        "batch_size: 64\n"
    )


def test_best_is_the_same_in_every_format_and_inactive_parameters_are_absent(run):
    config = {"num_layers": 1, "hidden_size": 16, "learning_rate": 0.0001, "batch_size": 64}
    assert json.loads(output("best", "--format", "json")) == config
    assert tomllib.loads(output("best", "--format", "toml")) == config
    assert YAML(typ="safe").load(output("best", "--format", "yaml")) == config


def test_best_floats_come_back_exactly(make_run, monkeypatch):
    make_run(trials=3, epochs=30)
    rate = json.loads(output("best", "--format", "json"))["learning_rate"]
    for form, read in (("toml", tomllib.loads), ("yaml", YAML(typ="safe").load)):
        assert read(output("best", "--format", form))["learning_rate"] == rate


def test_runs_are_listed_newest_last_with_state_and_best(make_run):
    first = make_run(failing={12: 1})
    second = make_run(name="gru-asha", epochs=3, reason="stopped by you")
    third = make_run(epochs=0, reason="")
    rows = json.loads(output("runs", "--json"))
    assert [(row["run"], row["state"], row["done"], row["trials"]) for row in rows] == [
        (first.id, "finished", 46, 46),
        (second.id, "interrupted", 1, 46),
        (third.id, "interrupted", 0, 46),
    ]
    assert rows[0]["best"] == pytest.approx(1 / 28**0.5)
    assert rows[2]["best"] is None
    lines = output("runs").splitlines()
    assert lines[0].split() == ["run", "state", "trials", "best", "started"]
    assert lines[1].split()[:7] == [first.id, "finished", "46", "of", "46", "valid_loss", "0.1890"]
    assert lines[3].split()[5] == "-"


def test_a_damaged_run_hides_no_other(make_run):
    good = make_run(epochs=10)
    bad = make_run(epochs=10)
    (bad.path / "spec.yaml").write_text("a: [1")
    rows = {row["run"]: row for row in json.loads(output("runs", "--json"))}
    assert rows[good.id]["state"] in {"finished", "interrupted"}
    assert rows[bad.id]["state"] == "damaged"
    assert "spec.yaml" in rows[bad.id]["problem"]


def test_a_run_that_is_running_is_called_so_and_left_alone(make_run):
    run = make_run(epochs=30, reason="")
    with run.owned():
        assert json.loads(output("runs", "--json"))[0]["state"] == "running"
        assert not run.trials.exists()


def test_a_run_is_found_by_its_path_from_anywhere(run, tmp_path, monkeypatch):
    path = run.path.resolve()
    monkeypatch.chdir("/")
    assert output("best", str(path)).startswith(f"# run {RunFolder(path).id}, trial 0")


def test_a_damaged_table_is_made_anew(run):
    lines = output("show")
    run.trials.write_bytes(b"not parquet")
    assert output("show") == lines


def test_a_damaged_table_of_a_running_sweep_is_one_line(run):
    output("show")
    run.trials.write_bytes(b"not parquet")
    with run.owned():
        done = CliRunner().invoke(cli, ["show"])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: runs/{run.id}/trials.parquet: cannot be read: ")
    assert done.stderr.count("\n") == 1


AUTO = "auto a model of all epochs; one turn of halving (the default)"


def test_list_tells_what_a_sweep_can_be_made_of():
    found = json.loads(output("list", "--json"))
    assert list(found) == ["architectures", "strategies", "datasets", "sweeps"]
    assert {row["name"] for row in found["architectures"]} >= {"gru", "mlp"}
    assert all(10 < len(row["summary"]) <= 65 for row in found["architectures"])
    assert [row["name"] for row in found["strategies"]] == [
        "auto", "auto-stopping", "random", "grid", "asha", "asha-promotion", "hyperband",
        "async-hyperband", "median", "pbt", "hyperopt", "bohb", "bohb-asha",
    ]  # fmt: skip
    assert [row["name"] for row in found["strategies"] if row["default"]] == ["auto"]
    assert {row["name"] for row in found["sweeps"]} >= {"gru-bohb", "mlp-random"}
    lines = output("list").splitlines()
    assert lines[:3] == [
        "architectures",
        "  attention-gru  GRU layers, then self-attention with several heads.",
        "                 num_layers 1..4, hidden_size 16..256 powers of 2,",
    ]
    assert any(line.split() == AUTO.split() for line in lines)
