from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from analysis.importance.fanova import (
    leaf_boxes,
    main_effect,
    marginal,
    restricted,
    total_variance,
)
from analysis.importance.fanova_pairs import all_effects, pairs_of
from analysis.parameters import Parameter
from searchspaces import Choice, Int


def brute_force(tree, cells):
    """Mean, variance, effects and pairs by evaluating the tree on all cells of its partition."""
    points, widths = [], []
    for column, cell in enumerate(cells):
        if cell is not None:
            points.append(cell[0])
            widths.append(np.diff(cell[1]))
            continue
        split = tree.tree_.feature == column
        edges = np.unique(np.concatenate([[0.0], tree.tree_.threshold[split], [1.0]]))
        points.append((edges[1:] + edges[:-1]) / 2)
        widths.append(np.diff(edges))
    shape = [len(p) for p in points]
    value = tree.predict(np.array(list(itertools.product(*points)))).reshape(shape)
    weight = np.ones(())
    for w in widths:
        weight = np.multiply.outer(weight, w)
    mean = (value * weight).sum()
    variance = ((value - mean) ** 2 * weight).sum()
    effects = []
    for column, w in enumerate(widths):
        others = tuple(k for k in range(len(widths)) if k != column)
        alone = (value * weight).sum(axis=others) / w
        effects.append(((alone - mean) ** 2 * w).sum())
    pairs = []
    for a, b in itertools.combinations(range(len(widths)), 2):
        others = tuple(k for k in range(len(widths)) if k not in (a, b))
        area = np.outer(widths[a], widths[b])
        both = (value * weight).sum(axis=others) / area
        pairs.append(((both - mean) ** 2 * area).sum() - effects[a] - effects[b])
    return mean, variance, np.array(effects), np.array(pairs)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(8, 40))
def test_shares_equal_brute_force_integration_of_the_same_forest(seed, dimensions, trials):
    rng = np.random.default_rng(seed)
    x = rng.random((trials, dimensions))
    y = np.sin(5 * x[:, 0]) + x.prod(axis=1) + rng.normal(0, 0.1, trials)
    forest = RandomForestRegressor(5, max_depth=5, random_state=seed).fit(x, y)
    boxes = leaf_boxes(forest.estimators_, [None] * dimensions)
    mean, variance = total_variance(boxes)
    shares, pairs = all_effects(boxes)
    for index, tree in enumerate(forest.estimators_):
        expected = brute_force(tree, [None] * dimensions)
        assert mean[index] == pytest.approx(expected[0], abs=1e-9)
        assert variance[index] == pytest.approx(expected[1], abs=1e-9)
        if expected[1] > 1e-12:
            np.testing.assert_allclose(shares[index] * variance[index], expected[2], atol=1e-6)
            np.testing.assert_allclose(pairs[index] * variance[index], expected[3], atol=1e-6)


def test_grids_are_weighed_by_their_values_and_not_by_where_a_split_fell():
    domains = [Choice(("a", "b", "c", "d", "e")), Int(1, 12, log=True), Int(16, 256, powers_of=2)]
    cells = [Parameter("p", "space", domain).cells() for domain in domains]
    rng = np.random.default_rng(3)
    # Only some of the values were tried, so that splits fall inside the cells of others.
    tried = [rng.choice(cell[0], size=max(2, len(cell[0]) // 2), replace=False) for cell in cells]
    x = np.stack([rng.choice(values, size=40) for values in tried], axis=1)
    y = x[:, 0] ** 2 + np.sin(7 * x[:, 1]) * x[:, 2]
    forest = RandomForestRegressor(8, random_state=0).fit(x, y)
    boxes = leaf_boxes(forest.estimators_, cells)
    mean, variance = total_variance(boxes)
    shares, pairs = all_effects(boxes)
    for index, tree in enumerate(forest.estimators_):
        expected = brute_force(tree, cells)
        assert mean[index] == pytest.approx(expected[0], abs=1e-9)
        assert variance[index] == pytest.approx(expected[1], abs=1e-9)
        np.testing.assert_allclose(shares[index] * variance[index], expected[2], atol=1e-6)
        np.testing.assert_allclose(pairs[index] * variance[index], expected[3], atol=1e-6)


def test_boxes_of_a_tree_tile_the_cube_and_hold_its_predictions():
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 3)), rng.random(60)
    forest = RandomForestRegressor(4, random_state=0).fit(x, y)
    boxes = leaf_boxes(forest.estimators_, [None] * 3)
    volumes = np.prod(boxes.high - boxes.low, axis=1)
    np.testing.assert_allclose(np.bincount(boxes.tree, volumes), 1.0)
    middle = (boxes.low + boxes.high) / 2
    for index, tree in enumerate(forest.estimators_):
        at = boxes.tree == index
        np.testing.assert_allclose(tree.predict(middle[at]), boxes.value[at])


def test_the_marginal_of_an_additive_function_is_its_term():
    # f(x, y) = 1[x > 1/2] + 3 * 1[y > 1/4]: variances 1/4 and 9 * 3/16, no interaction.
    grid = np.array(list(itertools.product(np.arange(8) / 8 + 1 / 16, repeat=2)))
    value = (grid[:, 0] > 0.5) + 3.0 * (grid[:, 1] > 0.25)
    forest = RandomForestRegressor(3, bootstrap=False, random_state=0).fit(grid, value)
    boxes = leaf_boxes(forest.estimators_, [None, None])
    shares = all_effects(boxes, 0)[0]
    np.testing.assert_allclose(shares, [[0.25 / 1.9375, 1.6875 / 1.9375]] * 3)
    effect = marginal(boxes, 0)
    below = effect.edges[:-1] < 0.5
    np.testing.assert_allclose(effect.steps[:, below], 2.25)
    np.testing.assert_allclose(effect.steps[:, ~below], 3.25)


def test_a_tree_that_never_split_has_no_shares():
    forest = RandomForestRegressor(2).fit(np.random.default_rng(0).random((5, 2)), np.ones(5))
    assert np.isnan(all_effects(leaf_boxes(forest.estimators_, [None, None]))[0]).all()
    assert np.isnan(all_effects(leaf_boxes(forest.estimators_, [None, None]))[1]).all()


def exact(value, columns):
    """Leaves of a forest that learns a function on an 8 by 8 by ... grid exactly."""
    grid = np.array(list(itertools.product(np.arange(8) / 8 + 1 / 16, repeat=columns)))
    forest = RandomForestRegressor(2, bootstrap=False, random_state=0).fit(grid, value(grid))
    return leaf_boxes(forest.estimators_, [None] * columns)


def test_an_exclusive_or_is_all_of_one_pair():
    boxes = exact(lambda x: ((x[:, 0] > 0.5) ^ (x[:, 2] > 0.5)).astype(float), 3)
    alone, together = all_effects(boxes)
    np.testing.assert_allclose(alone, 0, atol=1e-12)
    assert pairs_of(3) == [(0, 1), (0, 2), (1, 2)]
    np.testing.assert_allclose(together, [[0, 1, 0]] * 2, atol=1e-12)


def test_a_product_of_three_centred_factors_is_left_to_three_together():
    boxes = exact(lambda x: np.sign(x - 0.5).prod(axis=1), 3)
    alone, together = all_effects(boxes)
    np.testing.assert_allclose(np.concatenate([alone, together], axis=1), 0, atol=1e-12)


def test_a_product_has_the_shares_of_its_closed_form():
    # f = a b with a, b uniform on the 8 cell middles: V_a = mean(b)^2 var(a), V_ab = var(a) var(b).
    boxes = exact(lambda x: x[:, 0] * x[:, 1], 2)
    alone, together = all_effects(boxes)
    middles = np.arange(8) / 8 + 1 / 16
    spread, mean = middles.var(), middles.mean()
    total = 2 * mean**2 * spread + spread**2
    np.testing.assert_allclose(alone, mean**2 * spread / total)
    np.testing.assert_allclose(together, spread**2 / total)


def test_pairs_of_the_first_columns_are_those_of_all():
    boxes = exact(lambda x: x[:, 0] * x[:, 1] + x[:, 2], 3)
    np.testing.assert_allclose(all_effects(boxes, 2)[1][:, 0], all_effects(boxes)[1][:, 0])


def test_in_a_part_of_the_cube_shares_are_those_of_the_function_there():
    # The second parameter acts only where the first is in its upper half: f = [a > 1/2] b.
    boxes = exact(lambda x: (x[:, 0] > 0.5) * x[:, 1], 2)
    inside = {0: (np.array([0.0, 0.5, 1.0]), np.array([False, True]))}
    volumes = restricted(boxes, inside)
    np.testing.assert_allclose(np.bincount(boxes.tree, volumes), 1.0)
    np.testing.assert_allclose(main_effect(boxes, 1, volumes), 1.0)
    assert (all_effects(boxes, 0)[0][:, 1] < 0.3).all()
    middles = np.arange(8) / 8 + 1 / 16
    np.testing.assert_allclose(marginal(boxes, 1, volumes).at(middles), [middles] * 2)
    np.testing.assert_allclose(marginal(boxes, 1).at(middles), [middles / 2] * 2)
