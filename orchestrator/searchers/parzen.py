"""A Parzen density over the unit cube for points with gaps, and the point it likes best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from orchestrator.searchers.kde import Floats, Integers


@dataclass(frozen=True)
class Parzen:
    """A kernel at each of n points and a uniform one, all of the same weight.

    Kernels are products over dimensions: a normal one truncated to [0, 1], or for a category
    most of the weight on the point's own. A gap knows nothing: there the kernel is uniform.

    Attributes:
        points: shape (n, d), NaN in gaps.
        widths: standard deviation of a kernel in each dimension, shape (d,); of a category the
            weight that is spread over all of them.
        categories: number of categories, shape (d,); 0 for a continuous dimension.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NIPS 2011, section 4;
    kernels over all dimensions as in Falkner, Klein and Hutter, BOHB, ICML 2018.
    """

    points: Floats
    widths: Floats
    categories: Integers

    @classmethod
    def fit(cls, points: Floats, categories: Integers, narrowest: float) -> Parzen:
        """Widths by the normal-reference rule on what is there, at least ``narrowest``."""
        n, d = points.shape
        widths = np.empty(d)
        for dimension in range(d):
            known = points[~np.isnan(points[:, dimension]), dimension]
            if categories[dimension]:
                widths[dimension] = 1.0 / (1 + max(len(known), 1) ** 0.75)
            else:
                spread = known.std() if len(known) > 1 else 0.5
                widths[dimension] = 1.06 * spread * max(n, 1) ** (-1 / (4 + d))
        return cls(points, np.clip(widths, narrowest, 1.0), categories)

    def log_pdf(self, points: Floats) -> Floats:
        """The logarithm of the density, shape (m,), at points of shape (m, d)."""
        logs = np.zeros((len(points), len(self.points)))
        for dimension, count in enumerate(self.categories.tolist()):
            here, there = points[:, dimension, None], self.points[None, :, dimension]
            width = self.widths[dimension]
            if count:
                same = np.floor(here * count) == np.floor(there * count)
                kernel = np.log(np.where(same, 1 - width, 0.0) * count + width)
            else:
                inside = np.log(ndtr((1 - there) / width) - ndtr(-there / width))
                kernel = -0.5 * ((here - there) / width) ** 2 - inside
                kernel -= math.log(width * math.sqrt(2 * math.pi))
            logs += np.where(np.isnan(kernel), 0.0, kernel)
        most = np.maximum(logs.max(axis=1, initial=0.0), 0.0)
        total = np.exp(logs - most[:, None]).sum(axis=1) + np.exp(-most)
        density: Floats = most + np.log(total) - math.log(len(self.points) + 1)
        return density

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """Points from it, shape (count, d), without gaps."""
        n, d = self.points.shape
        uniform = rng.random((3, count, d))
        chosen = rng.integers(n + 1, size=count)
        around = np.vstack([self.points, np.full(d, np.nan)])[chosen]
        low, high = ndtr((0 - around) / self.widths), ndtr((1 - around) / self.widths)
        moved = around + self.widths * ndtri(low + uniform[0] * (high - low))
        other = uniform[1] < self.widths
        kept = np.where((self.categories > 0) & ~other, around, moved)
        free = np.isnan(around) | ((self.categories > 0) & other)
        return np.clip(np.where(free, uniform[2], kept), 0.0, 1.0)
