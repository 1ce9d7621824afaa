"""Losses on a scale that a Gaussian process can be fitted to."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from orchestrator.searchers.kde import Floats, Integers
from searchspaces.dominance import CEILING


def warped(losses: Floats, rows: Integers) -> Floats:
    """Losses on the scale of a normal distribution: the better half as it is, the rest by rank.

    Of the worse half, and of all that failed, the order remains: no outlier bends the model. The
    better half keeps its distances, in units of their root mean square from the middle. By rank
    the best few would lie as far apart whether they differ by much or by a hair, and near the
    optimum a smooth loss would look like noise. Equal losses stay equal, and the order stays.

    Args:
        losses: all there are, shape (n,).
        rows: indices of those that are wanted, shape (m,).

    Source: the half-rank warping of Song et al., The Vizier Gaussian Process Bandit Algorithm,
    arXiv:2408.11527 (2024), section 3.
    """
    order, some = np.sort(losses), losses[rows]

    def by_rank(values: Floats) -> Floats:
        both = np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right")
        found: Floats = ndtri(both / 2 / len(losses))
        return found

    found = by_rank(some)
    known = losses[losses < CEILING]
    if known.size:
        middle = np.median(known)
        good = losses[losses <= middle]
        scale = math.sqrt(np.mean((middle - good) ** 2))
        if scale > 0:
            better = some <= middle
            top = by_rank(good.max(keepdims=True))
            found[better] = top - (middle - some[better]) / scale
    return found
