from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from analysis.fanova import leaf_boxes, main_effects, marginal, total_variance
from analysis.parameters import Parameter
from searchspaces import Choice, Int


def brute_force(tree, cells):
    """Mean, variance and main effects by evaluating the tree on every cell of its partition."""
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
    return mean, variance, np.array(effects)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(8, 40))
def test_shares_equal_brute_force_integration_of_the_same_forest(seed, dimensions, trials):
    rng = np.random.default_rng(seed)
    x = rng.random((trials, dimensions))
    y = np.sin(5 * x[:, 0]) + x.prod(axis=1) + rng.normal(0, 0.1, trials)
    forest = RandomForestRegressor(5, max_depth=5, random_state=seed).fit(x, y)
    boxes = leaf_boxes(forest.estimators_, [None] * dimensions)
    mean, variance = total_variance(boxes)
    shares = main_effects(boxes)
    for index, tree in enumerate(forest.estimators_):
        expected = brute_force(tree, [None] * dimensions)
        assert mean[index] == pytest.approx(expected[0], abs=1e-9)
        assert variance[index] == pytest.approx(expected[1], abs=1e-9)
        if expected[1] > 1e-12:
            np.testing.assert_allclose(shares[index] * variance[index], expected[2], atol=1e-6)


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
    shares = main_effects(boxes)
    for index, tree in enumerate(forest.estimators_):
        expected = brute_force(tree, cells)
        assert mean[index] == pytest.approx(expected[0], abs=1e-9)
        assert variance[index] == pytest.approx(expected[1], abs=1e-9)
        np.testing.assert_allclose(shares[index] * variance[index], expected[2], atol=1e-6)


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
    shares = main_effects(boxes)
    np.testing.assert_allclose(shares, [[0.25 / 1.9375, 1.6875 / 1.9375]] * 3)
    effect = marginal(boxes, 0)
    below = effect.edges[:-1] < 0.5
    np.testing.assert_allclose(effect.steps[:, below], 2.25)
    np.testing.assert_allclose(effect.steps[:, ~below], 3.25)


def test_a_tree_that_never_split_has_no_shares():
    forest = RandomForestRegressor(2).fit(np.random.default_rng(0).random((5, 2)), np.ones(5))
    assert np.isnan(main_effects(leaf_boxes(forest.estimators_, [None, None]))).all()
