from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.budget.history import Step, history
from analysis.comparison.incumbent import incumbent
from tests.analysis.tabled import run_of, timed


def three_trials():
    """Trials 0 and 2 run both epochs, trial 1 is pruned; times are such that 2 ends before 0.

    Epochs by time: trial 1 at 1 s, 2 at 2 s, 2 at 3 s, 0 at 4 s, 0 at 8 s.
    """
    run = run_of([[5.0, 4.0], [3.0], [6.0, 4.5]], rungs=(1, 2))
    run = timed(run, [[4.0, 8.0], [1.0], [2.0, 3.0]])
    seconds = pl.when(pl.col("number") == 0).then(4.0).otherwise(1.0).alias("epoch_seconds")
    return replace(run, epochs=run.epochs.with_columns(seconds))


def test_the_history_of_three_trials_by_hand():
    found = history(three_trials())
    assert (found.epoch, found.epochs, found.seconds, found.timed) == (2, 5, 8.0, True)
    assert found.any_epoch == (Step(1, 1.0, 3.0, 1),)
    assert found.arrived == (Step(3, 3.0, 4.5, 2), Step(5, 8.0, 4.0, 0))
    assert found.compared == found.arrived
    assert found.words() == (
        "best found after 5 of 5 epochs (0:08 of 0:08), by the last trial that came so far",
    )


def test_without_times_trials_follow_their_numbers():
    run = three_trials()
    found = history(replace(run, epochs=run.epochs.drop("reported_at")))
    assert not found.timed
    assert found.any_epoch == (
        Step(1, None, 5.0, 0),
        Step(2, None, 4.0, 0),
        Step(3, None, 3.0, 1),
    )
    assert found.arrived == (Step(2, None, 4.0, 0), Step(5, None, 4.5, 2))
    assert found.compared == (Step(2, None, 4.0, 0),)
    assert found.words() == (
        "best found after 2 of 5 epochs; 1 later trial came as far and did not beat it",
    )


def test_a_score_counts_when_its_trial_has_come_as_far_as_the_others():
    # Trial 0 is best at its first epoch, and is compared only after its third.
    found = history(run_of([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]]))
    assert found.any_epoch == (Step(1, None, 1.0, 0),)
    assert found.arrived == (Step(3, None, 1.0, 0), Step(6, None, 2.0, 1))


def test_a_trial_that_was_done_before_arrives_with_its_last_epoch():
    found = history(run_of([[1.0], [2.0, 2.0, 2.0]], rungs=(3,), states=["completed"] * 2))
    assert found.arrived == (Step(1, None, 1.0, 0), Step(4, None, 2.0, 1))


def test_accuracies_improve_upwards_and_missing_values_are_no_best():
    run = run_of([[0.5, float("nan")], [0.4, 0.6]], mode="max", states=["failed", "completed"])
    found = history(run)
    assert [step.score for step in found.any_epoch] == [0.5, 0.6]
    assert found.compared == (Step(4, None, 0.6, 1),)
    json.dumps(found.as_dict(), allow_nan=False)


def test_epochs_count_when_they_were_over_whatever_their_trial_waited_for():
    run = run_of([[3.0], [1.0, 0.9, 0.8], [2.0]], rungs=(1, 3))
    found = history(timed(run, [[2.0], [4.0, 9.0, 11.0], [6.0]], seconds=2.0))
    assert [(s.epochs, s.seconds) for s in found.any_epoch] == [
        (1, 2.0), (2, 4.0), (4, 9.0), (5, 11.0),
    ]  # fmt: skip


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("changes", [{}, {"metric": "accuracy", "mode": "max"}, {"fail": (0, 3)}])
def test_history_and_the_comparison_of_runs_tell_the_same(make_run, timed, changes):
    run = load_run(make_run(trials=100, **changes))
    run = run if timed else replace(run, epochs=run.epochs.drop("reported_at"))
    found, other = history(run), incumbent(run, 27)
    assert [step.epochs for step in found.compared] == other.budgets.tolist()
    assert [step.score for step in found.compared] == other.scores.tolist()
    assert (found.epochs, found.timed) == (other.spent, other.timed) == (len(run.epochs), timed)
    by_time = run.epochs.sort("reported_at", "number", "epoch") if timed else run.epochs
    # A second implementation: row by row, as the journal has them.
    sign, best, steps = run.meta.sign, {}, []
    for spent, row in enumerate(by_time.iter_rows(named=True), 1):
        loss = sign * row[f"metric.{run.meta.metric}"]
        if np.isfinite(loss):
            best[row["number"]] = min(loss, best.get(row["number"], np.inf))
        last = steps[-1][1] if steps else np.inf
        if row["epoch"] == 27 and np.isfinite(loss) and best[row["number"]] < last:
            steps.append((spent, best[row["number"]], row["number"]))
    assert [(s.epochs, sign * s.score, s.number) for s in found.compared] == steps


def test_both_lines_end_where_a_second_implementation_says():
    rng = np.random.default_rng(0)
    losses = rng.random((20, 5))
    found = history(run_of([list(row) for row in losses]))
    best = np.minimum.accumulate(losses.min(axis=1))
    steps = [0, *(np.flatnonzero(np.diff(best)) + 1)]
    assert [(s.number, s.score) for s in found.compared] == [(n, best[n]) for n in steps]
    assert found.any_epoch[-1].score == losses.min()


def test_a_run_without_a_result_has_no_history():
    assert history(run_of([])).words() == ()
    found = history(run_of([[float("nan")]], states=["failed"]))
    assert (found.arrived, found.compared, found.words()) == ((), (), ())
    json.dumps(found.as_dict(), allow_nan=False)
