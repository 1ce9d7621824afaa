"""Product kernel densities over the unit cube, some of whose dimensions are categories."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Density:
    """A kernel density of n points in d dimensions.

    Continuous dimensions have Gaussian kernels, categories Aitchison and Aitken's: 1 - h
    for the point's own category, h / (c - 1) for each of the c - 1 others.

    Attributes:
        data: shape (n, d); numbers, and for categories 0 to c - 1.
        bandwidths: h, shape (d,), positive.
        categories: c, shape (d,); 0 for a continuous dimension.

    Source: Aitchison and Aitken, Biometrika 63 (1976); the same density as statsmodels'
    ``KDEMultivariate`` with var_type c and u, where the data show every category.
    """

    data: Floats
    bandwidths: Floats
    categories: Integers

    @classmethod
    def fit(cls, data: Floats, categories: Integers, min_bandwidth: float) -> Density:
        """Bandwidths by the normal-reference rule, h = 1.06 * std * n**(-1 / (4 + d)).

        They are raised to ``min_bandwidth``, and for c categories lowered to (c - 1) / c,
        at which the kernel is uniform: the rule of thumb knows nothing of categories and
        can exceed 1, which makes hpbandster's kernel negative.

        Args:
            data: shape (n, d).
            categories: shape (d,).
            min_bandwidth: keeps diversity where all points agree.
        """
        n, d = data.shape
        widths = np.maximum(1.06 * data.std(axis=0) * n ** (-1 / (4 + d)), min_bandwidth)
        counts = np.maximum(categories, 1)
        largest = np.where(categories > 0, (counts - 1) / counts, math.inf)
        return cls(data, np.minimum(widths, largest), categories)

    def pdf(self, points: Floats) -> Floats:
        """The density, shape (m,), at points of shape (m, d)."""
        smooth = self.categories == 0
        h = self.bandwidths[smooth]
        squares = cdist(points[:, smooth] / h, self.data[:, smooth] / h, "sqeuclidean")  # (m, n)
        kernels = np.exp(-0.5 * squares) / (math.sqrt(2 * math.pi) ** h.size * h.prod())
        for j in np.flatnonzero(~smooth):
            h_j, others = self.bandwidths[j], max(self.categories[j] - 1, 1)
            same = points[:, j, None] == self.data[None, :, j]
            kernels *= np.where(same, 1 - h_j, h_j / others)
        density: Floats = kernels.mean(axis=1)
        return density

    def draw(self, rng: np.random.Generator, count: int, widen: float) -> Floats:
        """Draw points from around the data.

        Around a random point of the data: a normal truncated to [0, 1] with ``widen``
        times the bandwidth, or with probability h a category drawn from all.

        Args:
            rng: the source of randomness.
            count: m, how many points.
            widen: factor on the bandwidths of continuous dimensions.

        Returns:
            shape (m, d).
        """
        around = self.data[rng.integers(len(self.data), size=count)]
        uniform = rng.random((2, *around.shape))
        h = np.where(self.categories > 0, 1.0, widen * self.bandwidths)  # 0 for a choice of one
        low, high = ndtr((0 - around) / h), ndtr((1 - around) / h)
        moved = around + h * ndtri(low + uniform[0] * (high - low))
        other = np.floor(uniform[1] * self.categories)
        kept = np.where(uniform[0] < 1 - self.bandwidths, around, other)
        return np.where(self.categories > 0, kept, np.clip(moved, 0.0, 1.0))


def impute(data: Floats, categories: Integers, rng: np.random.Generator) -> Floats:
    """Fill the gaps (NaN) of inactive parameters, so that a density can be fitted.

    A row's first gap is filled from a random row that has no gap there, and its other
    gaps from the same row as far as it has them; where no row has the parameter the
    value is uniform.

    Args:
        data: shape (n, d), categories as 0 to c - 1.
        categories: shape (d,); 0 for a continuous dimension.
        rng: the source of randomness.

    Source: Falkner et al., BOHB, ICML 2018, and hpbandster, which leaves a gap that is
    in the first dimension only.
    """
    filled = data.copy()
    for j in range(data.shape[1]):
        gaps = np.flatnonzero(np.isnan(filled[:, j]))
        if gaps.size == 0:
            continue
        donors = np.flatnonzero(~np.isnan(data[:, j]))
        if donors.size:
            chosen = data[rng.choice(donors, size=gaps.size)]
            filled[gaps] = np.where(np.isnan(filled[gaps]), chosen, filled[gaps])
        else:
            count = categories[j]
            filled[gaps, j] = (
                rng.integers(count, size=gaps.size) if count else rng.random(gaps.size)
            )
    return filled
