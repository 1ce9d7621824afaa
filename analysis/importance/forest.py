"""A random forest over the unit cube, grown tree by tree on weights of one's own.

The forest that importance, marginal effects and ablation look into. Weights say how
often a tree's resample drew each trial, so that trees of many resamples are grown on
one table, and a tree knows which trials it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis.parameters import FloatArray

MOST_ROWS = 2_000
"""Trials that a forest is grown on at most; more would cost time and change no share."""


@dataclass(frozen=True)
class Forest:
    """Trees grown on resamples of the same trials.

    Attributes:
        trees: fitted scikit-learn regression trees.
        points: places in the unit cube, shape (n, d).
        losses: what the trees predict, shape (n,).
        weights: how often each tree's resample drew each trial, shape (trees, n).
    """

    trees: tuple[Any, ...]
    points: FloatArray
    losses: FloatArray
    weights: FloatArray

    def predictions(self, points: FloatArray) -> FloatArray:
        """What each tree predicts at points of shape (m, d): shape (trees, m)."""
        single = np.ascontiguousarray(points, dtype=np.float32)
        return np.stack([tree.tree_.predict(single)[:, 0] for tree in self.trees])

    @cached_property
    def r2(self) -> float:
        """Share of the variance explained by the trees that have not seen a trial.

        Source: Breiman, Random Forests, Machine Learning 45 (2001), section 3.1.
        """
        unseen = self.weights == 0
        told = unseen.any(axis=0)
        sums = (self.predictions(self.points) * unseen).sum(axis=0)[told]
        losses = self.losses[told]
        variance = float(((losses - losses.mean()) ** 2).sum()) if told.any() else 0.0
        if variance == 0:
            return 0.0
        missed = losses - sums / unseen.sum(axis=0)[told]
        return 1.0 - float((missed**2).sum()) / variance


def grow_forest(
    points: FloatArray, losses: FloatArray, trees: int, rng: np.random.Generator
) -> Forest:
    """A forest of which each tree sees a bootstrap resample of the trials."""
    weights = resamples(len(losses), trees, rng)
    return Forest(grow_trees(points, losses, weights, rng), points, losses, weights)


def resamples(
    trials: int, count: int, rng: np.random.Generator, draws: int | None = None
) -> FloatArray:
    """How often each of ``count`` resamples draws each trial: shape (count, trials).

    Args:
        trials: how many there are to draw from.
        count: number of resamples.
        rng: source of the draws.
        draws: per resample; by default as many as there are trials.
    """
    drawn = rng.integers(trials, size=(count, draws or trials))
    return np.stack([np.bincount(row, minlength=trials) for row in drawn]).astype(np.float64)


def grow_trees(
    points: FloatArray | Sequence[FloatArray],
    losses: FloatArray,
    weights: FloatArray,
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    """A tree for each row of weights.

    Five of six features a split, as in fANOVA's reference; leaves of two trials or half a
    per cent of the draws, which is less deep.

    Args:
        points: places of shape (n, d), or such an array for each tree.
        losses: shape (n,), or a row for each tree: (trees, n).
        weights: shape (trees, n).
        rng: source of the seed of each tree.
    """
    from sklearn.tree import DecisionTreeRegressor

    seeds = rng.integers(2**31 - 1, size=len(weights))
    leaf = max(2, round(weights[0].sum() / 200))
    shared = points if isinstance(points, np.ndarray) else None
    if shared is not None:
        shared = np.ascontiguousarray(shared, dtype=np.float32)
    grown = []
    for index, weight in enumerate(weights):
        table = shared
        if table is None:
            table = np.ascontiguousarray(points[index], dtype=np.float32)
        target = losses if losses.ndim == 1 else losses[index]
        tree = DecisionTreeRegressor(
            max_features=5 / 6, min_samples_leaf=leaf, random_state=int(seeds[index])
        )
        # The table has the type that trees want; checking it again costs as much as growing.
        tree.fit(table, np.ascontiguousarray(target[:, None]), weight, check_input=False)
        grown.append(tree)
    return tuple(grown)
