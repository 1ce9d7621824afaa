"""Runs given as curves: tables as the orchestrator writes them, without training anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from analysis.load import Meta, Run

BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def run_of(curves: list[list[float]], **changes: Any) -> Run:
    """A run whose trial k has the losses ``curves[k]``, one an epoch, without times.

    ``states`` and ``brackets`` have an entry a trial; what else is given replaces fields of
    its ``Meta``.
    """
    longest = max((len(curve) for curve in curves), default=1)
    rungs = changes.pop("rungs", (longest,))
    states = changes.pop("states", None) or [
        "completed" if len(curve) == rungs[-1] else "pruned" for curve in curves
    ]
    brackets = changes.pop("brackets", None) or [0] * len(curves)
    columns = {
        "number": [n for n, curve in enumerate(curves) for _ in curve],
        "epoch": [e for curve in curves for e in range(1, len(curve) + 1)],
        "bracket": [brackets[n] for n, curve in enumerate(curves) for _ in curve],
        "metric.loss": [float(x) for curve in curves for x in curve],
    }
    firsts = _firsts(curves, states, brackets, rungs)
    columns["rung"] = [
        sum(firsts[brackets[n]] <= rung < e for rung in rungs)
        for n, curve in enumerate(curves)
        for e in range(1, len(curve) + 1)
    ]
    meta = Meta("1121-x-0000", "loss", "min", rungs[-1], len(curves), rungs, (), True, {})
    trials = pl.DataFrame(
        {
            "trial_id": [f"0000-{n:04d}" for n in range(len(curves))],
            "number": list(range(len(curves))),
            "state": states,
            "epochs": [len(curve) for curve in curves],
        },
        schema_overrides={
            "trial_id": pl.String,
            "number": pl.Int64,
            "state": pl.String,
            "epochs": pl.Int64,
        },
    )
    epochs = pl.DataFrame(columns, schema_overrides={"number": pl.Int64, "epoch": pl.Int64,
                                                     "bracket": pl.Int64, "rung": pl.Int64,
                                                     "metric.loss": pl.Float64})  # fmt: skip
    return Run(Path("runs/1121-x-0000"), trials, epochs, replace(meta, **changes))


def _firsts(
    curves: list[list[float]], states: list[str], brackets: list[int], rungs: tuple[int, ...]
) -> dict[int, int]:
    """Epoch of each bracket's first rung: the earliest at which it let a trial go."""
    found = dict.fromkeys(brackets, rungs[-1])
    for curve, state, bracket in zip(curves, states, brackets, strict=True):
        if state == "pruned":
            found[bracket] = min(found[bracket], len(curve))
    return found


def timed(run: Run, reported: list[list[float]], seconds: float = 1.0) -> Run:
    """The run with times.

    Args:
        run: without times.
        reported: a list a trial: seconds since ``BEGAN`` at which its epochs were over.
        seconds: that each epoch took.
    """

    def at(name: str, times: list[float]) -> pl.Series:
        moments = [BEGAN + timedelta(seconds=time) for time in times]
        return pl.Series(name, moments, dtype=pl.Datetime("us", "UTC"))

    trials = run.trials.with_columns(
        at("started_at", [times[0] - seconds for times in reported]),
        at("ended_at", [times[-1] for times in reported]),
    )
    epochs = run.epochs.with_columns(
        pl.lit(seconds).alias("epoch_seconds"),
        (pl.col("epoch") * seconds).alias("total_seconds"),
        at("reported_at", [time for times in reported for time in times]),
    )
    return replace(run, trials=trials, epochs=epochs)


def halved(losses: np.ndarray, rungs: tuple[int, ...], sizes: tuple[int, ...]) -> Run:
    """A run of successive halving to a third; bracket b starts ``sizes[b]`` trials at rung b.

    Args:
        losses: of every trial at every epoch, shape (trials, epochs).
        rungs: epochs, each three times the one before.
        sizes: their sum is the number of trials.
    """
    ends, brackets, start = [0] * len(losses), [0] * len(losses), 0
    for bracket, size in enumerate(sizes):
        alive = list(range(start, start + size))
        start += size
        for rung in rungs[bracket:]:
            for number in alive:
                ends[number], brackets[number] = rung, bracket
            best = np.minimum.accumulate(losses, axis=1)[:, rung - 1]
            alive = sorted(alive, key=lambda n: best[n])[: max(1, len(alive) // 3)]
    curves = [list(row[:end]) for row, end in zip(losses, ends, strict=True)]
    return run_of(curves, rungs=rungs, brackets=brackets)


def stopped(run: Run, numbers: Sequence[int], last: int) -> Run:
    """The same run, in which those trials were pruned after the epoch ``last``."""
    these = pl.col("number").is_in(numbers)
    trials = run.trials.with_columns(
        state=pl.when(these).then(pl.lit("pruned")).otherwise("state"),
        epochs=pl.when(these).then(last).otherwise("epochs"),
    )
    return remade(run, trials=trials, epochs=run.epochs.filter(~these | (pl.col("epoch") <= last)))


def remade(run: Run, **changes: Any) -> Run:
    """The run with other fields; curves that were worked out before are forgotten."""
    return replace(run, **changes, _curves={})
