"""Functional ANOVA of a forest: how much of its variance each parameter explains alone.

A tree is a sum of boxes: leaf l predicts v_l on a box of volume V_l. Its marginal
over all parameters but one is the step function that adds, on the leaf's interval
of that parameter, v_l V_l / (length of the interval). Mean and variances follow by
sums, so nothing is sampled: the result is exact for the forest at hand.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing
    Hyperparameter Importance, ICML 2014, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.parameters import FloatArray

Cells = tuple[FloatArray, FloatArray] | None
"""A grid's values and cell edges, see Parameter.cells; None for an interval."""


@dataclass(frozen=True)
class Boxes:
    """The leaves of all trees of a forest, n in total, over d parameters.

    Attributes:
        low: lower corners, shape (n, d).
        high: upper corners, shape (n, d).
        value: predictions, shape (n,).
        tree: index of the tree of each leaf, shape (n,).
        trees: number of trees.
    """

    low: FloatArray
    high: FloatArray
    value: FloatArray
    tree: NDArray[np.int64]
    trees: int


@dataclass(frozen=True)
class Marginal:
    """One parameter's marginal prediction per tree: a step function of s steps.

    Attributes:
        edges: ends of the steps, ascending from 0 to 1, shape (s + 1,).
        steps: prediction averaged over all other parameters, shape (trees, s).
    """

    edges: FloatArray
    steps: FloatArray


def leaf_boxes(trees: Sequence[Any], cells: Sequence[Cells]) -> Boxes:
    """The leaf boxes of fitted scikit-learn trees on the unit cube.

    A threshold on a grid is moved to the edge between the two cells it parts, so
    that a box weighs the grid's values as uniform draws would.

    Args:
        trees: fitted ``DecisionTreeRegressor`` objects, all on the same d features.
        cells: per feature.
    """
    grown = [tree.tree_ for tree in trees]
    sizes = np.array([tree.node_count for tree in grown])
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    shift = np.repeat(offsets, sizes)
    left = np.concatenate([tree.children_left for tree in grown]).astype(np.int64)
    right = np.concatenate([tree.children_right for tree in grown]).astype(np.int64)
    feature = np.concatenate([tree.feature for tree in grown]).astype(np.int64)
    threshold = np.concatenate([tree.threshold for tree in grown])
    value = np.concatenate([tree.value.reshape(-1) for tree in grown])
    inner = left >= 0
    left, right = left + shift, right + shift
    for column, cell in enumerate(cells):
        if cell is not None:
            at = inner & (feature == column)
            # Trees compare in single precision, so the grid must be looked up in it too.
            centres = cell[0].astype(np.float32)
            threshold[at] = cell[1][np.searchsorted(centres, threshold[at], side="right")]
    low = np.zeros((len(left), len(cells)))
    high = np.ones((len(left), len(cells)))
    frontier = offsets[inner[offsets]]
    while len(frontier):  # one pass per level, all trees at once
        a, b, column = left[frontier], right[frontier], feature[frontier]
        low[a] = low[b] = low[frontier]
        high[a] = high[b] = high[frontier]
        high[a, column] = low[b, column] = threshold[frontier]
        children = np.concatenate([a, b])
        frontier = children[inner[children]]
    leaves = ~inner
    tree_of = np.repeat(np.arange(len(grown)), sizes)
    return Boxes(low[leaves], high[leaves], value[leaves], tree_of[leaves], len(grown))


def marginal(boxes: Boxes, column: int) -> Marginal:
    """The marginal of one parameter, on the steps of all trees together."""
    edges = np.unique(np.concatenate([boxes.low[:, column], boxes.high[:, column], [0.0, 1.0]]))
    steps = len(edges) - 1
    length = boxes.high[:, column] - boxes.low[:, column]
    mass = boxes.value * _volumes(boxes) / length
    start = np.searchsorted(edges, boxes.low[:, column])
    stop = np.searchsorted(edges, boxes.high[:, column])
    # A leaf adds its mass where its interval starts and takes it back where it stops.
    shape = boxes.trees * (steps + 1)
    jumps = np.bincount(boxes.tree * (steps + 1) + start, mass, shape)
    jumps -= np.bincount(boxes.tree * (steps + 1) + stop, mass, shape)
    sums: FloatArray = np.cumsum(jumps.reshape(boxes.trees, -1), axis=1)
    return Marginal(edges, sums[:, :steps])


def total_variance(boxes: Boxes) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each tree over the cube, both of shape (trees,)."""
    volume = _volumes(boxes)
    mean = _sums(boxes, volume * boxes.value)
    return mean, _sums(boxes, volume * (boxes.value - mean[boxes.tree]) ** 2)


def main_effects(boxes: Boxes) -> FloatArray:
    """Share of each tree's variance that each parameter explains alone: shape (trees, d).

    A tree without variance (a single leaf) gives NaN.
    """
    mean, variance = total_variance(boxes)
    shares = np.empty((boxes.trees, boxes.low.shape[1]))
    for column in range(shares.shape[1]):
        effect = marginal(boxes, column)
        widths = np.diff(effect.edges)
        shares[:, column] = (effect.steps - mean[:, None]) ** 2 @ widths
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance[:, None] > 0, shares / variance[:, None], np.nan)


def _sums(boxes: Boxes, weights: FloatArray) -> FloatArray:
    """Sums per tree: shape (trees,)."""
    return np.bincount(boxes.tree, weights, boxes.trees).astype(np.float64)


def _volumes(boxes: Boxes) -> FloatArray:
    volumes: FloatArray = np.prod(boxes.high - boxes.low, axis=1)
    return volumes
