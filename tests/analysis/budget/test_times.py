from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from analysis.budget.times import arrivals, began, epoch_times, epochs_spent, seconds_taken
from tests.analysis.tabled import BEGAN, run_of, timed


def two_trials():
    """Trial 0 reports at 1 s and 4 s, trial 1 at 2.5 s; both start at 0 s or later."""
    return timed(run_of([[3.0, 2.0], [1.0]], rungs=(1, 2)), [[1.0, 4.0], [2.5]])


def test_times_are_seconds_since_the_first_start():
    run = two_trials()
    times = epoch_times(run)
    assert times.tolist() == [1.0, 4.0, 2.5]
    assert began(run) == BEGAN
    assert seconds_taken(run, times) == 4.0
    assert epochs_spent(run, times).tolist() == [1, 3, 2]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_times_of_any_precision_and_zone_are_the_same_moments(unit, zone):
    run = two_trials()
    column = pl.col("reported_at").cast(pl.Datetime(unit, "UTC"))
    column = (
        column.dt.replace_time_zone(None) if zone is None else column.dt.convert_time_zone(zone)
    )
    found = epoch_times(replace(run, epochs=run.epochs.with_columns(column)))
    assert found.tolist() == [1.0, 4.0, 2.5]
    start = pl.col("started_at").cast(pl.Datetime(unit, "UTC")).dt.replace_time_zone(None)
    assert began(replace(run, trials=run.trials.with_columns(start))) == BEGAN


@pytest.mark.parametrize(
    "column",
    [
        pl.lit(None),
        pl.lit(None, pl.Datetime("us", "UTC")),
        pl.when(pl.col("number") == 0).then("reported_at"),
        pl.lit("2026-11-21"),
        pl.lit(float("nan")),
    ],
    ids=["null", "null times", "some null", "text", "nan"],
)
def test_without_the_time_of_every_epoch_there_are_none(column):
    run = two_trials()
    assert (
        epoch_times(replace(run, epochs=run.epochs.with_columns(column.alias("reported_at"))))
        is None
    )


def test_without_times_epochs_count_trial_by_trial():
    run = two_trials()
    bare = replace(run, epochs=run.epochs.drop("reported_at"))
    assert epoch_times(bare) is None
    assert epochs_spent(bare, None).tolist() == [1, 2, 3]
    assert epoch_times(timed(run_of([]), [])) is None


def test_without_starts_the_first_epoch_says_when_the_run_began():
    run = two_trials()
    bare = replace(run, trials=run.trials.drop("started_at", "ended_at"))
    assert began(bare) == BEGAN
    assert epoch_times(bare).tolist() == [1.0, 4.0, 2.5]
    assert seconds_taken(bare, epoch_times(bare)) == 4.0
    assert began(run_of([[1.0]])) is None


def test_a_start_after_its_epochs_is_not_believed():
    run = two_trials()
    late = pl.lit(datetime(2026, 11, 22, tzinfo=UTC)).alias("started_at")
    run = replace(run, trials=run.trials.with_columns(late))
    assert began(run) == BEGAN + timedelta(seconds=0)


def test_epochs_at_the_same_moment_count_in_the_order_of_trials():
    run = timed(run_of([[1.0, 1.0], [1.0, 1.0]]), [[1.0, 1.0], [1.0, 0.5]])
    assert epochs_spent(run, epoch_times(run)).tolist() == [2, 3, 4, 1]


def test_a_trial_arrives_with_its_last_result_up_to_the_epoch():
    nan = float("nan")
    run = run_of([[1.0, nan, 1.0], [1.0, nan], [nan], [1.0]], rungs=(1, 3))
    assert arrivals(run, 3).tolist() == [2, 3, -1, 6]
    assert arrivals(run, 1).tolist() == [0, 3, -1, 6]
    # An epoch without a result between two that have one is where it came so far.
    assert arrivals(run, 2).tolist() == [1, 3, -1, 6]
