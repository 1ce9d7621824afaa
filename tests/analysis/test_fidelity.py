from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.fidelity import at_epoch, comparable, full, ranking, reached


def test_the_compared_epoch_is_the_furthest_that_twenty_trials_reached(make_run):
    # HyperBand of 46 trials: 46, 28, 16 and 8 reach epochs 1, 3, 9 and 27.
    run = load_run(make_run())
    assert [int((reached(run) >= epoch).sum()) for epoch in (1, 3, 9, 27)] == [46, 28, 16, 8]
    group = comparable(run)
    assert (group.epoch, group.trials) == (3, 28)
    assert group.reason == "the furthest epoch that at least 20 trials reached"
    assert (comparable(run, 16).epoch, comparable(run, 8).epoch) == (9, 27)


def test_with_few_trials_the_furthest_epoch_that_all_reached_is_taken(make_run):
    group = comparable(load_run(make_run(trials=12, hyperband=False, fail=(4,))))
    assert (group.epoch, group.trials) == (12, 12)
    assert group.reason == "only 12 trials have results, and all reached it"


def test_scores_are_the_best_up_to_the_compared_epoch_and_no_later_one(make_run):
    run = load_run(make_run())
    group = at_epoch(run, 3, "")
    for row, score in zip(group.rows, group.scores, strict=True):
        values = run.epochs.filter(pl.col("number") == int(row), pl.col("epoch") <= 3)
        assert score == values["metric.valid_loss"].min()
    assert (np.diff(group.scores) >= 0).all()


def test_scores_of_a_maximised_metric_fall(make_run):
    run = load_run(make_run(metric="accuracy", mode="max"))
    group = comparable(run)
    assert (np.diff(group.scores) <= 0).all()
    top = run.epochs.filter(pl.col("epoch") <= group.epoch)["metric.accuracy"].max()
    reached_it = run.epochs.filter(number=int(group.rows[0]))
    assert (
        group.scores[0]
        == reached_it.filter(pl.col("epoch") <= group.epoch)["metric.accuracy"].max()
    )
    assert group.scores[0] <= top


def test_a_trial_is_not_compared_at_an_epoch_where_it_had_no_finite_value(make_run):
    run = load_run(make_run(trials=8, hyperband=False, fail=(2,)))
    assert reached(run).tolist() == [27, 27, 12, 27, 27, 27, 27, 27]
    assert 2 not in full(run).rows


def test_without_a_full_trial_those_that_came_furthest_rank(make_run):
    run = load_run(make_run(trials=3, hyperband=False, fail=(0, 1, 2)))
    assert ranking(run).epoch == 12
    assert ranking(run).reason == "no trial ran all 27 epochs"


@pytest.mark.parametrize("trials", [0, 1])
def test_no_trial_and_one_trial_can_be_asked(make_run, trials):
    run = load_run(make_run(trials=trials))
    assert comparable(run).trials == trials
    assert ranking(run).trials == trials
