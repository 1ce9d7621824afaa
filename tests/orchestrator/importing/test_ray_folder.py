"""Ray Tune's files, whole and damaged, without Ray."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest

from orchestrator.importing.ray_tune import read_ray
from searchspaces.errors import UsageError


def states(foreign):
    return {trial.name[-1]: trial.state.value for trial in foreign.trials}


def test_the_state_file_and_the_furthest_iteration_say_how_trials_ended(experiment):
    experiment.trial(0, {"lr": 0.1}, [3, 2, 1])
    experiment.trial(1, {"lr": 0.2}, [5])
    experiment.trial(2, {"lr": 0.3}, [4, 4], status="ERROR", error="ValueError: broken")
    experiment.trial(3, {"lr": 0.4}, [4], status="RUNNING")
    experiment.trial(4, {"lr": 0.5}, [], status="PENDING")
    experiment.trial(5, {"lr": 0.6}, [6, 5, 4], error="RuntimeError: of a first attempt")
    foreign = read_ray(experiment.path)
    assert states(foreign) == {
        "0": "completed", "1": "pruned", "2": "failed", "3": "interrupted", "5": "completed",
    }  # fmt: skip
    assert [trial.error for trial in foreign.trials] == [
        None, None, "ValueError: broken", None, None,
    ]  # fmt: skip
    assert foreign.max_epochs == 3
    assert (foreign.metric, foreign.mode) == ("valid_loss", "min")
    assert foreign.chosen == "recorded by the sweep; min guessed from its name"
    assert foreign.skipped == ("1 trial that never began",)
    first = foreign.trials[0]
    assert (first.number, first.seconds, first.node) == (0, 3.0, "box")
    assert (first.started_at, first.ended_at) == (1000.0, 1003.0)
    assert foreign.epochs.row(2, named=True) == {
        "trial": 0, "epoch": 3, "epoch_seconds": 1.0, "total_seconds": 3.0,
        "reported_at": datetime.fromtimestamp(1003, UTC), "metric.valid_loss": 1.0,
    }  # fmt: skip


def test_without_a_state_file_error_and_done_say_it(experiment):
    experiment.trial(0, {"lr": 0.1}, [3, 2, 1], status=None)
    experiment.trial(1, {"lr": 0.1}, [3], status=None)
    experiment.trial(2, {"lr": 0.1}, [3], status=None, error="OSError: gone")
    experiment.trial(3, {"lr": 0.1}, [3], status=None, done=True)
    foreign = read_ray(experiment.path)
    assert states(foreign) == {"0": "completed", "1": "interrupted", "2": "failed", "3": "pruned"}
    assert foreign.chosen == "the only one; min guessed from its name"


def test_nested_names_are_joined_and_objects_are_left_out(experiment):
    config = {
        "model": {"lr": 0.1, "sizes": [1, 2]}, "none": None, "empty": {},
        "fun": "<function f at 0x7f32491b84a0>", "cls": "<class '__main__.C'>",
        "pickled": {"_type": "CLOUDPICKLE_FALLBACK", "value": "80055d942e"},
    }  # fmt: skip
    experiment.trial(0, config, [1], eval={"acc": 0.5}, flag=True)
    foreign = read_ray(experiment.path)
    assert foreign.trials[0].config == {"model/lr": 0.1, "model/sizes": "[1, 2]"}
    assert foreign.metrics == ["valid_loss", "eval/acc"]
    assert foreign.skipped == ("fun, cls, pickled: Python objects are no parameters",)


def test_a_torn_last_line_is_counted_and_a_repeated_iteration_counts_once(experiment):
    folder = experiment.trial(0, {"lr": 0.1}, [3, 2, 1])
    rows = (folder / "result.json").read_text().splitlines()
    again = json.loads(rows[1]) | {"valid_loss": 7.5}
    (folder / "result.json").write_text("\n".join([*rows, json.dumps(again), rows[2][:40]]))
    foreign = read_ray(experiment.path)
    assert foreign.epochs.sort("epoch")["metric.valid_loss"].to_list() == [3.0, 7.5, 1.0]
    assert foreign.skipped == (
        "1 line of results that cannot be read",
        "1 result of iterations that ran again: the last counts",
    )


def test_a_result_file_cut_at_any_byte_still_gives_the_lines_before_the_cut(experiment):
    folder = experiment.trial(0, {"lr": 0.1}, [3, 2])
    whole = (folder / "result.json").read_bytes()
    first = whole.index(b"\n")
    for cut in range(first + 1, len(whole), 7):
        (folder / "result.json").write_bytes(whole[:cut])
        assert read_ray(experiment.path).epochs["metric.valid_loss"][0] == 3.0


def test_values_that_are_not_finite_are_null(experiment):
    experiment.trial(0, {"lr": 0.1}, [1.0, float("nan"), float("inf")])
    assert read_ray(experiment.path).epochs["metric.valid_loss"].to_list() == [1.0, None, None]


def test_progress_csv_stands_in_for_a_missing_result_json(experiment):
    folder = experiment.trial(0, {"lr": 0.1}, [])
    (folder / "result.json").unlink()
    (folder / "progress.csv").write_text(
        "valid_loss,training_iteration,done,trial_id,config/lr\n"
        "2.5,1,False,ab12f_00000,0.1\n1.5,2,True,ab12f_00000,0.1\n0.5,3"
    )
    (folder / "params.json").unlink()
    foreign = read_ray(experiment.path)
    assert foreign.epochs["metric.valid_loss"].to_list() == [2.5, 1.5]
    assert foreign.trials[0].config == {"lr": 0.1}
    assert foreign.skipped == ("1 line of results that cannot be read",)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_no_pickle_is_opened(experiment, monkeypatch):
    monkeypatch.setattr(pickle, "load", pytest.fail)
    folder = experiment.trial(0, {"lr": 0.1}, [1], status="ERROR", error="E: x")
    for path in (experiment.path / "tuner.pkl", folder / "params.pkl", folder / "error.pkl"):
        path.write_bytes(pickle.dumps(Bomb()))
    (folder / "error.txt").unlink()
    assert read_ray(experiment.path).trials[0].error == "Ray kept no reason"


def refused(path, **how):
    with pytest.raises(UsageError) as error:
        read_ray(path, **how)
    return str(error.value).replace(str(path.parent), "X")


def test_what_is_no_experiment_is_refused_with_the_way_out(experiment, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "empty") == (
        "X/empty is no Ray Tune experiment: no folder in it has a params.json or result.json."
    )
    assert refused(tmp_path / "file") == "X/file is a file. Give the folder of an experiment."
    assert refused(tmp_path / "no") == (
        "no folder X/no. Give an experiment's: orch import ray ~/ray_results/NAME"
    )
    folder = experiment.trial(0, {"lr": 0.1}, [1])
    assert refused(folder) == f"X/{folder.name} is a single trial. Give its experiment: X"
    assert refused(tmp_path) == (
        f"X/{tmp_path.name} holds an experiment: exp. Give one: X/{tmp_path.name}/exp"
    )


def test_an_objective_that_nobody_recorded_has_to_be_named(experiment):
    experiment.trial(0, {"lr": 0.1}, [1], status=None, speed=3)
    assert refused(experiment.path, metric="sped") == (
        "--metric: no trial reports 'sped'. There are: speed, valid_loss."
    )
    assert refused(experiment.path, metric="speed") == (
        "--mode: whether speed is to be small or large does not show in its name. "
        "Give --mode min or --mode max."
    )
    assert read_ray(experiment.path, metric="speed", mode="max").chosen == "as you said"
