"""Which numbers that a trial reports have columns of orch's own, and which are the user's."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import EpochReported, Opened, Record, TrialStarted, Verdict
from orchestrator.names import compose
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.tables import RunTables
from orchestrator.spec import spec_from

REPORTED: dict[str, float | None] = {"valid_loss": 0.5, "weights": 1e20, "epoch_seconds": 0.25}


def noted(tables: RunTables, metrics: dict[str, float | None], **config: Any) -> RunTables:
    """One trial of one epoch."""
    tables.note(TrialStarted(0, config, 7, 0, 1, 1.0))
    tables.note(EpochReported(0, 1, 1, metrics, 9.5, "n", 2.0, Verdict("stop")))
    return tables


@pytest.mark.parametrize("weights", [0.37, 1e20, -1e300, None])
def test_what_a_user_calls_weights_is_a_metric_of_any_size(weights: float | None) -> None:
    tables = RunTables(
        name=str,
        objective=Objective("valid_loss", "min"),
        max_epochs=1,
        parameters={},
        meta={},
        trains=False,
    )
    for frame in noted(tables, {**REPORTED, "weights": weights}).frames(owned=False):
        assert frame["metric.weights"].to_list() == [weights]
        assert frame["metric.epoch_seconds"].to_list() == [0.25]
    trials, epochs = tables.frames(owned=False)
    assert trials["weights"].to_list() == [None]
    assert trials.schema["weights"] == pl.Int64
    assert epochs["epoch_seconds"].to_list() == [9.5]


@pytest.mark.parametrize(
    ("name", "asked", "own"),
    [("gru-asha", False, True), ("gru-asha", True, False), ("ask-asha", True, False)],
)
def test_orch_hides_only_what_it_reports_itself(
    folder: RunFolder, name: str, asked: bool, own: bool
) -> None:
    changes = {"space": {"depth": {"low": 0.0, "high": 1.0}}} if name == "ask-asha" else {}
    spec = spec_from(compose(name), {"trials": 1, "epochs": 1, **changes})
    tables = tables_of(folder, spec, split="", asked=asked)
    trials, epochs = noted(tables, {**REPORTED, "weights": 1234.0}).frames(owned=False)
    assert trials["weights"].to_list() == [1234 if own else None]
    for frame in (trials, epochs):
        hidden = {"metric.weights", "metric.epoch_seconds"} - set(frame.columns)
        assert len(hidden) == (2 if own else 0)


def test_a_journal_of_before_says_that_orch_trains() -> None:
    line = b'{"type":"opened","at":1.0,"host":"h","pid":1,"versions":{}}'
    assert msgspec.json.decode(line, type=Record) == Opened(1.0, "h", 1, {}, asked=False)
