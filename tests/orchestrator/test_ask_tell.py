"""Sweeps that a program of the user's runs, asked and told."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import load_run
from orchestrator import Study, Sweep, resume
from orchestrator.engine.journal import read
from orchestrator.engine.records import Closed, EpochRepeated, EpochReported
from orchestrator.runs.folder import RunBusyError
from orchestrator.runs.refresh import rebuild
from orchestrator.schedulers import Continue, Pause, Stop
from searchspaces import ConfigurationError, UsageError

SPACE = {"depth": {"low": 0.0, "high": 1.0}}


def made(strategy: str = "hyperband", **changes: Any) -> Sweep:
    return Sweep(f"ask-{strategy}", **{"space": SPACE, "trials": 9, "epochs": 9, **changes})


def loss(depth: float, epoch: int) -> float:
    return 1 - depth * (1 - math.exp(-epoch / 3))


def go(study: Study, most: int = 10_000) -> int:
    """Run the study as its user would, for so many epochs at most; the epochs told."""
    count = 0
    while count < most and (trial := study.ask()) is not None:
        for epoch in range(trial.epoch + 1, 10):
            answer = study.tell(trial, {"valid_loss": loss(trial.config["depth"], epoch)})
            count += 1
            if count == most or not isinstance(answer, Continue):
                break
    return count


def test_a_study_halves_as_a_sweep_does_and_leaves_the_same_folder(tmp_path: Path) -> None:
    """A bracket of nine: 9 at 1 epoch, 3 at 3, 1 at 9."""
    with made().ask_tell(tmp_path) as study:
        go(study)
        assert study.finished
        result = study.result()
    assert sorted(result.trials["epochs"].to_list()) == [1] * 6 + [3, 3, 9]
    assert result.trials["state"].to_list() == ["completed"] + ["pruned"] * 8
    assert result.best == {"depth": result.trials["config.depth"].max()}
    run = load_run(study.run.path)
    assert run.notes == ()
    assert_frame_equal(pl.read_parquet(study.run.epochs), result.epochs)
    last = list(read(study.run.journal))[-1].record
    assert isinstance(last, Closed)
    assert last.reason == "finished"


@pytest.mark.parametrize("most", [1, 4, 7, 12])
def test_a_study_that_was_left_goes_on_and_counts_nothing_twice(tmp_path: Path, most: int) -> None:
    with made().ask_tell(tmp_path / "whole") as whole:
        go(whole)
    with made().ask_tell(tmp_path / "parts") as study:
        go(study, most)
    assert load_run(study.run.path).notes != ()
    with Study.resume(runs=tmp_path / "parts") as again:
        go(again)
        assert again.finished
        parts = again.result()
    same = ["number", "epoch", "metric.valid_loss"]
    assert_frame_equal(parts.epochs.select(same), whole.result().epochs.select(same))
    records = [entry.record for entry in read(study.run.journal)]
    repeated = [record for record in records if isinstance(record, EpochRepeated)]
    assert all(record.same for record in repeated)
    assert sum(isinstance(record, EpochReported) for record in records) == parts.epochs.height


def test_several_trials_are_under_way_at_once(tmp_path: Path) -> None:
    with made("asha", trials=4).ask_tell(tmp_path) as study:
        trials = [study.ask() for _ in range(4)]
        assert study.ask() is None
        assert not study.finished
        answers = [study.tell(trial, {"valid_loss": n / 10}) for n, trial in enumerate(trials)]
        assert answers == [Continue(3), Stop(), Stop(), Stop()]


def test_failed_infeasible_and_complete_trials_are_told(tmp_path: Path) -> None:
    with made("random", trials=4).ask_tell(tmp_path) as study:
        first, second, third, fourth = (study.ask() for _ in range(4))
        study.fail(first, "it broke\nin two")
        study.fail(second, "too large", infeasible=True)
        study.tell(third, {"valid_loss": 0.5})
        study.complete(third, "enough")
        answer = study.tell(fourth, {"valid_loss": 0.4, "f1": 0.9}, finished="converged")
        assert answer == Stop()
        assert study.finished
        trials = study.result().trials
    assert trials.sort("number").select("state", "error", "note").rows() == [
        ("failed", "it broke in two", None),
        ("infeasible", "too large", None),
        ("completed", None, "enough"),
        ("completed", None, "converged"),
    ]
    assert trials["number"].to_list()[0] == 3
    assert trials["metric.f1"].to_list()[0] == 0.9


def test_what_makes_no_sense_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    with made(trials=9).ask_tell(tmp_path) as study:
        trial = study.ask()
        assert trial is not None
        before = study.run.journal.joinpath("000001.log").stat().st_size
        with pytest.raises(UsageError, match="trial 0 was told to epoch 0 and runs to 1: epoch 2"):
            study.tell(trial, {"valid_loss": 1.0}, epoch=2)
        with pytest.raises(UsageError, match="yielded 'x' as 'valid_loss', which is no number"):
            study.tell(trial, {"valid_loss": "x"})
        with pytest.raises(ConfigurationError, match="no metric 'valid_loss' is reported"):
            study.tell(trial, {"val_loss": 1.0})
        with pytest.raises(UsageError, match="was told no epoch"):
            study.complete(trial)
        with pytest.raises(RunBusyError):
            Study.resume(study.run)
        assert study.run.journal.joinpath("000001.log").stat().st_size == before
        assert study.tell(trial, {"valid_loss": 1.0}) == Pause()
        with pytest.raises(UsageError, match=r"trial 0 is paused. Call ask\(\) for one to run."):
            study.tell(trial, {"valid_loss": 1.0})


def test_a_sweep_that_names_nothing_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as failure:
        made().run(tmp_path / "runs")
    assert str(failure.value) == (
        "architecture: nothing is named that trains. Ask for its trials: Sweep(...).ask_tell()."
    )
    assert not (tmp_path / "runs").exists()


def test_the_space_of_an_architecture_can_be_asked(tmp_path: Path) -> None:
    with Sweep("mlp-asha", trials=2, epochs=3).ask_tell(tmp_path) as study:
        trial = study.ask()
        assert trial is not None
        assert {"h1", "depth", "learning_rate"} <= set(trial.config)


def test_what_is_told_of_an_architecture_is_a_metric_whatever_its_name(tmp_path: Path) -> None:
    """orch does not train it, so what is called ``weights`` is the program's own."""
    with Sweep("mlp-random", trials=1, epochs=1).ask_tell(tmp_path) as study:
        trial = study.ask()
        assert trial is not None
        study.tell(trial, {"valid_loss": 0.5, "weights": 1e20, "epoch_seconds": 0.25})
        result = study.result()
    rebuild(study.run)
    for trials in (result.trials, pl.read_parquet(study.run.trials)):
        shown = trials.select("weights", "metric.weights", "metric.epoch_seconds")
        assert shown.rows() == [(None, 1e20, 0.25)]


def test_a_study_on_a_network_s_space_is_not_trained_by_a_resume(tmp_path: Path) -> None:
    with Sweep("mlp-random", trials=4, epochs=2).ask_tell(tmp_path) as study:
        trial = study.ask()
        assert trial is not None
        study.tell(trial, {"valid_loss": 1.0})
    with pytest.raises(UsageError) as failure:
        resume(study.run)
    assert str(failure.value) == (
        f"run {study.run.id} is asked for its trials. Go on with it from Python: "
        f"Study.resume({str(study.run.path)!r})."
    )
