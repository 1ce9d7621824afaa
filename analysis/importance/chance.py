"""What chance does to the shares of importance: of single parameters and of pairs.

Single parameters compete with copies of themselves that are shuffled over the trials.
Pairs cannot: where two parameters matter a lot, a forest of few trials sees something
between them even if their effects only add up. So the trials are given objectives that
do add up, with the same scatter around them, and what pairs reach there is chance.

Source: Kursa and Rudnicki, Feature Selection with the Boruta Package, J. Stat. Softw. 36
    (2010) (shuffled copies); Freedman and Lane, J. Bus. Econ. Stat. 1 (1983) (residuals
    permuted under the reduced model); Westfall and Young, Resampling-Based Multiple
    Testing (1993), section 2.5 (the greatest of many).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.importance.fanova import Boxes, Cells, leaf_boxes, marginal
from analysis.importance.fanova_pairs import all_effects
from analysis.importance.forest import Forest, grow_trees, resamples
from analysis.parameters import FloatArray

REPLICATES = 20
_TREES = 4
_HITS = 15
_ROWS = 800
"""Draws of a resample at most; fewer than there are trials make chance look stronger."""
_LEAST = 0.01
"""The share of a pair that is worth a word."""
_FUDGE = 0.002
"""Added to the deviation of a pair by chance, which is next to nothing for idle parameters."""


@dataclass(frozen=True)
class Chance:
    """What resampling and chance do to the shares of d parameters and their pairs.

    Attributes:
        spreads: standard deviation of each parameter's share, shape (d,).
        noisy: whether it fails to beat the best shuffled copy in 15 of 20 resamples
            (a coin does in 2 % of cases), shape (d,).
        level: the share that this copy stays below in 9 of 10 resamples.
        pair_spreads: as above, of the pairs, shape (d (d - 1) / 2,).
    """

    spreads: FloatArray
    noisy: NDArray[np.bool_]
    level: float
    pair_spreads: FloatArray


def chance_of_parameters(
    points: FloatArray, losses: FloatArray, cells: Sequence[Cells], rng: np.random.Generator
) -> Chance:
    """Resample the trials, each time with shuffled copies of all parameters beside them."""
    trials, count = points.shape
    draws = min(trials, _ROWS)
    weights = resamples(trials, REPLICATES, rng, draws)
    tables = []
    for _ in range(REPLICATES):
        both = np.concatenate([points, rng.permuted(points, axis=0)], axis=1)
        tables += [both] * _TREES
    trees = grow_trees(tables, losses, np.repeat(weights, _TREES, axis=0), rng)
    effects = all_effects(leaf_boxes(trees, [*cells, *cells]), count)
    alone, together = (_by_replicate(found) for found in effects)
    if len(alone) < _HITS:
        pairs = together.shape[1]
        return Chance(np.zeros(count), np.ones(count, dtype=bool), 1.0, np.zeros(pairs))
    best_copy = alone[:, count:].max(axis=1)
    hits = (alone[:, :count] > best_copy[:, None]).sum(axis=0)
    # Resamples of fewer trials scatter more, by the root of their number.
    scale = float(np.sqrt(draws / trials))
    return Chance(
        scale * alone[:, :count].std(axis=0, ddof=1),
        hits < _HITS,
        float(np.quantile(best_copy, 0.9)),
        scale * together.std(axis=0, ddof=1),
    )


def chance_of_pairs(
    forest: Forest,
    boxes: Boxes,
    shares: FloatArray,
    cells: Sequence[Cells],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which pairs a forest would also see where effects only add up, and how much it sees.

    A pair is above the noise if it is further above what it reaches there, in standard
    deviations, than any pair in any of the 20 replicates. It must also be twice as much,
    for the sum is the forest's own, a little flatter than the truth, and at least one per
    cent.

    Args:
        forest: the forest that is looked into.
        boxes: its leaves.
        shares: of the pairs in it, shape (pairs,).
        cells: per parameter.
        rng: source of the draws.

    Returns:
        Which pairs are noise, and the mean share of each by chance, both (pairs,).
    """
    points, losses = forest.points, forest.losses
    fitted = _additive(boxes, points) + losses.mean()
    residuals = np.tile(losses - fitted, (REPLICATES, 1))
    targets = np.repeat(fitted + rng.permuted(residuals, axis=1), _TREES, axis=0)
    weights = resamples(len(losses), REPLICATES, rng, min(len(losses), _ROWS))
    trees = grow_trees(points, targets, np.repeat(weights, _TREES, axis=0), rng)
    reached = _by_replicate(all_effects(leaf_boxes(trees, cells))[1])
    if len(reached) < _HITS:
        return np.ones(len(shares), dtype=bool), np.zeros(len(shares))
    mean = reached.mean(axis=0)
    unit = reached.std(axis=0, ddof=1) + _FUDGE
    beyond = ((reached - mean) / unit).max()
    loud = ((shares - mean) / unit > beyond) & (shares > 2 * mean) & (shares >= _LEAST)
    return ~loud, mean


def _additive(boxes: Boxes, points: FloatArray) -> FloatArray:
    """The sum of the forest's marginals at points, each with mean 0: shape (n,)."""
    total = np.zeros(len(points))
    for column in range(points.shape[1]):
        effect = marginal(boxes, column)
        total += effect.at(points[:, column]).mean(axis=0) - effect.mean()
    return total


def _by_replicate(found: FloatArray) -> FloatArray:
    """Means over the trees of each replicate that have any variance: (replicates, k)."""
    grouped = found.reshape(REPLICATES, _TREES, -1)
    means: FloatArray = np.nanmean(grouped[np.isfinite(grouped).any(axis=(1, 2))], axis=1)
    return means
