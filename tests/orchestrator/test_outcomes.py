"""Sweeps with limits on what trials report, and with several objectives: real journals, no Ray."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis import load_run
from orchestrator import Study, Sweep
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported
from orchestrator.runs.refresh import rebuild
from orchestrator.schedulers import Continue
from searchspaces import ConfigurationError, UsageError

SPACE = {
    "units": {"low": 1, "high": 100},
    "rate": {"low": 1e-3, "high": 1.0, "log": True},
    "kind": {"values": ["a", "b"]},
}
SEARCHERS = ("random", "sobol", "hyperopt", "bohb", "auto", "cmaes", "optuna-tpe")
STRATEGIES = ("asha", "asha-promotion", "hyperband", "random")


def reported(config: Any, epoch: int) -> dict[str, float]:
    """Larger is better and dearer; the limit on ``lag`` is kept from some epoch on."""
    units, rate = config["units"], config["rate"]
    loss = 3 / (1 + units / 20) + abs(math.log10(rate) + 2) / epoch + (config["kind"] == "b") * 0.1
    return {"valid_loss": loss, "weights": 10.0 * units, "lag": rate * 10 + 2 / epoch}


def made(seed: int = 0, strategy: str = "asha", **changes: Any) -> Sweep:
    said: dict[str, Any] = {"space": SPACE, "trials": 20, "epochs": 9, "seed": seed}
    return Sweep(f"ask-{strategy}", **{**said, **changes})


def go(study: Study, most: int = 10_000) -> int:
    """Run the study, for so many epochs at most; how many it told."""
    count = 0
    while count < most and (trial := study.ask()) is not None:
        for epoch in range(trial.epoch + 1, 10):
            answer = study.tell(trial, reported(trial.config, epoch))
            count += 1
            if count == most or not isinstance(answer, Continue):
                break
    return count


def test_the_best_trial_keeps_the_limits_whenever_any_does(tmp_path: Path) -> None:
    """Random sweeps by random bounds, some of which no config can keep."""
    random_, feasible, none = random.Random(5), 0, 0
    for seed in range(24):
        searcher = SEARCHERS[seed % len(SEARCHERS)]
        strategy = STRATEGIES[seed % len(STRATEGIES)]
        outcomes = [
            f"weights {random_.choice(['<', '<='])} {random_.choice([5, 30, 200, 600, 5000])}",
            f"lag <= {random_.choice([0.1, 0.5, 2, 9])}",
        ][: random_.choice([1, 2, 2])]
        sweep = made(seed, strategy, outcomes=outcomes, searcher={"kind": searcher})
        with sweep.ask_tell(tmp_path) as study:
            go(study)
            result = study.result()
        keeping = [
            entry.record.number
            for entry in read(study.run.journal)
            if isinstance(entry.record, EpochReported)
            and all(_keeps(entry.record.metrics, text) for text in outcomes)
        ]
        if keeping:
            feasible += 1
            row = result.trials.row(0, named=True)
            assert row["number"] in keeping
            assert row["keeps"]
            assert result.best is not None
            at = {"valid_loss": row["objective"], "weights": row["metric.weights"],
                  "lag": row["metric.lag"]}  # fmt: skip
            assert all(_keeps(at, text) for text in outcomes)  # its best epoch keeps them too
            assert load_run(study.run.path).best().number == row["number"]
        else:
            none += 1
            assert result.best is None
            assert not result.trials["keeps"].drop_nulls().any()
            assert load_run(study.run.path).best() is None
            least = result.trials["violation"].min()
            assert result.trials.item(0, "violation") == least
    assert feasible > 5
    assert none > 2


def _keeps(metrics: Any, text: str) -> bool:
    name, sign, bound = text.split()
    value = metrics[name]
    return value < float(bound) if sign == "<" else value <= float(bound)


def test_a_rung_sends_on_those_that_keep_the_limits_first(tmp_path: Path) -> None:
    """Nine trials in a bracket: the three that keep the limit go on, with the worst losses."""
    with made(strategy="hyperband", trials=9, outcomes="weights <= 3").ask_tell(tmp_path) as study:
        while (trial := study.ask()) is not None:
            for epoch in range(trial.epoch + 1, trial.until + 1):
                weights = 1.0 + trial.number
                study.tell(trial, {"valid_loss": 10.0 - trial.number, "weights": weights})
                del epoch
        trials = study.result().trials
    assert sorted(trials.filter(pl.col("epochs") > 1)["number"]) == [0, 1, 2]
    assert trials.item(0, "number") == 2
    assert trials["violation"].to_list() == [0, 0, 0, *(pytest.approx(k / 3) for k in range(1, 7))]


@pytest.mark.parametrize(
    ("strategy", "searcher", "objectives"),
    [
        ("asha-promotion", "auto", []),
        ("hyperband", "bohb", ["weights"]),
        ("asha-promotion", "auto", ["weights"]),
        ("asha-promotion", "hyperopt", ["weights", "lag"]),
        ("asha", "bohb", ["weights", "lag"]),
    ],
)
def test_a_sweep_that_was_cut_goes_on_as_if_it_had_not_been(
    tmp_path: Path, strategy: str, searcher: str, objectives: list[str]
) -> None:
    def sweep() -> Sweep:
        return made(3, strategy, objectives=objectives, outcomes=["lag < 3"],
                    searcher={"kind": searcher})  # fmt: skip

    with sweep().ask_tell(tmp_path / "whole") as whole:
        go(whole)
    with sweep().ask_tell(tmp_path / "parts") as study:
        go(study, 23)
    with Study.resume(runs=tmp_path / "parts") as again:
        go(again)
        one, other = whole.result().trials, again.result().trials
    same = [name for name in one.columns if name not in _OF_A_RUN]
    assert_frame_equal(one.select(same), other.select(same))


_OF_A_RUN = ("trial_id", "attempts", "seconds", "started_at", "ended_at")


def test_the_front_is_what_no_completed_trial_that_keeps_the_limits_beats(tmp_path: Path) -> None:
    for seed, mode in itertools.product(range(3), ("min", "max")):
        goals = ["weights", f"lag {mode}"]
        sweep = made(seed, "random", objectives=goals, outcomes=["lag < 6"], trials=30)
        with sweep.ask_tell(tmp_path) as study:
            go(study)
            trials = study.result().trials
        sign = 1 if mode == "min" else -1
        points = {
            row["number"]: (row["objective"], row["metric.weights"], sign * row["metric.lag"])
            for row in trials.rows(named=True)
            if row["state"] == "completed" and row["keeps"]
        }
        expected = {
            number
            for number, point in points.items()
            if not any(
                all(a <= b for a, b in zip(other, point, strict=True)) and other != point
                for other in points.values()
            )
        }
        assert 1 < len(expected) < len(points)
        assert set(trials.filter("front")["number"]) == expected
        assert set(trials.filter(pl.col("front").is_null())["number"]) == (
            set(range(30)) - set(points)
        )
        found = load_run(study.run.path)
        from analysis.pareto import pareto

        assert {int(found_) for found_ in pareto(found).numbers[list(pareto(found).on)]} == expected


def test_trials_that_were_stopped_early_are_on_no_front(tmp_path: Path) -> None:
    with made(1, "asha", objectives="weights").ask_tell(tmp_path) as study:
        go(study)
        trials = study.result().trials
    early = trials.filter(pl.col("state") == "pruned")
    assert len(early) > 5
    assert early["front"].null_count() == len(early)
    assert trials["front"].any()


def test_tables_are_the_same_when_they_are_made_anew_from_the_journal(tmp_path: Path) -> None:
    with made(1, objectives="weights", outcomes="lag < 4").ask_tell(tmp_path) as study:
        go(study)
    before = [pl.read_parquet(path) for path in (study.run.trials, study.run.epochs)]
    study.run.trials.unlink()
    rebuild(study.run)
    after = [pl.read_parquet(path) for path in (study.run.trials, study.run.epochs)]
    for one, other in zip(before, after, strict=True):
        assert_frame_equal(one, other)
    assert before[1]["keeps"].dtype == pl.Boolean


def test_a_sweep_that_says_nothing_of_it_has_neither_columns_nor_keys(tmp_path: Path) -> None:
    with made().ask_tell(tmp_path) as study:
        go(study)
    trials, epochs = pl.read_parquet(study.run.trials), pl.read_parquet(study.run.epochs)
    assert not {"keeps", "violation", "front"} & {*trials.columns, *epochs.columns}
    assert not {"objectives", "outcomes"} & set(made().spec.dump())
    assert not {"objectives", "outcomes"} & set(load_run(study.run.path).meta.raw)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"outcomes": ["weights"]},
         "outcomes.0: 'weights' is no limit. Write a metric, one of < <= > >=, and a number, such "
         "as 'weights < 50000'."),
        ({"objectives": ["weights", "lag most"]},
         "objectives.1: 'lag most' is no objective. Write a metric, and min or max behind it, "
         "such as 'weights min'."),
        ({"objectives": ["valid_loss"]}, "objectives.0: valid_loss is an objective already."),
        ({"objectives": ["accuracy min"]},
         "objectives.0: a small accuracy is a bad one. Give max."),
        ({"objectives": ["weights"], "scheduler": {"kind": "median"}},
         "scheduler: median compares trials by one loss, and there are 2 objectives. Take asha, "
         "async-hyperband, hyperband or fifo."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(**changes)
    assert str(caught.value) == line


def test_an_architecture_reports_no_other_metrics_than_it_does() -> None:
    with pytest.raises(UsageError) as caught:
        _ = Sweep("gru", outcomes=["weight < 50000"]).data
    assert str(caught.value).startswith("unknown metric 'weight'. Did you mean 'weights'? Known: ")
    with pytest.raises(UsageError, match="unknown metric 'latency'"):
        _ = Sweep("gru", objectives=["latency"]).data


def test_a_limit_on_what_nobody_reports_ends_the_sweep_with_a_line(tmp_path: Path) -> None:
    with (
        made(outcomes="latency < 5").ask_tell(tmp_path) as study,
        pytest.raises(UsageError, match="no metric 'latency' is reported"),
    ):
        go(study)


def test_a_spec_says_limits_and_objectives_as_they_are_read_again() -> None:
    spec = made(outcomes=["weights<5_0", "lag >= 1e-3"], objectives=["accuracy", "weights"]).spec
    dumped = spec.dump()
    assert dumped["outcomes"] == ["weights < 50", "lag >= 0.001"]
    assert dumped["objectives"] == ["accuracy max", "weights min"]
    assert Sweep(spec).spec == spec


@pytest.mark.parametrize("lacks", [{"objectives": ["weights"]}, {"outcomes": ["weights < 5"]}])
def test_an_epoch_without_one_of_the_metrics_is_not_written_down(
    tmp_path: Path, lacks: dict[str, list[str]]
) -> None:
    """Else the run could never go on, not even when whoever trains has mended that."""
    with made(strategy="random", trials=2, epochs=3, **lacks).ask_tell(tmp_path) as study:
        trial = study.ask()
        assert trial is not None
        with pytest.raises(ConfigurationError, match="no metric 'weights' is reported"):
            study.tell(trial, {"valid_loss": 1.0})
    with Study.resume(study.run) as again:
        go(again)
        assert again.finished
    assert again.result().epochs.height == 6
