"""The two tables of a run, value by value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Checkpoint,
    Closed,
    EpochRepeated,
    EpochReported,
    Metrics,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.runs import packed
from orchestrator.runs import tables as tables_module
from orchestrator.runs.describe import column_types
from orchestrator.runs.errors import UnwritableError
from orchestrator.runs.tables import RunTables
from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
)

T0 = 1_795_000_000.25
STOP, PAUSE = Verdict("stop"), Verdict("pause")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 + seconds, UTC)


def started(number: int, *, bracket: int = 0, **config: Any) -> TrialStarted:
    return TrialStarted(number, config, 100 + number, bracket, 1, T0 + number)


def epoch(
    number: int, epoch: int, loss: float | None, *, attempt: int = 1, **more: Any
) -> EpochReported:
    metrics: Metrics = {
        "valid_loss": loss,
        "accuracy": epoch / 10,
        "epoch_seconds": 9.9,
        "weights": 1234.0,
        **more.pop("metrics", {}),
    }
    seconds = 0.5 * epoch
    return EpochReported(number, attempt, epoch, metrics, seconds, "n1", T0 + epoch, **more)


def make(
    mode: Any = "min", *, parameters: dict[str, Any] | None = None, max_epochs: int = 3
) -> RunTables:
    return RunTables(
        name="ab12-{:04d}".format,
        objective=Objective("valid_loss", mode),
        max_epochs=max_epochs,
        parameters=parameters or {"depth": pl.Float64},
        meta={"run": "r", "metric": "valid_loss"},
    )


def noted(tables: RunTables, *records: Record) -> RunTables:
    for record in records:
        tables.note(record)
    return tables


RECORDS: list[Record] = [
    started(0, depth=0.25),
    epoch(0, 1, 0.9, verdict=PAUSE),
    started(1, depth=0.5),
    epoch(1, 1, 0.8, verdict=PAUSE),
    started(2, bracket=1, depth=0.75),
    TrialPruned(0, T0 + 10),
    TrialResumed(1, 1, 3, True, T0 + 11),
    epoch(1, 2, 0.4),
    TrialResumed(1, 2, 3, False, T0 + 12, "the driver ended"),
    EpochRepeated(1, 2, 2, True, 1.0, T0 + 13),
    epoch(1, 3, 0.6, attempt=2, verdict=STOP),
    epoch(2, 1, 0.1),
    TrialEnded(2, "failed", "loss became nan", T0 + 14),
    started(3, bracket=1, depth=1.0),
    epoch(3, 1, 0.7),
]


def test_every_value_of_the_trials_table() -> None:
    trials, _ = noted(make(), *RECORDS).frames(owned=False)
    rows = {row["number"]: row for row in trials.to_dicts()}
    same = {
        "enqueued": False,
        "repeat": 0,
        "fold": None,
        "parent": None,
        "space_version": 1,
        "node": "n1",
        "weights": 1234,
    }
    assert rows[1] == {
        "trial_id": "ab12-0001",
        "number": 1,
        "state": "completed",
        "attempts": 2,
        "epochs": 3,
        "objective": 0.4,
        "best_epoch": 2,
        "seconds": 0.5 + 1.0 + 1.5,  # the epoch that ran again is not counted
        "error": None,
        "note": None,
        "seed": 101,
        "started_at": at(1),
        "ended_at": at(3),
        "config.depth": 0.5,
        "metric.valid_loss": 0.4,
        "metric.accuracy": 0.2,
        **same,
    }
    assert rows[0] == {
        **rows[1],
        "trial_id": "ab12-0000",
        "number": 0,
        "state": "pruned",
        "attempts": 1,
        "epochs": 1,
        "objective": 0.9,
        "best_epoch": 1,
        "seconds": 0.5,
        "seed": 100,
        "started_at": at(0),
        "ended_at": at(10),
        "config.depth": 0.25,
        "metric.valid_loss": 0.9,
        "metric.accuracy": 0.1,
    }
    assert (rows[2]["state"], rows[2]["error"]) == ("failed", "loss became nan")
    assert (rows[2]["objective"], rows[2]["ended_at"]) == (0.1, at(14))
    assert (rows[3]["state"], rows[3]["ended_at"], rows[3]["error"]) == ("interrupted", None, None)


def test_every_value_of_the_epochs_table() -> None:
    _, epochs = noted(make(), *RECORDS).frames(owned=False)
    shown = ["number", "attempt", "epoch", "epoch_seconds", "total_seconds", "bracket", "rung"]
    assert epochs.select(shown).rows() == [
        (0, 1, 1, 0.5, 0.5, 0, 0),
        (1, 1, 1, 0.5, 0.5, 0, 0),
        (1, 1, 2, 1.0, 1.5, 0, 1),
        (1, 2, 3, 1.5, 3.0, 0, 1),
        (2, 1, 1, 0.5, 0.5, 1, 0),
        (3, 1, 1, 0.5, 0.5, 1, 0),
    ]
    assert epochs["reported_at"].to_list() == [at(epoch) for epoch in (1, 1, 2, 3, 1, 1)]
    assert epochs["metric.valid_loss"].to_list() == [0.9, 0.8, 0.4, 0.6, 0.1, 0.7]
    assert epochs["trial_id"].unique(maintain_order=True).to_list() == [
        f"ab12-{number:04d}" for number in range(4)
    ]


def test_the_columns_of_schema_1_are_these() -> None:
    time = pl.Datetime("us", "UTC")
    trials, epochs = noted(make(), *RECORDS).frames(owned=False)
    assert tables_module.SCHEMA == 1
    assert dict(trials.schema) == {
        "trial_id": pl.String,
        "number": pl.Int64,
        "state": pl.String,
        "attempts": pl.Int64,
        "epochs": pl.Int64,
        "objective": pl.Float64,
        "best_epoch": pl.Int64,
        "seconds": pl.Float64,
        "weights": pl.Int64,
        "error": pl.String,
        "note": pl.String,
        "seed": pl.Int64,
        "enqueued": pl.Boolean,
        "repeat": pl.Int64,
        "fold": pl.Int64,
        "parent": pl.String,
        "space_version": pl.Int64,
        "node": pl.String,
        "started_at": time,
        "ended_at": time,
        "config.depth": pl.Float64,
        "metric.valid_loss": pl.Float64,
        "metric.accuracy": pl.Float64,
    }
    assert dict(epochs.schema) == {
        "trial_id": pl.String,
        "number": pl.Int64,
        "attempt": pl.Int64,
        "epoch": pl.Int64,
        "epoch_seconds": pl.Float64,
        "total_seconds": pl.Float64,
        "reported_at": time,
        "bracket": pl.Int64,
        "rung": pl.Int64,
        "metric.valid_loss": pl.Float64,
        "metric.accuracy": pl.Float64,
    }
    empty_trials, empty_epochs = make().frames(owned=True)
    assert dict(empty_trials.schema).items() <= dict(trials.schema).items()
    assert list(empty_epochs.columns) == list(epochs.columns)[:9]


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_trials_are_ranked_by_how_far_they_came_and_then_by_their_objective(
    mode: str, sign: int
) -> None:
    tables = make(mode)
    ends: dict[int, tuple[int, float | None]] = {
        0: (3, 0.5), 1: (3, 0.3), 2: (1, 0.1), 3: (2, 0.2), 4: (3, 0.5), 5: (2, 0.15), 6: (0, None),
    }  # fmt: skip
    for number, (last, loss) in ends.items():
        tables.note(started(number, depth=0.0))
        for index in range(1, last + 1):
            value = sign * (loss or 0.0)
            tables.note(epoch(number, index, value, verdict=STOP if index == last else None))
    for number, (last, state) in {7: (2, "failed"), 8: (1, "infeasible"), 9: (0, "failed")}.items():
        tables.note(started(number, depth=0.0))
        for index in range(1, last + 1):
            tables.note(epoch(number, index, sign * 0.01))
        tables.note(TrialEnded(number, state, "why", T0))  # type: ignore[arg-type]
    trials, _ = tables.frames(owned=True)
    assert trials["number"].to_list() == [1, 0, 4, 5, 3, 2, 6, 7, 8, 9]
    assert trials["state"].to_list() == [
        *["completed"] * 3,
        *["pruned"] * 3,
        "running",
        "failed",
        "infeasible",
        "failed",
    ]
    assert trials["objective"].to_list()[:2] == [sign * 0.3, sign * 0.5]


def test_the_trial_that_reached_the_target_is_the_first_although_it_ran_no_further() -> None:
    """And where none is completed the least objective is, whoever came further."""
    tables = noted(make(), started(0, depth=0.0), started(1, depth=0.0), started(2, depth=0.0))
    noted(tables, epoch(0, 1, 0.9), epoch(0, 2, 0.8), epoch(1, 1, 0.5))
    assert tables.frames(owned=True)[0]["number"].to_list() == [1, 0, 2]
    noted(tables, epoch(0, 3, 0.7, verdict=STOP))
    assert tables.frames(owned=True)[0]["number"].to_list() == [0, 1, 2]
    noted(tables, epoch(2, 1, 0.2), Closed(T0, "target 0.3 is reached", limit="target"))
    assert tables.frames(owned=False)[0]["number"].to_list() == [2, 1, 0]
    noted(tables, TrialResumed(2, 2, 3, False, T0))
    assert tables.frames(owned=True)[0]["number"].to_list() == [0, 2, 1]


def test_trials_that_are_done_early_rank_among_the_completed_ones_and_say_why() -> None:
    tables = noted(
        make(max_epochs=9),
        started(0, depth=0.0),
        *(epoch(0, index, 0.5, verdict=STOP if index == 9 else None) for index in range(1, 10)),
        started(1, depth=0.0),
        epoch(1, 1, 0.4),
        epoch(1, 2, 0.45, finished="no better for 1 epochs"),
        started(2, depth=0.0),
        epoch(2, 1, 0.6),
        TrialEnded(2, "completed", "the function returned", T0 + 20),
        started(3, depth=0.0),
        epoch(3, 1, 0.1, verdict=STOP),
    )
    trials, _ = tables.frames(owned=True)
    shown = ["number", "state", "epochs", "objective", "best_epoch", "error", "note"]
    assert trials.select(shown).rows() == [
        (1, "completed", 2, 0.4, 1, None, "no better for 1 epochs"),
        (0, "completed", 9, 0.5, 1, None, None),
        (2, "completed", 1, 0.6, 1, None, "the function returned"),
        (3, "pruned", 1, 0.1, 1, None, None),
    ]
    assert trials["ended_at"].to_list()[2] == at(20)


def test_a_running_trial_is_interrupted_when_nobody_owns_the_run() -> None:
    tables = noted(
        make(), started(0, depth=0.0), started(1, depth=0.0), epoch(1, 1, 0.5, verdict=PAUSE)
    )
    for owned, states in ((True, ["paused", "running"]), (False, ["paused", "interrupted"])):
        trials, _ = tables.frames(owned=owned)
        assert trials.sort("state", descending=False)["state"].to_list() == sorted(states)


def test_the_rung_rises_with_every_decision_to_go_on() -> None:
    tables = noted(
        make(max_epochs=9),
        started(0, depth=0.0),
        epoch(0, 1, 0.9, verdict=Verdict("continue", 3)),
        epoch(0, 2, 0.8),
        epoch(0, 3, 0.7, verdict=PAUSE),
        TrialResumed(0, 1, 9, True, T0),
        TrialResumed(0, 2, 9, False, T0),
        epoch(0, 4, 0.6, attempt=2),
    )
    assert tables.frames(owned=True)[1]["rung"].to_list() == [0, 1, 1, 2]


def test_which_config_trained_which_epoch_is_seen_where_configs_change() -> None:
    tables = RunTables(
        name="7f3a-{:04d}".format,
        objective=Objective("valid_loss", "min"),
        max_epochs=4,
        parameters={"depth": pl.Float64},
        meta={},
        varied=("depth",),
    )
    copy = Checkpoint("0/002-000002", 2, "", 0)
    for record in (
        started(0, depth=0.1),
        epoch(0, 1, 0.9),
        epoch(0, 2, 0.8, verdict=PAUSE),
        TrialCloned(0, 5, 2, {"depth": 0.3}, copy, T0),
        TrialResumed(0, 2, 4, True, T0),
        epoch(0, 3, 0.4, attempt=2),
        epoch(0, 4, 0.5, attempt=2, verdict=STOP),
    ):
        tables.note(record)
    trials, epochs = tables.frames(owned=True)
    assert epochs.select("epoch", "attempt", "parent", "config.depth").rows() == [
        (1, 1, None, 0.1),
        (2, 1, None, 0.1),
        (3, 2, "7f3a-0005", 0.3),
        (4, 2, "7f3a-0005", 0.3),
    ]
    assert trials.select("best_epoch", "attempts", "parent", "config.depth").row(0) == (
        3, 2, "7f3a-0005", 0.3,
    )  # fmt: skip


@pytest.mark.parametrize("pack", [1, 2, 3, 5, 1000])
def test_packing_changes_nothing(monkeypatch: pytest.MonkeyPatch, pack: int) -> None:
    expected = noted(make(), *RECORDS).frames(owned=False)
    monkeypatch.setattr(packed, "PACK", pack)
    tables = make()
    for record in RECORDS:
        tables.note(record)
        tables.frames(owned=True)  # looking changes nothing either
    for frame, same in zip(tables.frames(owned=False), expected, strict=True):
        assert_frame_equal(frame, same)


@pytest.mark.parametrize("pack", [1, 2, 1000])
def test_a_metric_that_appears_late_is_null_before(
    monkeypatch: pytest.MonkeyPatch, pack: int
) -> None:
    monkeypatch.setattr(packed, "PACK", pack)
    tables = noted(
        make(),
        started(0, depth=0.0),
        epoch(0, 1, 0.9),
        epoch(0, 2, 0.8, metrics={"f1": 0.5}),
        epoch(0, 3, 0.9, verdict=STOP, metrics={"f1": None, "gap": 0.1}),
        started(1, depth=0.0),
        epoch(1, 1, 0.7, verdict=STOP),
    )
    trials, epochs = tables.frames(owned=False)
    assert epochs["metric.f1"].to_list() == [None, 0.5, None, None]
    assert epochs["metric.gap"].to_list() == [None, None, 0.1, None]
    assert trials["metric.f1"].to_list() == [0.5, None]
    assert epochs.columns[9:] == [f"metric.{n}" for n in ("valid_loss", "accuracy", "f1", "gap")]


class OddSpace(SearchSpace):
    mixed: ChoiceParam = Choice((1, "two", 2.5, False))
    flags: ChoiceParam = Choice((True, False))
    sizes: ChoiceParam = Choice((1, 2))
    rates: ChoiceParam = Choice((1, 0.5))
    width: IntParam = Int(1, 8)
    rate: FloatParam = Float(0.0, 1.0, when={"flags": (True,)})
    fixed: FloatParam = 1
    text: ChoiceParam = "gelu"


class NoTraining(SearchSpace):
    pass


def test_a_config_s_columns_have_the_type_of_its_parameters() -> None:
    types = column_types(JointSpace(OddSpace(), NoTraining()))
    assert types == {
        "mixed": pl.String,
        "flags": pl.Boolean,
        "sizes": pl.Int64,
        "rates": pl.Float64,
        "width": pl.Int64,
        "rate": pl.Float64,
        "fixed": pl.Float64,
        "text": pl.String,
    }
    tables = make(parameters=types)
    configs: list[dict[str, Any]] = [
        {"mixed": 1, "flags": True, "sizes": 1, "rates": 1, "width": 3, "rate": 1.0},
        {"mixed": "two", "flags": False, "sizes": 2, "rates": 0.5, "width": 8},
        {"mixed": False, "flags": False, "sizes": 2, "rates": 0.5, "width": 8},
    ]
    for number, config in enumerate(configs):
        tables.note(started(number, **config, fixed=1, text="gelu"))
    trials, _ = tables.frames(owned=True)
    assert trials.sort("number").select(r"^config\..*$").rows() == [
        ("1", True, 1, 1.0, 3, 1.0, 1.0, "gelu"),
        ("two", False, 2, 0.5, 8, None, 1.0, "gelu"),
        ("false", False, 2, 0.5, 8, None, 1.0, "gelu"),
    ]


def test_both_files_say_what_they_are(tmp_path: Path) -> None:
    tables = noted(make(), *RECORDS)
    tables.write(tmp_path, owned=True, sequence=77)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epochs.parquet", "trials.parquet"]
    for name in ("trials", "epochs"):
        metadata = pl.read_parquet_metadata(tmp_path / f"{name}.parquet")
        assert json.loads(metadata["orch"]) == {
            "schema": 1,
            "run": "r",
            "metric": "valid_loss",
            "journal": {"records": len(RECORDS), "sequence": 77},
            "finished": False,
            "owned": True,
            "paused": False,
        }
    assert_frame_equal(pl.read_parquet(tmp_path / "trials.parquet"), tables.frames(owned=True)[0])
    assert_frame_equal(pl.read_parquet(tmp_path / "epochs.parquet"), tables.frames(owned=True)[1])


@pytest.mark.parametrize(
    ("last", "finished"),
    [
        ([], False),
        ([Closed(T0, "finished")], True),
        ([Closed(T0, "stopped by you")], False),
        ([Closed(T0, "finished"), started(9, depth=0.0)], False),
    ],
)
def test_a_run_is_finished_when_its_last_record_says_so(
    tmp_path: Path, last: list[Record], finished: bool
) -> None:
    tables = noted(make(), started(0, depth=0.0), TrialEnded(0, "failed", "x", T0), *last)
    tables.write(tmp_path, owned=False, sequence=1)
    metadata = pl.read_parquet_metadata(tmp_path / "trials.parquet")
    assert json.loads(metadata["orch"])["finished"] is finished


def test_tables_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "epochs.parquet").mkdir()
    (tmp_path / "epochs.parquet" / "x").touch()
    with pytest.raises(UnwritableError) as failure:
        make().write(tmp_path, owned=False, sequence=0)
    assert str(failure.value) == f"{tmp_path}/epochs.parquet: cannot be written: Is a directory."
