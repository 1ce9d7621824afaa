from __future__ import annotations

import numpy as np
import pytest

from analysis.importance.chance import chance_of_pairs, chance_of_parameters
from analysis.importance.fanova import leaf_boxes
from analysis.importance.fanova_pairs import all_effects, pairs_of
from analysis.importance.forest import grow_forest

D = 5
NONE = [None] * D


def looked_at(value, trials, seed, noise=0.1):
    """Shares of pairs, which of them are noise, and what they reach by chance."""
    rng = np.random.default_rng(seed)
    points = rng.random((trials, D))
    losses = value(points) + rng.normal(0, noise, trials)
    forest = grow_forest(points, losses, 64, rng)
    boxes = leaf_boxes(forest.trees, NONE)
    shares = all_effects(boxes)[1].mean(axis=0)
    return shares, *chance_of_pairs(forest, boxes, shares, NONE, rng)


def loud(noisy):
    return [pair for pair, noise in zip(pairs_of(D), noisy, strict=True) if not noise]


@pytest.mark.parametrize("trials", [50, 200])
def test_effects_that_only_add_up_make_no_pair(trials):
    # The forest sees something between the two all the same: that is what chance is.
    false = 0
    for seed in range(8):
        shares, noisy, chance = looked_at(lambda x: 2 * x[:, 0] + 1.5 * x[:, 1] ** 2, trials, seed)
        assert shares[0] > 0.01
        assert chance[0] > 0.01
        false += len(loud(noisy))
    assert false <= 1


def test_many_trials_do_not_make_a_pair_of_what_only_adds_up():
    # The sum of marginals is flatter than the truth, which many trials would show.
    def bent(x):
        return np.sin(6 * x[:, 0]) + 1.5 * x[:, 1] ** 2 + x[:, 2]

    assert [loud(looked_at(bent, 800, seed)[1]) for seed in range(101, 104)] == [[], [], []]


def test_pure_noise_makes_no_pair():
    assert sum(len(loud(looked_at(lambda x: 0 * x[:, 0], 120, seed)[1])) for seed in range(6)) <= 1


def test_an_exclusive_or_is_found_among_all_pairs():
    for seed in range(3):
        shares, noisy, _ = looked_at(lambda x: (x[:, 1] > 0.5) ^ (x[:, 3] > 0.5), 200, seed)
        assert loud(noisy) == [(1, 3)]
        assert shares[pairs_of(D).index((1, 3))] == shares.max()


def test_a_product_is_found_beside_strong_effects_that_add_up():
    found = [
        loud(looked_at(lambda x: 2 * x[:, 0] + 4 * (x[:, 1] - 0.5) * (x[:, 2] - 0.5), 400, seed)[1])
        for seed in range(3)
    ]
    assert found == [[(1, 2)]] * 3


def test_shuffled_copies_tell_idle_parameters_from_those_that_matter():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        points = rng.random((150, D))
        losses = 2 * points[:, 0] + points[:, 1] + rng.normal(0, 0.2, 150)
        found = chance_of_parameters(points, losses, NONE, rng)
        assert found.noisy.tolist() == [False, False, True, True, True]
        assert 0 < found.level < 0.1
        assert found.spreads.shape == (D,)
        assert found.pair_spreads.shape == (10,)


def test_resamples_of_fewer_trials_are_scaled_to_all_of_them():
    # Spread falls with the root of the number of trials, also beyond the resamples' size.
    def spread(trials):
        rng = np.random.default_rng(0)
        points = rng.random((trials, D))
        losses = points[:, 0] + points[:, 1] + rng.normal(0, 0.2, trials)
        return float(chance_of_parameters(points, losses, NONE, rng).spreads[:2].mean())

    assert spread(2000) == pytest.approx(spread(500) / 2, rel=0.5)


def test_a_constant_objective_in_all_resamples_says_nothing():
    points = np.random.default_rng(0).random((40, D))
    found = chance_of_parameters(points, np.ones(40), NONE, np.random.default_rng(0))
    assert found.noisy.all()
    assert found.level == 1.0
