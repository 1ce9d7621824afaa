from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.budget.cost_front import cost_front, pareto
from analysis.parameters import Parameter
from searchspaces import Float
from tests.analysis.tabled import run_of


def priced(losses, seconds, **columns):
    """Trials of one epoch and a config each with those losses, which took those seconds."""
    parameter = Parameter("x", "space", Float(0.0, 100.0))
    run = run_of([[float(loss)] for loss in losses], parameters=(parameter,))
    columns["config.x"] = np.arange(len(losses), dtype=float)
    return replace(
        run,
        epochs=run.epochs.with_columns(pl.Series("epoch_seconds", seconds, dtype=pl.Float64)),
        trials=run.trials.with_columns(pl.Series(name, values) for name, values in columns.items()),
    )


def test_the_front_is_what_comparing_every_two_points_gives():
    rng = np.random.default_rng(0)
    costs, losses = rng.integers(0, 8, (2, 60)).astype(float)
    beaten = [
        any(
            costs[j] <= costs[i]
            and losses[j] <= losses[i]
            and (costs[j] < costs[i] or losses[j] < losses[i] or j < i)
            for j in range(60)
            if j != i
        )
        for i in range(60)
    ]
    assert pareto(costs, losses).tolist() == [not each for each in beaten]


def test_a_trial_as_good_as_the_best_that_costs_less_is_told():
    """1 % of the best is 0.01: trial 3 is within it and takes a quarter of the time."""
    found = cost_front(priced([2.0, 1.0, 1.5, 1.009, 1.02], [1, 8, 1, 2, 0.5]))
    seconds = found.front("seconds")
    assert [trial.number for trial in seconds.trials] == [4, 3, 1]
    assert (seconds.cheapest.number, seconds.saving) == (3, 0.25)
    assert found.words() == (
        "trial 3 takes 0.25x the time of the winner for 0.009 more loss",
        "that is within 1 % of the best, 0.01",
    )
    assert found.front("weights").withheld == "the run has no numbers of weights"
    json.dumps(found.as_dict(), allow_nan=False)


def test_times_of_several_machines_are_said_to_be_so():
    losses, seconds = [2.0, 1.0, 1.5, 1.009, 1.02], [1, 8, 1, 2, 0.5]
    one = cost_front(priced(losses, seconds, node=["a", "a", None, "a", "a"]))
    assert (one.machines, len(one.words())) == (1, 2)
    two = cost_front(priced(losses, seconds, node=["a", "b", None, "a", "a"]))
    assert two.machines == 2
    assert two.words()[-1] == "times are those of 2 machines, which may differ in speed"


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ([1.0, 2.0], "only 2 trials can be compared (epoch 1); it takes 5"),
        ([1.0] * 6, "every trial has the same seconds"),
    ],
)
def test_without_ground_there_is_no_front(losses, why):
    found = cost_front(priced(losses, [1.0] * len(losses)))
    assert (found.front("seconds").withheld, found.words()) == (why, ())


def test_times_that_differ_by_rounding_only_are_the_same():
    times = 0.4 * (1 + 1e-15 * np.arange(8))
    assert len(set(times)) > 1
    front = cost_front(priced(np.arange(1, 9), times)).front("seconds")
    assert front.withheld == "every trial has the same seconds"
