"""What happened at each rung of each bracket, and which trials no rung had picked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.fidelity import IntArray, ended, reached
from analysis.load import Run


@dataclass(frozen=True)
class Stage:
    """A rung of all brackets that started at the same epoch.

    Attributes:
        first: the epoch of those brackets' first rung.
        brackets: how many they are.
        epoch: of this rung.
        entered: trials with a result on the way to it.
        promoted: those that went on beyond it.
        completed: those that were done there.
        stopped: those pruned there.
        failed: those that failed on the way to it.
        waiting: those that were under way or paused when the tables were written.
    """

    first: int
    brackets: int
    epoch: int
    entered: int
    promoted: int
    completed: int
    stopped: int
    failed: int
    waiting: int


def bracket_of(run: Run) -> IntArray:
    """Index of each trial's bracket, 0 where the tables do not say: shape (trials,)."""
    found = np.zeros(len(run.trials), dtype=np.int64)
    if "bracket" in run.epochs.columns and len(run.epochs):
        known = run.epochs.select("number", pl.col("bracket").fill_null(0)).unique(
            "number", keep="last", maintain_order=True
        )
        rows = np.searchsorted(run.trials["number"].to_numpy(), known["number"].to_numpy())
        found[rows] = known["bracket"].cast(pl.Int64).to_numpy()
    return found


def unpicked(run: Run, early: int, late: int) -> NDArray[np.bool_]:
    """Trials that reached ``late`` and were not picked from ``early`` on: bool (trials,).

    A bracket that let no trial go at ``early`` or between the two picked none there: all
    its trials went on, good or bad. Of the others only the good ones did.
    """
    ends, bracket = ended(run), bracket_of(run)
    completed = (run.trials["state"] == "completed").fill_null(value=False).to_numpy()
    let_go = ~run.failed & ~completed & (ends >= early) & (ends < late)
    return np.asarray((reached(run) >= late) & ~np.isin(bracket, np.unique(bracket[let_go])))


def stages(run: Run) -> tuple[Stage, ...]:
    """Rungs of the brackets, those that start earliest first; failures before epoch 1 are left out.

    Without a column ``rung`` a trial heads for the next of ``run.meta.rungs``.
    """
    if not len(run.epochs):
        return ()
    places = _places(run)
    levels = places.group_by("bracket", "rung").agg(pl.col("last").max().alias("epoch"))
    # A rung at which every trial failed on the way is still one of the run's.
    rungs = np.array(sorted({*run.meta.rungs, run.meta.max_epochs}))
    at = np.minimum(np.searchsorted(rungs, levels["epoch"].to_numpy()), len(rungs) - 1)
    levels = levels.with_columns(pl.Series("epoch", rungs[at], dtype=pl.Int64))
    firsts = levels.group_by("bracket").agg(pl.col("epoch").min().alias("first"))
    places = places.join(levels, on=["bracket", "rung"]).join(firsts, on="bracket")
    here = ~pl.col("on")
    failed = pl.col("state").is_in(["failed", "infeasible"])
    counts = (
        places.group_by("first", "epoch")
        .agg(
            pl.len().alias("entered"),
            pl.col("on").sum().alias("promoted"),
            (here & (pl.col("state") == "completed")).sum().alias("completed"),
            (here & (pl.col("state") == "pruned")).sum().alias("stopped"),
            (here & failed).sum().alias("failed"),
            (here & ~failed & ~pl.col("state").is_in(["completed", "pruned"]))
            .sum()
            .alias("waiting"),
        )
        .join(firsts.group_by("first").agg(pl.len().alias("brackets")), on="first")
        .sort("first", "epoch")
    )
    return tuple(Stage(**{key: int(value) for key, value in row.items()})
                 for row in counts.iter_rows(named=True))  # fmt: skip


def _places(run: Run) -> pl.DataFrame:
    """A row a trial and rung it was in: number, state, bracket, rung, last epoch, went on."""
    epochs = run.epochs
    if "rung" not in epochs.columns or epochs["rung"].null_count():
        rungs = np.array(run.meta.rungs)
        index = np.searchsorted(rungs, epochs["epoch"].to_numpy())
        epochs = epochs.with_columns(pl.Series("rung", index, dtype=pl.Int64))
    brackets = pl.DataFrame({"number": run.trials["number"], "bracket": bracket_of(run)})
    return (
        epochs.group_by("number", "rung")
        .agg(pl.col("epoch").max().alias("last"))
        .with_columns((pl.col("rung") < pl.col("rung").max().over("number")).alias("on"))
        .join(brackets, on="number")
        .join(run.trials.select("number", pl.col("state").fill_null("")), on="number")
    )
