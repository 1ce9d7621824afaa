"""Sweeps from Python, on the digits, with a real Ray."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import orchestrator
from analysis.load import load_run
from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import JournalError, read, segment_path
from orchestrator.engine.records import Closed, EpochReported, Opened, Record
from orchestrator.runs.folder import RunBusyError, RunFolder
from orchestrator.runs.refresh import rebuild, refresh
from orchestrator.spec import SweepSpec
from orchestrator.sweep import Result, Sweep
from searchspaces import UnknownNameError, UsageError

SMALL: dict[str, Any] = {
    "trials": 5,
    "epochs": 3,
    "concurrency": 2,
    "space": {"h1": 8, "h2": 8, "depth": 1},
    "training": {"batch_size": 256},
}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished sweep."""
    runs = tmp_path_factory.mktemp("sweep") / "runs"
    return orchestrator.run("mlp-hyperband", runs=runs, **SMALL)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_sweep_returns_its_best_config_and_both_tables(done: Result) -> None:
    """Three trials of the first bracket, one goes on; two of the second run to the end."""
    assert done.stopped is None
    assert sorted(done.trials["epochs"].to_list()) == [1, 1, 3, 3, 3]
    assert done.trials["state"].to_list() == ["completed"] * 3 + ["pruned"] * 2
    full = done.trials.head(3)["objective"]
    assert full.to_list() == sorted(full)
    assert done.epochs.height == 11
    best = done.best
    assert best is not None
    assert best["learning_rate"] == done.trials["config.learning_rate"][0]
    assert {name: best[name] for name in ("h1", "depth", "batch_size")} == {
        "h1": 8, "depth": 1, "batch_size": 256,
    }  # fmt: skip
    for row in done.trials.to_dicts():
        losses = done.epochs.filter(pl.col("number") == row["number"])[
            "metric.valid_loss"
        ].to_list()
        assert row["objective"] == min(losses) == row["metric.valid_loss"]
        assert row["best_epoch"] == losses.index(min(losses)) + 1


def test_the_run_folder_is_complete_and_fresh(done: Result) -> None:
    names = sorted(path.name for path in done.run.path.iterdir())
    assert names == sorted(
        ["spec.yaml", "journal", "checkpoints", "trials.parquet", "epochs.parquet", "owner.lock"]
    )
    run = load_run(done.run.path)
    assert run.notes == ()
    assert run.meta.finished
    last = list(read(done.run.journal))[-1]
    assert run.meta.raw["journal"]["sequence"] == last.sequence
    assert isinstance(last.record, Closed)
    assert_frame_equal(pl.read_parquet(done.run.trials), done.trials)
    assert_frame_equal(pl.read_parquet(done.run.epochs), done.epochs)
    assert done.run.provenance()["versions"].keys() >= {"python", "ray", "torch"}
    kept = sorted(path.parent.name for path in done.run.checkpoints.rglob("*.safetensors"))
    assert kept == sorted(done.trials.filter(pl.col("state") == "completed")["trial_id"])


def test_tables_rebuilt_from_the_journal_are_those_of_the_live_run(done: Result) -> None:
    before = contents(done.run.path)
    refresh(done.run)
    assert contents(done.run.path) == before
    rebuild(done.run)
    for path, frame in ((done.run.trials, done.trials), (done.run.epochs, done.epochs)):
        assert_frame_equal(pl.read_parquet(path), frame)
        old = pl.read_parquet_metadata(Path(path))["orch"]
        rebuilt = json.loads(old)
        assert rebuilt["journal"]["records"] == len(list(read(done.run.journal)))


def test_resuming_a_finished_run_changes_nothing(done: Result) -> None:
    before = contents(done.run.path)
    again = orchestrator.resume(done.run)
    assert contents(done.run.path) == before
    assert_frame_equal(again.trials, done.trials)
    assert again.best == done.best
    assert again.stopped is None


def test_a_run_that_somebody_owns_is_refused(done: Result) -> None:
    before = contents(done.run.path)
    with done.run.owned(), pytest.raises(RunBusyError):
        orchestrator.resume(done.run.id, runs=done.run.path.parent)
    assert contents(done.run.path) == before


class Watch:
    """Does something at the first epoch that fits."""

    def __init__(self, number: int, epoch: int, act: Any) -> None:
        self.wanted = (number, epoch)
        self.act = act

    def __call__(self, folder: RunFolder, spec: SweepSpec) -> Watch:
        return self

    def note(self, record: Record) -> None:
        if isinstance(record, EpochReported) and (record.number, record.epoch) == self.wanted:
            self.wanted = (-1, -1)
            self.act()

    def tick(self) -> None: ...


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_sweep_has_tables_of_all_it_reported_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.engine.controller.TICK_SECONDS", 0.0)  # heard at once
    sweep = Sweep("mlp-random", **{**SMALL, "epochs": 8, "trials": 3, "concurrency": 1})
    with pytest.raises(KeyboardInterrupt):
        sweep.run(tmp_path, watch=Watch(0, 2, interrupt))
    [folder] = [RunFolder(path) for path in tmp_path.iterdir()]
    assert not folder.is_owned()
    reported = [e.record for e in read(folder.journal) if isinstance(e.record, EpochReported)]
    epochs = pl.read_parquet(folder.epochs)
    assert sorted(epochs.select("number", "epoch").rows()) == sorted(
        (record.number, record.epoch) for record in reported
    )
    assert set(pl.read_parquet(folder.trials)["state"]) == {"interrupted"}
    assert load_run(folder.path).notes == (f"the sweep is not finished; orch resume {folder.path}",)

    inbox = Inbox(folder.inbox)
    stopped = orchestrator.resume(
        folder, watch=Watch(1, 4, lambda: inbox.put(StopRun("enough"))), inbox=inbox
    )
    assert stopped.stopped == StopRun("enough")
    result = orchestrator.resume(str(folder.path))
    assert result.trials["state"].to_list() == ["completed"] * 3
    assert result.epochs.select("number", "epoch").rows() == [
        (number, epoch) for number in range(3) for epoch in range(1, 9)
    ]
    opened = [e.record for e in read(folder.journal) if isinstance(e.record, Opened)]
    assert len(opened) == 3
    assert load_run(folder.path).notes == ()


def test_training_goes_on_exactly_as_if_never_interrupted(tmp_path: Path) -> None:
    changes = {**SMALL, "epochs": 6, "trials": 2, "concurrency": 1, "checkpoint_seconds": 0.001}
    whole = orchestrator.run("mlp-random", runs=tmp_path / "whole", **changes)
    with pytest.raises(KeyboardInterrupt):
        Sweep("mlp-random", **changes).run(tmp_path / "parts", watch=Watch(0, 3, interrupt))
    parts = orchestrator.resume(runs=tmp_path / "parts")
    same = ["number", "epoch", "metric.train_loss", "metric.valid_loss", "metric.accuracy"]
    assert_frame_equal(parts.epochs.select(same), whole.epochs.select(same), check_exact=True)
    assert parts.best == whole.best


def test_a_damaged_journal_is_told_and_the_tables_stay_as_they_are(
    done: Result, tmp_path: Path
) -> None:
    import shutil

    copy = RunFolder(Path(shutil.copytree(done.run.path, tmp_path / done.run.id)))
    path = segment_path(copy.journal, 1)
    path.write_bytes(path.read_bytes().replace(b"valid_loss", b"valid_lost", 1))
    before = contents(copy.path)
    with pytest.raises(JournalError) as failure:
        orchestrator.resume(copy)
    assert failure.value.path == path
    assert contents(copy.path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mlp-hyperbnad", {}), "unknown sweep 'mlp-hyperbnad'. Did you mean 'mlp-hyperband'?"),
        (("mlp", {"trials": 0}), "trials: 0 is not greater than or equal to 1."),
        (("mlp", {"dataset": "digts"}), "unknown data set 'digts'. Did you mean 'digits'?"),
        (("mlp", {"metric": "val_loss"}), "unknown metric 'val_loss'. Did you mean 'valid_loss'?"),
    ],
)
def test_what_can_be_refused_is_refused_before_there_is_a_folder(
    tmp_path: Path, arguments: tuple[str, dict[str, Any]], said: str
) -> None:
    name, changes = arguments
    with pytest.raises((UsageError, UnknownNameError)) as failure:
        orchestrator.run(name, runs=tmp_path / "runs", **changes)
    assert str(failure.value).startswith(said)
    assert failure.value.exit_code == 2
    assert not (tmp_path / "runs").exists()
