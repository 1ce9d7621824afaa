"""In what order the trials of a run rank, and which of them are on its Pareto front."""

from __future__ import annotations

from typing import Any

import polars as pl

from orchestrator.engine.objective import Mode, Objective
from orchestrator.engine.trial import FAILED, State
from searchspaces.dominance import front


def best_first(trials: pl.DataFrame, mode: Mode, *, at_target: bool = False) -> pl.DataFrame:
    """Trials in the order of their ranks.

    Failed trials come last. Of the others, those that keep the limits, if there are any, rank
    before those that do not, and among these the ones that break them by less, then the
    earlier ones. Of those that keep them completed trials rank first, however many epochs they
    took, then those that came further, then by objective; trials without a result come after
    all that have one.
    Where a target stopped the sweep, or none of them is completed, the objective alone counts.

    Args:
        trials: as they are written, in any order.
        mode: of the objective.
        at_target: one of them reached the target, and that stopped the sweep.
    """
    limited = "violation" in trials.columns
    broken = (pl.col("violation") > 0).fill_null(value=False) if limited else pl.lit(value=False)
    full = (pl.col("state") == State.COMPLETED.value).fill_null(value=False) & ~broken
    came = pl.when(full | broken).then(0).otherwise(-pl.col("epochs"))
    keys = [(pl.col("state").is_in([state.value for state in FAILED]), False)]
    if limited:
        keys.append((pl.col("violation"), False))
    if not at_target and trials.select(full.any()).item():
        keys += [(~full, False), (came, False)]
    objective = pl.when(~broken).then(pl.col("objective"))
    keys += [(objective, mode == "max"), (pl.col("number"), False)]
    by, descending = zip(*keys, strict=True)
    return trials.sort(by, descending=descending, nulls_last=True)


def leader(trials: pl.DataFrame) -> dict[str, Any] | None:
    """The row of the trial that ranks first; None if none has a result, or only failed ones."""
    row = None if trials.is_empty() else trials.row(0, named=True)
    return None if row is None or row["objective"] is None or row["state"] in FAILED else row


def winner(trials: pl.DataFrame) -> dict[str, Any] | None:
    """The row of the best trial; None if no trial has a result, or none keeps the limits."""
    row = leader(trials)
    return None if row is None or row.get("keeps") is False else row


def with_front(trials: pl.DataFrame, objective: Objective) -> pl.DataFrame:
    """The table of trials with a column ``front``: true on the front, null where none compares.

    Completed trials compare, at their best epochs by the first objective; not those that break
    a limit, nor those for which one of the metrics is not finite. What was stopped early is no
    point of comparison.

    Args:
        trials: as they are written.
        objective: with several goals.
    """
    columns = [f"metric.{each.metric}" for each in objective.goals]
    if any(name not in trials.columns for name in columns):
        return trials.with_columns(pl.lit(None, pl.Boolean).alias("front"))
    compares = pl.col("state") == State.COMPLETED.value
    for name in columns:
        compares &= pl.col(name).is_finite().fill_null(value=False)
    if "keeps" in trials.columns:
        compares &= pl.col("keeps").fill_null(value=False)
    rows = trials.select(compares.fill_null(value=False)).to_series().arg_true()
    signs = [1 if each.mode == "min" else -1 for each in objective.goals]
    points = trials[rows].select(
        pl.col(name) * sign for name, sign in zip(columns, signs, strict=True)
    )
    marks: list[bool | None] = [None] * len(trials)
    for row, is_on in zip(rows.to_list(), front(points.rows()), strict=True):
        marks[row] = is_on
    return trials.with_columns(pl.Series("front", marks, pl.Boolean))
