"""What a searcher is told of trials with several losses."""

from __future__ import annotations

import math
import random

import pytest

from orchestrator.engine.learning import Learning
from orchestrator.engine.objective import Objective, goal
from orchestrator.engine.weighing import TOLD, scalarised, thinned
from orchestrator.searchers import Observation
from orchestrator.searchers.random_ import RandomSearch
from searchspaces import ConfigurationError, JointSpace
from searchspaces.inline import NoTraining, inline_space
from trainables.limits import CEILING, limit
from trainables.outcomes import EpochDone

SPACE = JointSpace(inline_space({"x": {"low": 0.0, "high": 1.0}}), NoTraining())
CONFIG = SPACE.validate({"x": 0.5}, None)


def seen(losses):
    return [Observation(n, CONFIG, 1, each[0] if each else math.inf) for n, each in
            enumerate(losses)]  # fmt: skip


def told(losses, number, seed=3):
    return [each.loss for each in scalarised(seen(losses), losses, seed=seed, number=number)]


def test_what_dominates_another_trial_is_always_better():
    random_ = random.Random(1)
    for number in range(300):
        losses = [(float(random_.randrange(6)), float(random_.randrange(6))) for _ in range(9)]
        found = told(losses, number)
        for one, a in zip(losses, found, strict=True):
            for other, b in zip(losses, found, strict=True):
                if one == other:
                    assert a == b
                elif one[0] <= other[0] and one[1] <= other[1]:
                    assert a < b


def test_every_part_of_the_front_is_the_best_for_some_suggestions_even_where_it_is_hollow():
    """A weighted sum would never choose the middle of a front that bends inwards."""
    hollow = [(0.0, 10.0), (4.0, 9.0), (6.0, 8.0), (8.0, 6.0), (9.0, 4.0), (10.0, 0.0)]
    best = [min(range(6), key=told(hollow, number).__getitem__) for number in range(300)]
    assert set(best) == set(range(6))


def test_one_loss_that_diverged_does_not_flatten_the_others():
    losses = [(1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (1e30, 9.0)]
    chosen = {min(range(4), key=told(losses, number).__getitem__) for number in range(200)}
    assert chosen == {0, 1, 2}


def test_the_same_trial_gets_the_same_weights_and_another_gets_others():
    losses = [(1.0, 5.0), (2.0, 4.0), (3.0, 3.0)]
    assert told(losses, 4) == told(losses, 4)
    assert told(losses, 4) != told(losses, 5)
    assert told(losses, 4) != told(losses, 4, seed=4)


def test_failures_stay_infinite_and_broken_limits_stay_behind_all_that_keep_them():
    objective = Objective("loss", "min", (limit("w < 10"),), (goal("w"),))
    metrics = [{"loss": 0.1, "w": 30.0}, {"loss": 5.0, "w": 5.0}, {"loss": 0.1, "w": 11.0}]
    losses = [*(objective.losses(each) for each in metrics), ()]
    a, b, c, failed = told(losses, 0)
    assert b < CEILING < c < a < failed == math.inf


def test_an_epoch_that_breaks_a_limit_is_dominated_by_all_that_keep_them():
    objective = Objective("loss", "min", (limit("w < 10"),), (goal("w"), goal("accuracy")))
    kept = objective.losses({"loss": 1e9, "w": 9.0, "accuracy": -1e9})
    broken = objective.losses({"loss": -1e9, "w": 10.0, "accuracy": 1e9})
    worse = objective.losses({"loss": -1e9, "w": 11.0, "accuracy": 1e9})
    assert all(a < b < c for a, b, c in zip(kept, broken, worse, strict=True))


def test_what_is_not_finite_among_further_objectives_is_as_bad_as_can_be():
    objective = Objective("loss", "min", others=(goal("w"), goal("accuracy max")))
    assert objective.losses({"loss": 0.5, "w": None, "accuracy": 0.5}) == (0.5, CEILING, -0.5)
    assert objective.losses({"loss": 0.5, "w": math.inf, "accuracy": math.nan}) == (
        0.5, CEILING, CEILING,
    )  # fmt: skip


def test_of_many_trials_a_searcher_is_told_some_from_the_best_to_the_worst():
    short = [Observation(n, CONFIG, 1, float(n * 7919 % 1001)) for n in range(1001)]
    far = [Observation(n, CONFIG, epoch, 1.0) for n in range(-20, 0) for epoch in (1, 9)]
    found = thinned([*short, *far], 101)
    assert [one for one in found if one.number < 0] == far
    kept = sorted(one.loss for one in found if one.number >= 0)
    assert kept == [float(10 * place) for place in range(101)]
    assert set(thinned([*far, *short[::-1]], 101)) == set(found)
    assert thinned(short[:50], 101) == short[:50]


def test_a_suggestion_among_many_trials_takes_no_more_than_among_some():
    """Of thousands of trials each suggestion would tell thousands anew."""
    told = []

    class Hears(RandomSearch):
        def observe(self, observation):
            told.append(observation.number)

    learning = Learning(Hears(), SPACE, 0, None)
    for number in range(4 * TOLD):
        config = SPACE.validate({"x": number / (4 * TOLD)}, None)
        learning.started(number, config)
        losses = float(number), -float(number)
        learning.observe(Observation(number, config, 1, losses[0]), losses)
    told.clear()
    learning.suggest(4 * TOLD)
    assert len(told) == TOLD


def test_an_epoch_without_a_further_objective_is_refused_by_whoever_looks_at_it():
    objective = Objective("loss", "min", others=(goal("w"),))
    with pytest.raises(ConfigurationError, match="no metric 'w' is reported"):
        objective.judged(EpochDone({"loss": 0.5}), 1)
