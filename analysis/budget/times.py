"""When epochs were over, and the order in which a run spent them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from analysis.fidelity import IntArray, ended
from analysis.load import Run
from analysis.parameters import FloatArray

UNKNOWN = "the tables do not say when epochs ended (a run of an older orch, or an imported one)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_times(run: Run) -> FloatArray | None:
    """Seconds from the first start to the report of each row of ``run.epochs``: shape (rows,).

    None unless the tables have that time for every epoch: of a few missing ones nobody
    could say what came before what.
    """
    reported, start = _microseconds(run.epochs, "reported_at"), _first_start(run)
    if reported is None or start is None or reported.null_count():
        return None
    return np.asarray((reported.to_numpy() - start) / 1e6)


def began(run: Run) -> datetime | None:
    """When the first trial started, UTC; None where the tables have no such times."""
    start = _first_start(run)
    return None if start is None else _EPOCH + timedelta(microseconds=start)


def seconds_taken(run: Run, times: FloatArray) -> float:
    """Seconds from the first start until the last epoch, and the last trial, was over."""
    start, over = _first_start(run), _microseconds(run.trials, "ended_at")
    last = float(np.max(times, initial=0.0))
    latest = None if over is None else over.max()
    if start is None or not isinstance(latest, int):
        return last
    return max(last, (latest - start) / 1e6)


def epochs_spent(run: Run, times: FloatArray | None) -> IntArray:
    """Epochs the run had spent when each row of ``run.epochs`` was over, itself included: (rows,).

    Args:
        run: the run.
        times: of its epochs; None counts trial by trial, in the order of their numbers.
    """
    spent = np.arange(1, len(run.epochs) + 1)
    if times is not None:
        order = np.argsort(times, kind="stable")  # rows are ordered by number and epoch
        spent[order] = np.arange(1, len(order) + 1)
    return spent


def arrivals(run: Run, epoch: int) -> IntArray:
    """The row of ``run.epochs`` with which each trial came to ``epoch``: (trials,), -1 if none.

    It is that of the last result up to there. A trial that was complete before arrives
    with its own end.
    """
    epochs = run.epochs["epoch"].to_numpy()
    trial = np.searchsorted(run.trials["number"].to_numpy(), run.epochs["number"].to_numpy())
    known = np.flatnonzero(epochs <= np.minimum(ended(run), epoch)[trial])
    last = np.full(len(run.trials), -1, dtype=np.int64)
    last[trial[known]] = known  # the later of equal places stays
    return last


def _first_start(run: Run) -> int | None:
    """Microseconds since 1970 at which the first trial started, or the first epoch if earlier."""
    starts, reported = _microseconds(run.trials, "started_at"), None
    if "epoch_seconds" in run.epochs.columns:
        reported = _microseconds(run.epochs, "reported_at")
        if reported is not None:
            seconds = run.epochs["epoch_seconds"].cast(pl.Float64).fill_nan(None).fill_null(0.0)
            reported = reported - (seconds * 1e6).cast(pl.Int64)
    first = [times.min() for times in (starts, reported) if times is not None]
    return min((time for time in first if isinstance(time, int)), default=None)


def _microseconds(frame: pl.DataFrame, column: str) -> pl.Series | None:
    """A column of times since 1970, UTC; None where there is none or it holds no time.

    Times without a zone are UTC, as all times in the tables are.
    """
    if column not in frame.columns or not isinstance(frame[column].dtype, pl.Datetime):
        return None
    times = frame[column].dt.epoch("us")
    return None if times.null_count() == len(times) else times
