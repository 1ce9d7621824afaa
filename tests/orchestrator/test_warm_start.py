"""``--warm-start``: results of an earlier run, told before the first suggestion."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from orchestrator import Study, Sweep
from orchestrator.cli.main import cli
from orchestrator.cli.view.outline import outline_of
from orchestrator.cluster.placing import place
from orchestrator.engine.earlier import Seen
from orchestrator.runs.folder import RunFolder, RunNotFoundError, all_runs
from orchestrator.runs.warm_start import TABLE, collected, knowledge_of
from orchestrator.schedulers import Continue
from searchspaces import ConfigurationError, OrchError

SPACE = {"x": {"low": 0.0, "high": 1.0}, "k": {"low": 1, "high": 8}}
NEW = {"x": {"low": 0.0, "high": 0.7}, "new": {"low": 0.0, "high": 1.0}}
KILLED = """
import os, signal, sys
from orchestrator import Sweep
from orchestrator.schedulers import Continue

left = 7
sweep = Sweep("ask-bohb", space={"x": {"low": 0.0, "high": 0.7}, "new": {"low": 0.0, "high": 1.0}},
              trials=12, epochs=9, points=[{"x": 0.11}], warm_start=[sys.argv[2]])
with sweep.ask_tell(sys.argv[1]) as study:
    while (trial := study.ask()) is not None:
        for epoch in range(trial.epoch + 1, 10):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            loss = (trial.config["x"] - 0.3) ** 2 + 1 / epoch
            if not isinstance(study.tell(trial, {"valid_loss": loss}), Continue):
                break
"""


def made(strategy: str = "bohb", **changes: Any) -> Sweep:
    return Sweep(f"ask-{strategy}", **{"space": SPACE, "trials": 12, "epochs": 9, **changes})


def go(study: Study, most: int = 1000, *, failing: bool = True) -> None:
    """Run so many trials at most; every sixth fails at its second epoch."""
    while most and (trial := study.ask()) is not None:
        most -= 1
        for epoch in range(trial.epoch + 1, 10):
            if failing and trial.number % 6 == 5 and epoch == 2:
                study.fail(trial, "out of memory")
                break
            loss = (trial.config["x"] - 0.3) ** 2 + 1 / epoch
            if not isinstance(study.tell(trial, {"valid_loss": loss}), Continue):
                break


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of 12 trials, two of which failed."""
    with made("asha").ask_tell(tmp_path_factory.mktemp("earlier")) as study:
        go(study)
        return study.run


def test_a_searcher_is_told_what_it_would_have_been_told(before: RunFolder) -> None:
    """Losses at the rungs 1, 3 and 9, the least so far; infinity where a trial failed."""
    epochs = pl.read_parquet(before.epochs)
    trials = pl.read_parquet(before.trials).sort("number")
    earlier = collected(made(warm_start=before.id).spec, before.path.parent, None)
    assert [trial.number for trial in earlier] == list(range(-12, 0))
    for trial, row in zip(earlier, trials.iter_rows(named=True), strict=True):
        assert trial.values == {"x": row["config.x"], "k": row["config.k"]}
        its = epochs.filter(pl.col("number") == row["number"]).sort("epoch")
        reached = [epoch for epoch in (1, 3, 9) if epoch <= len(its)]
        expected = [Seen(epoch, min(its["metric.valid_loss"][:epoch])) for epoch in reached]
        if row["state"] == "failed":
            expected.append(Seen(len(its) + 1, float("inf")))
        assert list(trial.seen) == expected
    assert set(trials["state"]) == {"completed", "pruned", "failed"}


def test_a_searcher_that_looks_on_the_way_is_told_what_it_would_have_seen(
    before: RunFolder,
) -> None:
    losses = pl.read_parquet(before.epochs)
    for trial in collected(made("auto", warm_start=before.id).spec, before.path.parent, None):
        its = losses.filter(pl.col("number") == trial.number + 12)["metric.valid_loss"]
        finite = [seen for seen in trial.seen if seen.loss < float("inf")]
        assert [seen.epoch for seen in finite] == [e for e in (1, 2, 3, 5, 9) if e <= len(its)]
        assert [seen.loss for seen in finite] == [min(its[: seen.epoch]) for seen in finite]


def test_nothing_is_told_beyond_the_last_epoch_of_the_new_sweep(before: RunFolder) -> None:
    short = made("random", epochs=2, warm_start=before.id)
    earlier = collected(short.spec, before.path.parent, None)
    assert {seen.epoch for trial in earlier for seen in trial.seen} == {1, 2}
    longer = collected(made(epochs=81, warm_start=before.id).spec, before.path.parent, None)
    assert max(seen.epoch for trial in longer for seen in trial.seen) == 9


def test_a_run_goes_on_without_the_earlier_one(before: RunFolder, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(before.path, runs / before.id)
    with made(warm_start=[before.id[-4:]], trials=6).ask_tell(runs) as study:
        assert study.run.spec().warm_start == (before.id,)
        told = knowledge_of(study.run, study.run.spec())
        go(study, 2)
    shutil.rmtree(runs / before.id)
    with Study.resume(study.run.id, runs=runs) as again:
        assert knowledge_of(again.run, again.run.spec()) == told
        assert len(told.earlier) == 12
        go(again)
        assert again.finished
    (study.run.path / TABLE).unlink()
    with pytest.raises(OrchError) as caught:
        Study.resume(study.run.id, runs=runs)
    assert str(caught.value) == (
        f"{study.run.path / TABLE}: cannot be read (it is gone). It holds the "
        f"earlier results that run {study.run.id} began with: restore it, or start a new sweep."
    )


def test_a_killed_run_gives_the_configs_of_one_that_was_not(
    before: RunFolder, tmp_path: Path
) -> None:
    again = made(space=NEW, points=[{"x": 0.11}], warm_start=str(before.path))
    with again.ask_tell(tmp_path / "whole") as study:
        go(study, failing=False)
        whole = study.result().trials.sort("number")
    words = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(before.path)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    with Study.resume(runs=tmp_path / "killed") as study:
        assert 5 < study.result().trials.height < 12
        go(study, failing=False)
        killed = study.result().trials.sort("number")
    columns = ["number", "state", "epochs", "enqueued", "objective", "config.x", "config.new"]
    assert killed.select(columns).equals(whole.select(columns))
    assert killed["enqueued"].to_list() == [True] + [False] * 11
    assert killed["config.x"][0] == 0.11


def test_configs_that_were_tried_are_not_tried_again_and_a_point_is(tmp_path: Path) -> None:
    small = {"k": {"low": 1, "high": 6}}

    def configs(sweep: Sweep) -> list[int]:
        with sweep.ask_tell(tmp_path) as study:
            while (trial := study.ask()) is not None:
                study.tell(trial, {"valid_loss": float(trial.config["k"])})
            return study.result().trials.sort("number")["config.k"].to_list()

    first = configs(made("random", space=small, trials=3, epochs=1))
    run = all_runs(tmp_path)[-1].id
    then = configs(made("random", space=small, trials=9, epochs=1, warm_start=run))
    assert sorted(first + then) == [1, 2, 3, 4, 5, 6]
    point = configs(
        made("random", space=small, trials=2, epochs=1, warm_start=run, points=[{"k": first[0]}])
    )
    assert point[0] == first[0]
    assert point[1] not in first


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"metric": "accuracy"},
            "sought valid_loss min, not accuracy max",
        ),
        (
            {"dataset": "digits"},
            "trained on no data set, not digits",
        ),
        (
            {"outcomes": ["f1 > 0.5"]},
            "does not know a metric (no metric 'f1' is reported",
        ),
    ],
)
def test_results_that_cannot_be_compared_are_refused(before: RunFolder, changes, why) -> None:
    sweep = made(**changes, warm_start=before.id)
    with pytest.raises(ConfigurationError) as caught:
        collected(sweep.spec, before.path.parent, None)
    assert str(caught.value).startswith(f"warm_start: run {before.id} {why}")
    assert str(caught.value).endswith(
        ": its results cannot be compared with those to come. Leave it out, or sweep as it did."
    )


def test_a_run_that_is_not_there_or_there_twice_is_refused(before: RunFolder) -> None:
    runs = before.path.parent
    with pytest.raises(RunNotFoundError, match=r"^no run 'nope' in "):
        made(warm_start="nope").ask_tell(runs)
    with pytest.raises(ConfigurationError) as caught:
        made(warm_start=[before.id, before.id[-4:]]).ask_tell(runs)
    assert str(caught.value) == f"warm_start.1: run {before.id} is there twice. Name it once."
    assert len(all_runs(runs)) == 1  # nothing was begun
    plan = ["sweep", "gru", "--dry-run", "--runs", str(runs), "--warm-start"]
    done = CliRunner().invoke(cli, [*plan, "nope"])
    assert done.exit_code == 2
    assert done.output.startswith("error: no run 'nope' in ")
    assert CliRunner().invoke(cli, [*plan, before.id]).exit_code == 0
    with pytest.raises(ConfigurationError) as caught:
        made("random", searcher={"kind": "grid"}, warm_start=before.id)
    assert str(caught.value) == (
        "warm_start: grid lays all its configs out at the start, and learns from no result. Leave "
        "the earlier runs out, or take another searcher."
    )


def test_how_much_of_an_earlier_run_counts_is_said(before: RunFolder) -> None:
    runs = before.path.parent
    inside = pl.read_parquet(before.trials).filter(pl.col("config.x") <= 0.5).height
    narrow = {"x": {"low": 0.0, "high": 0.5}, "new": {"low": 0.0, "high": 1.0}}
    line = f"{inside} of 12 trials of {before.id} lie in this space"
    assert 0 < inside < 12
    assert made(space=narrow, warm_start=before.id).warm_start(runs) == [line]
    assert made("random", space=narrow, warm_start=before.id).warm_start(runs) == [
        f"{line} (random does not learn, but tries none of them again)"
    ]
    assert made().warm_start(runs) == []


def test_what_lies_outside_counts_once_the_space_is_wide_again(before: RunFolder) -> None:
    """The table has every trial, since a space can be edited while a sweep runs."""
    narrow = {"x": {"low": 0.0, "high": 0.5}, "k": {"low": 1, "high": 8}}
    runs = before.path.parent
    spec = made(space=narrow, warm_start=before.id).spec
    assert len(collected(spec, runs, None)) == 12


def test_a_run_that_was_imported_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_text(
        "x,k,valid_loss,state\n0.25,3,0.5,COMPLETE\n0.5,4,0.25,COMPLETE\n0.75,3,,FAIL\n"
    )
    words = ["import", "csv", "old.csv", "--metric", "valid_loss", "--mode", "min"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    [run] = all_runs(Path("runs"))
    earlier = collected(made(warm_start=run.id).spec, Path("runs"), None)
    assert [(trial.values, trial.seen) for trial in earlier] == [
        ({"x": 0.25, "k": 3}, (Seen(1, 0.5),)),
        ({"x": 0.5, "k": 4}, (Seen(1, 0.25),)),
        ({"x": 0.75, "k": 3}, (Seen(1, float("inf")),)),
    ]


def test_groups_and_lists_of_an_earlier_run_are_what_they_were(tmp_path: Path) -> None:
    space = {"optim": {"rate": {"low": 0.0, "high": 1.0}}, "widths": {"values": [[3, 3], [5]]}}
    with made("random", space=space, trials=3, epochs=1).ask_tell(tmp_path) as study:
        configs = []
        while (trial := study.ask()) is not None:
            configs.append(dict(trial.config))
            study.tell(trial, {"valid_loss": 1.0})
    again = made("random", space=space, trials=3, epochs=1, warm_start=study.run.id)
    assert again.warm_start(tmp_path) == [
        f"3 of 3 trials of {study.run.id} lie in this space (random does not learn, but tries none "
        f"of them again)"
    ]
    earlier = collected(again.spec, tmp_path, None)
    assert [again.spec.joint.validate(trial.values) for trial in earlier] == configs


def test_numbers_beside_texts_are_what_they_were(tmp_path: Path) -> None:
    values = ["none", True, 1e-5, -3.5e-10, 1e16, 0.1, 1 / 3, -0.0, 2**60 + 1]
    space = {"decay": {"values": values}}
    with made("random", space=space, trials=9, epochs=1).ask_tell(tmp_path) as study:
        while (trial := study.ask()) is not None:
            study.tell(trial, {"valid_loss": float(trial.config["decay"] != 1e-5)})
        assert study.result().best == {"decay": 1e-5}
    searcher = {"kind": "random", "repeats": True}
    again = made(space=space, searcher=searcher, epochs=9, warm_start=study.run.id)
    told = [trial.values["decay"] for trial in collected(again.spec, tmp_path, None)]
    assert {(type(value), value) for value in told} == {(type(value), value) for value in values}


class Here:
    """This machine in the place of a cluster's head: the same shell script unpacks the run."""

    address = "here"

    def run(self, *words: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        how["stdin"] = how.pop("input")
        return subprocess.run(words, check=False, capture_output=True, **how)


def test_a_run_brings_what_it_was_told_to_a_cluster(before: RunFolder, tmp_path: Path) -> None:
    with made(warm_start=str(before.path)).ask_tell(tmp_path / "runs") as study:
        go(study, 2)
    there = RunFolder(tmp_path / "there" / study.run.id)
    place(study.run, Here(), str(there.path))  # type: ignore[arg-type]  # as far as it is asked
    told = knowledge_of(there, there.spec())
    assert len(told.earlier) == 12
    assert told == knowledge_of(study.run, study.run.spec())


def test_a_sweep_on_the_line_begins_with_an_earlier_run_and_points(
    before: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one with a real Ray."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    (tmp_path / "warm_own.py").write_text(
        "def train(config):\n    yield {'valid_loss': config['x']}\n"
    )
    (tmp_path / "points.yaml").write_text("x: 0.625\n")
    space = "space={x: {low: 0.0, high: 1.0, prior: 0.3}, k: {low: 1, high: 8}}"
    words = ["sweep", "warm_own:train", "--trials", "3", "--epochs", "1", "--search", "bohb"]
    words += ["--warm-start", str(before.path), "--points", "points.yaml", "--set", space]
    done = CliRunner().invoke(cli, [*words, "--no-check", "--concurrency", "1"])
    assert done.exit_code == 0, done.output
    assert f"warm start: 12 of 12 trials of {before.id} lie in this space\n" in done.output
    [run] = all_runs(tmp_path / "runs")
    trials = pl.read_parquet(run.trials).sort("number")
    assert trials["config.x"][0] == 0.625
    assert trials["enqueued"].to_list() == [True, False, False]
    assert (run.path / TABLE).is_file()
    meta = json.loads(pl.read_parquet_metadata(run.trials)["orch"])
    assert meta["parameters"]["x"]["prior"] == 0.3


def test_a_space_that_was_tried_whole_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    space = {"k": {"low": 1, "high": 3}}
    with made("random", space=space, epochs=1).ask_tell(tmp_path) as study:
        while (trial := study.ask()) is not None:
            study.tell(trial, {"valid_loss": 1.0})
    again = made("random", space=space, epochs=1, warm_start=study.run.id)
    with pytest.raises(ConfigurationError, match="every config of the space was tried before"):
        again.ask_tell(tmp_path)
    assert [run.id for run in all_runs(tmp_path)] == [study.run.id]


def test_the_plan_says_how_many_trials_earlier_runs_and_points_leave(tmp_path: Path) -> None:
    """By hand, of six configs: five, then two of those as points and the sixth, then a point."""
    small = {"k": {"low": 1, "high": 6}}

    def configs(expected: int, **changes: Any) -> tuple[list[int], RunFolder]:
        sweep = made("random", space=small, epochs=1, **changes)
        with sweep.ask_tell(tmp_path) as study:
            assert outline_of(sweep.spec, study.run).trials == expected
            while (trial := study.ask()) is not None:
                study.tell(trial, {"valid_loss": float(trial.config["k"])})
        meta = json.loads(pl.read_parquet_metadata(study.run.trials)["orch"])
        assert meta["trials"] == expected
        return study.result().trials.sort("number")["config.k"].to_list(), study.run

    tried, first = configs(5, trials=5)
    [left] = {1, 2, 3, 4, 5, 6} - {*tried}
    points = [{"k": k} for k in tried[:2]]
    found, _ = configs(3, trials=4, points=points, warm_start=[first.id])
    assert found == [*tried[:2], left]
    found, second = configs(1, trials=4, warm_start=[first.id])
    assert found == [left]
    both = [first.id, second.id]
    found, last = configs(1, trials=4, points=points[:1], warm_start=both)
    assert found == tried[:1]
    (last.path / TABLE).unlink()
    assert outline_of(last.spec(), last).trials == 4  # nobody knows any more
