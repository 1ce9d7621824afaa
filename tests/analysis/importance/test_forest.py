from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from analysis.importance.forest import grow_forest, grow_trees, resamples


def plane(trials=200, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.random((trials, 3))
    return points, 2 * points[:, 0] + points[:, 1] + rng.normal(0, noise, trials)


def test_the_out_of_bag_r2_is_that_of_a_second_implementation():
    points, losses = plane()
    reference = RandomForestRegressor(
        300, max_features=5 / 6, min_samples_leaf=2, oob_score=True, random_state=0
    ).fit(points, losses)
    found = grow_forest(points, losses, 300, np.random.default_rng(0))
    assert found.r2 == pytest.approx(reference.oob_score_, abs=0.01)


def test_r2_rests_only_on_trees_that_have_not_seen_a_trial():
    points, _ = plane()
    noise = np.random.default_rng(1).normal(size=len(points))
    found = grow_forest(points, noise, 64, np.random.default_rng(0))
    seen = 1 - ((noise - found.predictions(points).mean(axis=0)) ** 2).mean() / noise.var()
    assert seen > 0.5
    assert found.r2 < 0.1


def test_weights_are_draws_with_replacement():
    weights = resamples(50, 4000, np.random.default_rng(0))
    np.testing.assert_array_equal(weights.sum(axis=1), 50)
    # Binomial(50, 1 / 50): variance 1 - 1 / 50; left out with probability (1 - 1 / 50)^50.
    assert weights.var() == pytest.approx(0.98, abs=0.02)
    assert (weights == 0).mean() == pytest.approx(0.98**50, abs=0.005)
    assert (resamples(50, 3, np.random.default_rng(0), 20).sum(axis=1) == 20).all()


def test_a_weight_of_two_is_a_trial_drawn_twice():
    points, losses = plane(60)
    weights = resamples(60, 1, np.random.default_rng(3))
    rows = np.repeat(np.arange(60), weights[0].astype(int))
    (weighed,) = grow_trees(points, losses, weights, np.random.default_rng(5))
    values = weighed.tree_.predict(points.astype(np.float32))[:, 0]
    in_leaves = weighed.tree_.apply(points.astype(np.float32))
    for leaf in np.unique(in_leaves[rows]):
        drawn = losses[rows[in_leaves[rows] == leaf]]
        assert values[in_leaves == leaf][0] == pytest.approx(drawn.mean())


def test_each_tree_may_have_its_own_table_and_losses():
    points, losses = plane(100)
    weights = np.ones((2, 100))
    shared = grow_trees(points, losses, weights, np.random.default_rng(0))
    own = grow_trees(
        [points, points[:, ::-1]], np.stack([losses, -losses]), weights, np.random.default_rng(0)
    )
    single = points.astype(np.float32)
    np.testing.assert_array_equal(shared[0].predict(single), own[0].predict(single))
    assert own[1].tree_.feature[0] == 2
    assert np.corrcoef(own[1].predict(np.ascontiguousarray(single[:, ::-1])), losses)[0, 1] < -0.9


def test_the_same_seed_gives_the_same_forest():
    points, losses = plane(80)
    one, other = (grow_forest(points, losses, 8, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.predictions(points), other.predictions(points))
