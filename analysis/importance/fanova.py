"""Functional ANOVA of a forest: how much of its variance each parameter explains alone.

A tree is a sum of boxes: leaf l predicts v_l on a box of volume V_l. Its marginal
over all parameters but one is the step function that adds, on the leaf's interval
of that parameter, v_l V_l / (length of the interval). Mean and variances follow by
sums, so nothing is sampled: the result is exact for the forest at hand.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing
    Hyperparameter Importance, ICML 2014, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.parameters import FloatArray

IntArray = NDArray[np.int64]
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
    tree: IntArray
    trees: int

    @cached_property
    def volumes(self) -> FloatArray:
        """Of the leaves, shape (n,); those of a tree sum to 1."""
        volumes: FloatArray = np.prod(self.high - self.low, axis=1)
        return volumes


@dataclass(frozen=True)
class Steps:
    """Where the leaves of each tree lie along one parameter, in steps of that tree.

    Attributes:
        start: index of the first step that a leaf covers, shape (n,).
        stop: index of the step after its last, shape (n,).
        widths: of the steps, shape (trees, s); 0 beyond a tree's last one.
    """

    start: IntArray
    stop: IntArray
    widths: FloatArray


@dataclass(frozen=True)
class Marginal:
    """One parameter's marginal prediction per tree: a step function of s steps.

    Attributes:
        edges: ends of the steps, ascending from 0 to 1, shape (s + 1,).
        steps: prediction averaged over all other parameters, shape (trees, s).
    """

    edges: FloatArray
    steps: FloatArray

    def at(self, coordinates: FloatArray) -> FloatArray:
        """What each tree says at coordinates of shape (m,): shape (trees, m)."""
        step = np.searchsorted(self.edges, coordinates, side="right") - 1
        return self.steps[:, np.clip(step, 0, self.steps.shape[1] - 1)]

    def mean(self) -> float:
        """The mean over the axis and all trees."""
        return float((self.steps @ np.diff(self.edges)).mean())


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


def marginal(boxes: Boxes, column: int, volumes: FloatArray | None = None) -> Marginal:
    """The marginal of one parameter, on the steps of all trees together.

    Args:
        boxes: the leaves.
        column: the parameter.
        volumes: of the leaves, where not all of the cube counts: see :func:`restricted`.
    """
    edges = np.unique(np.concatenate([boxes.low[:, column], boxes.high[:, column], [0.0, 1.0]]))
    start = np.searchsorted(edges, boxes.low[:, column])
    stop = np.searchsorted(edges, boxes.high[:, column])
    mass = _masses(boxes, column, boxes.volumes if volumes is None else volumes)
    return Marginal(edges, _added(boxes, mass, start, stop, len(edges)))


def total_variance(
    boxes: Boxes, volumes: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of each tree over the cube, both of shape (trees,)."""
    volumes = boxes.volumes if volumes is None else volumes
    mean = _sums(boxes, volumes * boxes.value)
    return mean, _sums(boxes, volumes * (boxes.value - mean[boxes.tree]) ** 2)


def tree_steps(boxes: Boxes, column: int) -> Steps:
    """The steps of each tree along one parameter, counted within the tree."""
    # One sort for all trees: tree k lies in 2 k .. 2 k + 1, so that no two of them touch.
    base = 2.0 * boxes.tree
    places, first, start = np.unique(
        base + boxes.low[:, column], return_index=True, return_inverse=True
    )
    stop = np.searchsorted(places, base + boxes.high[:, column])
    begins = np.searchsorted(places, 2.0 * np.arange(boxes.trees + 1))
    counts = np.diff(begins)
    own = np.arange(counts.max())
    edges = np.ones((boxes.trees, counts.max() + 1))
    edges[:, :-1][own < counts[:, None]] = boxes.low[first, column]
    shift = begins[boxes.tree]
    return Steps(start - shift, stop - shift, np.diff(edges, axis=1))


def effect_variance(
    boxes: Boxes, column: int, steps: Steps, mean: FloatArray, volumes: FloatArray | None = None
) -> FloatArray:
    """Variance of one parameter's marginal, in each tree: shape (trees,)."""
    mass = _masses(boxes, column, boxes.volumes if volumes is None else volumes)
    values = _added(boxes, mass, steps.start, steps.stop, steps.widths.shape[1] + 1)
    found: FloatArray = ((values - mean[:, None]) ** 2 * steps.widths).sum(axis=1)
    return found


def main_effect(boxes: Boxes, column: int, volumes: FloatArray) -> FloatArray:
    """One parameter's share of each tree's variance in a part of the cube: shape (trees,).

    The volumes are those of :func:`restricted`, by other parameters than this one.
    """
    mean, variance = total_variance(boxes, volumes)
    effect = effect_variance(boxes, column, tree_steps(boxes, column), mean, volumes)
    return shares(effect[:, None], variance)[:, 0]


def shares(effects: FloatArray, variance: FloatArray) -> FloatArray:
    """Effects of shape (trees, k) as shares of each tree's variance; NaN where it has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance[:, None] > 0, effects / variance[:, None], np.nan)


def restricted(
    boxes: Boxes, inside: Mapping[int, tuple[FloatArray, NDArray[np.bool_]]]
) -> FloatArray:
    """Volumes of the leaves where only a part of the cube counts, as 1 in all: shape (n,).

    Args:
        boxes: the leaves.
        inside: per parameter that is restricted, edges of its cells (k + 1,) and which of
            these count (k,).
    """
    volumes = boxes.volumes
    for column, (edges, counted) in inside.items():
        low, high = boxes.low[:, column], boxes.high[:, column]
        sums = np.concatenate([[0.0], np.cumsum(np.diff(edges) * counted)])
        kept = np.interp(high, edges, sums) - np.interp(low, edges, sums)
        volumes = volumes / (high - low) * kept / sums[-1]
    return volumes


def _masses(boxes: Boxes, column: int, volumes: FloatArray) -> FloatArray:
    """What each leaf adds to the marginal of a parameter on its interval: shape (n,)."""
    masses: FloatArray = boxes.value * volumes / (boxes.high[:, column] - boxes.low[:, column])
    return masses


def _added(
    boxes: Boxes, mass: FloatArray, start: IntArray, stop: IntArray, edges: int
) -> FloatArray:
    """Masses added up on the steps that their leaves cover: shape (trees, edges - 1)."""
    # A leaf adds its mass where its interval starts and takes it back where it stops.
    shape = boxes.trees * edges
    jumps = np.bincount(boxes.tree * edges + start, mass, shape).astype(np.float64, copy=False)
    jumps -= np.bincount(boxes.tree * edges + stop, mass, shape)
    sums: FloatArray = np.cumsum(jumps.reshape(boxes.trees, -1), axis=1)[:, :-1]
    return sums


def _sums(boxes: Boxes, weights: FloatArray) -> FloatArray:
    """Sums per tree: shape (trees,)."""
    return np.bincount(boxes.tree, weights, boxes.trees).astype(np.float64)
