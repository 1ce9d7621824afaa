from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import load_run
from analysis.budget.timeline import Timeline, clock, timeline
from analysis.budget.times import UNKNOWN
from tests.analysis.tabled import run_of, timed


def two_workers():
    """Six trials of 3 epochs of 1 s each on two workers, one after the other, none paused."""
    starts = [0.0, 0.0, 3.05, 3.05, 6.1, 6.1]
    run = run_of([[1.0] * 3 for _ in starts])
    return timed(run, [[start + k for k in (1, 2, 3)] for start in starts])


def paused():
    """A bracket of three on one worker: rung 1 of 2 s each, then trial 1 alone goes on for 4 s."""
    run = run_of([[3.0], [1.0, 0.9, 0.8], [2.0]], rungs=(1, 3))
    return timed(run, [[2.0], [4.0, 9.0, 11.0], [6.0]], seconds=2.0)


def rows(found, *columns):
    return found.pieces.select(*columns).rows()


def test_workers_and_their_share_of_the_time_are_counted():
    found = timeline(two_workers())
    assert (found.wall, found.trained, found.workers) == (9.1, 18.0, 2)
    assert found.busy == pytest.approx(18 / 18.2)
    assert found.words() == ("2 at a time over 0:09, busy 99 % of the time",)
    assert found.lanes().tolist() == [0, 1, 0, 1, 0, 1]


def test_a_pause_ends_a_piece_and_frees_its_lane():
    found = timeline(paused())
    assert rows(found, "number", "begin", "end", "seconds", "first", "last") == [
        (0, 0.0, 2.0, 2.0, 1, 1),
        (1, 2.0, 4.0, 2.0, 1, 1),
        (2, 4.0, 6.0, 2.0, 1, 1),
        (1, 7.0, 11.0, 4.0, 2, 3),
    ]
    assert (found.workers, found.lanes().tolist()) == (1, [0, 0, 0, 0])
    assert found.busy == pytest.approx(10 / 11)
    assert found.steps()[0].tolist() == [0.0, 2.0, 4.0, 6.0, 7.0, 11.0]
    assert found.steps()[1].tolist() == [1, 1, 1, 0, 1]


@pytest.mark.parametrize(("gap", "pieces"), [(0.19, 1), (-0.01, 1), (0.21, 2)])
def test_epochs_with_a_tenth_of_one_between_them_are_one_piece(gap, pieces):
    run = timed(run_of([[1.0, 1.0]]), [[2.0, 4.0 + gap]], seconds=2.0)
    assert len(timeline(run).pieces) == pieces


def test_epochs_of_a_minute_are_apart_when_more_than_a_second_lies_between():
    for gap, pieces in ((0.9, 1), (1.1, 2)):
        run = timed(run_of([[1.0, 1.0]]), [[60.0, 120.0 + gap]], seconds=60.0)
        assert len(timeline(run).pieces) == pieces


def test_a_rung_ends_a_piece_so_that_no_lane_is_counted_twice():
    # Trial 0 goes on 20 ms after its rung, on the worker of trial 1; trial 2 has taken its own.
    run = run_of([[1.0, 1.0, 1.0], [2.0], [1.5]], rungs=(1, 3))
    run = timed(run, [[1.0, 2.02, 3.02], [1.015], [2.01]])
    assert timeline(run).workers == 2
    unknown = replace(run, epochs=run.epochs.drop("rung"))
    assert timeline(unknown).workers == 3  # what the gap alone would say


def test_whole_seconds_of_imported_runs_are_no_overlap():
    # Two trials of 2.9 s after each other, reported at 3.0 s and, rounded down, at 5 s.
    run = timed(run_of([[1.0], [1.0]]), [[3.0], [5.0]], seconds=2.9)
    found = timeline(run)
    assert found.workers == 1
    assert found.lanes().tolist() == [0, 0]
    exact = timed(run_of([[1.0], [1.0]]), [[3.0], [5.001]], seconds=2.9)
    assert timeline(exact).workers == 2


def test_the_trials_at_once_add_up_to_the_length_of_the_pieces():
    for run in (two_workers(), paused()):
        found = timeline(run)
        length = (found.pieces["end"] - found.pieces["begin"]).sum()
        for edges, running in (found.running(37), found.steps()):
            assert (running * np.diff(edges)).sum() == pytest.approx(length)
    assert timeline(paused()).running(11)[1] == pytest.approx([1.0] * 6 + [0.0] + [1.0] * 4)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.01, 5)), min_size=1, max_size=25),
)
def test_lanes_hold_pieces_side_by_side_and_are_as_few_as_can_be(spans):
    begin = np.array([start for start, _ in spans]) + 0.123
    frame = pl.DataFrame({"begin": begin, "end": begin + [long for _, long in spans]})
    pieces = frame.sort("begin").with_columns(pl.col("end") + 0.0004 * pl.int_range(pl.len()))
    found = Timeline(pieces, wall=float(frame["end"].max()))
    lanes = found.lanes()
    for lane in range(lanes.max() + 1):
        mine = pieces.filter(lanes == lane)
        assert (mine["end"].to_numpy()[:-1] <= mine["begin"].to_numpy()[1:] + 1.001e-3).all()
    busiest = max(
        int(((pieces["begin"] <= at) & (pieces["end"] > at + 1e-3)).sum()) for at in pieces["begin"]
    )
    assert lanes.max() + 1 == max(busiest, 1)


def test_a_synthetic_sweep_on_two_workers_is_seen_as_such(make_run):
    found = timeline(load_run(make_run()))
    assert found.workers == 2
    assert set(found.lanes()) == {0, 1}
    assert found.busy is not None
    assert 0.8 < found.busy < 1


def test_the_run_takes_until_its_last_trial_is_over():
    # Trial 1 fails a while after its only epoch.
    run = timed(run_of([[1.0, 1.0], [2.0]]), [[1.0, 2.0], [1.0]])
    late = run.trials["ended_at"].to_list()
    late[1] = late[1].replace(second=30)
    trials = run.trials.with_columns(pl.Series("ended_at", late))
    assert timeline(replace(run, trials=trials)).wall == 30.0


def test_a_trial_under_way_has_trained_as_long_as_its_epochs_say():
    run = timed(run_of([[1.0] * 3], states=["running"]), [[1.0, 2.0, 3.0]])
    ended = pl.lit(None, run.trials["ended_at"].dtype).alias("ended_at")
    found = timeline(replace(run, trials=run.trials.with_columns(ended)))
    assert (found.wall, found.busy) == (3.0, 1.0)
    assert (found.machines, found.resumed) == (0, False)


def test_a_trial_that_went_on_after_an_interruption_is_told():
    run = timed(run_of([[1.0] * 3]), [[1.0, 2.0, 20.0]])
    run = replace(run, trials=run.trials.with_columns(pl.lit(2).alias("attempts")))
    found = timeline(run)
    assert found.resumed
    assert rows(found, "begin", "end") == [(0.0, 2.0), (19.0, 20.0)]


def test_a_run_whose_epochs_have_no_time_has_no_timeline():
    run = two_workers()
    some = pl.when(pl.col("number") > 0).then("reported_at").alias("reported_at")
    for epochs in (run.epochs.drop("reported_at"), run.epochs.with_columns(some)):
        found = timeline(replace(run, epochs=epochs))
        assert found.unknown == UNKNOWN
        assert found.words() == ()
        json.dumps(found.as_dict(), allow_nan=False)


def test_a_run_without_seconds_of_its_epochs_has_no_timeline():
    run = two_workers()
    none = pl.lit(None, pl.Float64).alias("epoch_seconds")
    for epochs in (run.epochs.drop("epoch_seconds"), run.epochs.with_columns(none)):
        found = timeline(replace(run, epochs=epochs))
        assert found.unknown == "the tables do not say how long each epoch took"
    assert timeline(timed(run_of([]), [])).unknown == "no trial has finished an epoch"


def test_clock():
    assert [clock(s) for s in (0, 59.6, 61, 3600)] == ["0:00", "1:00", "1:01", "1:00:00"]


def test_a_column_of_attempts_without_any_is_no_interruption():
    run = two_workers()
    empty = replace(run, trials=run.trials.with_columns(pl.lit(None).alias("attempts")))
    assert not timeline(empty).resumed
