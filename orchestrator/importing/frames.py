"""The two tables of a run, made of a sweep that orch did not run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from orchestrator.importing.domains import Column
from orchestrator.importing.foreign import Foreign, ForeignTrial
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.ranking import best_first
from orchestrator.runs.tables import EPOCHS, TRIALS


def frames(
    run: RunFolder, foreign: Foreign, columns: Mapping[str, Column]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Trials, best first, and epochs as the two tables of a run hold them."""
    numbers = _numbers(foreign.trials)
    known = pl.DataFrame(
        {"trial": range(len(numbers)), "number": numbers,
         "trial_id": [run.trial_id(number) for number in numbers]},
        schema={"trial": pl.Int64, "number": pl.Int64, "trial_id": pl.String},
    )  # fmt: skip
    epochs = foreign.epochs.join(known, on="trial").sort("number", "epoch")
    metrics = [f"metric.{name}" for name in foreign.metrics]
    kept = epochs.with_columns(pl.lit(1, pl.Int64).alias("attempt"))
    kept = kept.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in EPOCHS.items() if name not in kept
    )
    objective = f"metric.{foreign.metric}"
    best = (
        epochs.drop_nulls(objective)
        .sort([objective, "epoch"], descending=[foreign.mode == "max", False])
        .unique("number", keep="first", maintain_order=True)
        .select("number", pl.col("epoch").alias("best_epoch"),
                pl.col(objective).alias("objective"), *metrics)
    )  # fmt: skip
    came = epochs.group_by("number").agg(pl.col("epoch").max().alias("epochs"))
    rows = pl.DataFrame(
        [_row(trial, number, run) for trial, number in zip(foreign.trials, numbers, strict=True)],
        schema={key: dtype for key, dtype in TRIALS.items() if key not in
                {"epochs", "objective", "best_epoch"}} | {"original_id": pl.String},
    )  # fmt: skip
    configs = [
        pl.Series(f"config.{name}", found.values, dtype=found.dtype, strict=False)
        for name, found in columns.items()
    ]
    trials = (
        rows.with_columns(configs)
        .join(came, on="number", how="left")
        .join(best, on="number", how="left")
        .with_columns(pl.col("epochs").fill_null(0))
    )
    config = [name for name in trials.columns if name.startswith("config.")]
    order = [*TRIALS, "original_id", *config, *metrics]
    return best_first(trials, foreign.mode).select(order), kept.select(*EPOCHS, *metrics)


def _row(trial: ForeignTrial, number: int, run: RunFolder) -> dict[str, Any]:
    return {
        "trial_id": run.trial_id(number),
        "number": number,
        "state": trial.state.value,
        "attempts": 1,
        "seconds": trial.seconds,
        "error": trial.error,
        "repeat": 0,
        "space_version": 1,
        "node": trial.node,
        "started_at": _time(trial.started_at),
        "ended_at": _time(trial.ended_at),
        "original_id": trial.name,
    }


def _numbers(trials: tuple[ForeignTrial, ...]) -> list[int]:
    """The trials' own numbers, if every one has its own; else their places."""
    own = [trial.number for trial in trials if trial.number is not None]
    return own if len(set(own)) == len(trials) else list(range(len(trials)))


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
