"""Functional ANOVA of a forest: how much of its variance pairs of parameters explain together.

The marginal over all parameters but two is a step function on a rectangle. A leaf adds
a constant on its own rectangle: four corners of a table and two running sums give all
leaves of all trees at once, exactly.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing
    Hyperparameter Importance, ICML 2014, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from analysis.importance.fanova import (
    Boxes,
    Steps,
    effect_variance,
    shares,
    total_variance,
    tree_steps,
)
from analysis.parameters import FloatArray


def pairs_of(columns: int) -> list[tuple[int, int]]:
    """The pairs in the order in which :func:`all_effects` gives them: (0, 1), (0, 2), ..."""
    return list(combinations(range(columns), 2))


def all_effects(boxes: Boxes, columns: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Shares of each tree's variance: of single parameters and of pairs.

    Args:
        boxes: the leaves of a forest over d parameters.
        columns: pairs are wanted of the first so many parameters; by default of all.

    Returns:
        Shapes (trees, d) and (trees, columns (columns - 1) / 2). A tree without variance
        (a single leaf) gives NaN.
    """
    mean, variance = total_variance(boxes)
    count = boxes.low.shape[1]
    steps = [tree_steps(boxes, column) for column in range(count)]
    alone = [effect_variance(boxes, column, steps[column], mean) for column in range(count)]
    together = [
        np.maximum(
            _pair_variance(boxes, (a, b), (steps[a], steps[b]), mean) - alone[a] - alone[b], 0
        )
        for a, b in pairs_of(count if columns is None else columns)
    ]
    return (
        shares(np.stack(alone, axis=1), variance),
        shares(np.stack(together, axis=1) if together else np.empty((boxes.trees, 0)), variance),
    )


def _pair_variance(
    boxes: Boxes, columns: tuple[int, int], steps: Sequence[Steps], mean: FloatArray
) -> FloatArray:
    """Variance of the marginal of two parameters, in each tree: shape (trees,)."""
    first, second = steps
    rows, width = first.widths.shape[1] + 1, second.widths.shape[1] + 1
    sides = (boxes.high[:, columns] - boxes.low[:, columns]).prod(axis=1)
    mass = boxes.value * boxes.volumes / sides
    above, below = (boxes.tree * rows + end for end in (first.start, first.stop))
    places = np.concatenate([
        above * width + second.start, above * width + second.stop,
        below * width + second.start, below * width + second.stop,
    ])  # fmt: skip
    size = boxes.trees * rows * width
    sums = np.bincount(places, np.concatenate([mass, -mass, -mass, mass]), size)
    table = sums.astype(np.float64, copy=False).reshape(boxes.trees, rows, width)
    np.cumsum(table, axis=1, out=table)
    np.cumsum(table, axis=2, out=table)
    table -= mean[:, None, None]
    np.square(table, out=table)
    along = np.matmul(table[:, :-1, :-1], second.widths[:, :, None])[:, :, 0]
    found: FloatArray = (along * first.widths).sum(axis=1)
    return found
