"""A Gaussian process over configs and epochs, with gaps where a parameter is inactive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dgesv, dpotrf, dpotri, dpotrs, dtrtrs
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist
from scipy.special import log_ndtr
from threadpoolctl import ThreadpoolController

from orchestrator.searchers.kde import Floats, Integers

ARC = 0.8
"""Of half a circle that the values of a conditional parameter are laid out on."""
STEPS, ENOUGH = 30, 1e-4
"""Of the search for length scales: at most, and it ends where a step gains less, relatively."""
NOISE = math.log(1e-2)
"""Centre of the priors of the logarithms of both noises."""
JITTER = 1e-8
RIDGE = 1e-3
"""Precision of the prior of the trend, in parts of the process's."""

BLAS = ThreadpoolController()
"""Of NumPy and SciPy: with several threads, small matrices wait for these."""


class Embedding:
    """Points of the unit cube as points whose distances say how alike two configs are.

    A number is itself. The values of an unordered choice are the corners of a simplex, all at
    distance 1. A parameter with a condition lies on an arc of radius 1, and at its centre where
    it is inactive: then what it would be does not matter, and being active or not does.

    Args:
        categories: values of an unordered choice, shape (d,); 0 for what has an order.
        conditional: whether a parameter can be inactive, shape (d,).

    Attributes:
        owners: dimension of each column, shape (c,).

    Source: the arc is that of Hutter and Osborne, A Kernel for Hierarchical Parameter Spaces,
    arXiv:1310.5738 (2013).
    """

    def __init__(self, categories: Integers, conditional: list[bool]) -> None:
        self._categories = categories
        self._conditional = conditional
        owners: list[int] = []
        for dimension, (count, may_be_off) in enumerate(zip(categories, conditional, strict=True)):
            owners += [dimension] * (int(count) or 1 + may_be_off)
        self.owners = np.array(owners, dtype=np.int64)

    def columns(self, points: Floats) -> Floats:
        """Shape (m, c), of points of shape (m, d) with NaN where inactive."""
        found: list[Floats] = []
        for dimension, count in enumerate(self._categories.tolist()):
            values = points[:, dimension]
            active = ~np.isnan(values)
            if count:
                cell = np.minimum(np.where(active, values, 0.0) * count, count - 1).astype(int)
                corner = (cell[:, None] == np.arange(count)) & active[:, None]
                found += list(corner.T / math.sqrt(2))
            elif self._conditional[dimension]:
                angle = np.where(active, values, 0.0) * math.pi * ARC
                found += [
                    np.where(active, np.cos(angle), 0.0),
                    np.where(active, np.sin(angle), 0.0),
                ]
            else:
                found.append(values)
        return np.column_stack(found) if found else np.zeros((len(points), 0))


@dataclass(frozen=True)
class Process:
    """A fitted process: what it believes of any point.

    Attributes:
        columns: shape (n, c).
        targets: shape (n,).
        groups: trial of each target, shape (n,).
        owners: dimension of each column, shape (c,).
        logs: logarithms of the length scale of each dimension, then of the variances of what
            the targets of a trial share and of the noise of each, in parts of the process's;
            shape (d + 2,).
        factor: Cholesky factor of the covariance, lower, shape (n, n).
        trend: of the mean, a constant and a slope along the last column, shape (2,).
        weights: covariance inverse times what the trend leaves of the targets, shape (n,).
        variance: of the process.
    """

    columns: Floats
    targets: Floats
    groups: Integers
    owners: Integers
    logs: Floats
    factor: Floats
    trend: Floats
    weights: Floats
    variance: float

    def believe(self, columns: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation, shape (m,) each, at points of shape (m, c)."""
        across = self._across(columns)
        mean: Floats = across @ self.weights + _basis(columns) @ self.trend
        solved = dtrtrs(self.factor, across.T, lower=1, overwrite_b=1)[0]  # across is gone
        left = np.maximum(1.0 - np.einsum("nm,nm->m", solved, solved), 1e-12)
        return mean, np.sqrt(self.variance * left)

    def expect(self, columns: Floats) -> Floats:
        """The mean alone, shape (m,), at points of shape (m, c); in a fraction of the time."""
        mean: Floats = self._across(columns) @ self.weights + _basis(columns) @ self.trend
        return mean

    def _across(self, columns: Floats) -> Floats:
        """Correlations of points of shape (m, c) with those that were seen, shape (m, n)."""
        scales = np.exp(self.logs[self.owners])
        return _matern(cdist(columns / scales, self.columns / scales))

    def left_out(self, rows: Integers) -> float:
        """The log density of some targets, each as believed without all of its trial.

        Args:
            rows: of the targets.

        Source: Rasmussen and Williams (2006), section 5.4.2, equations 5.10 to 5.12, with blocks
        of the inverse covariance in place of its diagonal.
        """
        lower = np.tril(dpotri(self.factor, lower=1)[0])
        precision = lower + np.tril(lower, -1).T
        by_trial = np.argsort(self.groups, kind="stable")
        ordered, owners = self.groups[by_trial], self.groups[rows]
        starts = np.searchsorted(ordered, owners, "left")
        sizes = np.searchsorted(ordered, owners, "right") - starts
        density = 0.0
        for size in np.unique(sizes):  # a block each, shape (r, size, size)
            these = np.flatnonzero(sizes == size)
            own = by_trial[starts[these, None] + np.arange(size)]
            at = own == rows[these, None]
            block = np.linalg.inv(precision[own[:, :, None], own[:, None, :]])[at]
            off = np.einsum("rm,rm->r", block, self.weights[own])
            variance = self.variance * block[at]
            density -= 0.5 * float(np.sum(off**2 / variance + np.log(2 * math.pi * variance)))
        return density

    def expecting(self, columns: Floats) -> Process:
        """The process when results at some more points, shape (m, c), are as it believes.

        Source: Ginsbourger, Le Riche and Carraro, Kriging is Well-Suited to Parallelize
        Optimization (2010), section 4: the kriging believer.
        """
        more, targets = np.vstack([self.columns, columns]), self.expect(columns)
        return _process(
            more,
            np.concatenate([self.targets, targets]),
            np.concatenate([self.groups, self.groups.max() + 1 + np.arange(len(columns))]),
            self.owners,
            self.logs,
        )


def fit(
    columns: Floats,
    owners: Integers,
    targets: Floats,
    groups: Integers,
    few: Integers,
    like: Process | None = None,
) -> Process:
    """A process through noisy targets, with a length scale for each dimension.

    Its mean is a constant and a slope along the last column, which is that of the epoch. What a
    training seed does lasts for the whole trial, so beside the noise of each target there is one
    that all of a trial share: many looks at a lucky trial do not make its config good.

    Length scales and noise are the most likely ones under weak priors, found on some of the
    points; the process then takes all.

    Args:
        columns: shape (n, c).
        owners: dimension of each column, shape (c,).
        targets: shape (n,).
        groups: trial of each target, shape (n,).
        few: points on which length scales are found.
        like: where the search for them begins, by default at what the prior likes best.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.2
    and 5.4; the prior of length scales, which grow with the number of dimensions, is that of
    Hvarfner, Hellsten and Nardi, Vanilla Bayesian Optimization Performs Great in High
    Dimensions, ICML 2024.
    """
    dimensions = int(owners.max()) + 1 if owners.size else 0
    centre = math.sqrt(2) + 0.5 * math.log(max(dimensions, 1)) - 1.5
    start = np.append(np.full(dimensions, centre), [NOISE, NOISE]) if like is None else like.logs
    bounds = [(math.log(0.03), math.log(30.0))] * dimensions + [(math.log(1e-5), 0.0)] * 2
    found = minimize(
        Likelihood(columns[few], owners, targets[few], groups[few], centre), start, jac=True,
        method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS, "ftol": ENOUGH},
    )  # fmt: skip
    return _process(columns, targets, groups, owners, found.x)


def _process(
    columns: Floats, targets: Floats, groups: Integers, owners: Integers, logs: Floats
) -> Process:
    scaled = columns / np.exp(logs[owners])
    covariance = _matern(cdist(scaled, scaled))
    covariance += math.exp(logs[-2]) * (groups[:, None] == groups)
    covariance.flat[:: len(targets) + 1] += math.exp(logs[-1]) + JITTER
    factor = _factor(covariance)
    trend, rest, weights = _detrended(factor, _basis(columns), targets)
    variance = max(float(rest @ weights) / len(targets), 1e-6)
    return Process(columns, targets, groups, owners, logs, factor, trend, weights, variance)


def _factor(covariance: Floats) -> Floats:
    """Its Cholesky factor, lower, what is above the diagonal left as it was; it is overwritten.

    LAPACK itself: what SciPy does around it takes as long as a small matrix.

    Raises:
        LinAlgError: it is not positive definite.
    """
    factor: Floats
    factor, wrong = dpotrf(covariance.T, lower=1, clean=0, overwrite_a=1)
    if wrong:
        raise np.linalg.LinAlgError("the covariance is not positive definite")
    return factor


def _basis(columns: Floats) -> Floats:
    """What the mean is made of, shape (m, 2): without it, what nobody tried would be average."""
    return np.column_stack([np.ones(len(columns)), columns[:, -1]])


def _detrended(factor: Floats, basis: Floats, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """The trend by generalised least squares, what it leaves, and the inverse times that.

    Source: Rasmussen and Williams (2006), section 2.7, with a weak prior of the trend.
    """
    solved = dpotrs(factor, np.column_stack([basis, targets]), lower=1)[0]
    normal = basis.T @ solved[:, :2] + RIDGE * np.eye(2)
    trend: Floats = dgesv(normal, basis.T @ solved[:, 2])[2]
    return trend, targets - basis @ trend, solved[:, 2] - solved[:, :2] @ trend


class Likelihood:
    """Minus the log likelihood of log length scales and log noises, and its gradient.

    The variance of the process is the best one for the rest, in closed form.

    Args:
        columns: shape (n, c).
        owners: dimension of each column, shape (c,).
        targets: shape (n,).
        groups: trial of each target, shape (n,).
        centre: of the prior of the logarithm of a length scale.
    """

    def __init__(
        self,
        columns: Floats,
        owners: Integers,
        targets: Floats,
        groups: Integers,
        centre: float,
    ) -> None:
        self._targets = targets
        one, other = np.triu_indices(len(targets), 1)
        self._above = one * len(targets) + other
        self._same = (groups[one] == groups[other]).astype(np.float64)
        self._basis = _basis(columns)
        self._centre = centre
        dimensions = int(owners.max()) + 1 if owners.size else 0
        shares = [columns[:, owners == one] for one in range(dimensions)]
        self._squares = np.array([pdist(share, "sqeuclidean") for share in shares]).reshape(
            dimensions, len(one)
        )

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """The value and the gradient, shape (d + 2,), at d length scales and two noises."""
        count = len(self._targets)
        inverse = np.exp(-2 * logs[:-2])
        shared, noise = math.exp(logs[-2]), math.exp(logs[-1])
        # of what is symmetric, what lies above the diagonal alone is made
        root = np.sqrt(5 * (inverse @ self._squares))
        decay = np.exp(-root)
        covariance = np.eye(count) * (1 + shared + noise + JITTER)
        covariance.ravel()[self._above] = (1 + root + root**2 / 3) * decay + shared * self._same
        factor = _factor(covariance)
        _, rest, weights = _detrended(factor, self._basis, self._targets)
        variance = max(float(rest @ weights) / count, 1e-6)
        value = 0.5 * count * math.log(variance) + np.log(factor.diagonal()).sum()
        # d/dK of the profiled likelihood
        precision = dpotri(factor, lower=1, overwrite_c=1)[0].T
        slope = precision - np.multiply.outer(weights, weights / variance)
        above, own = slope.ravel()[self._above], slope.trace()
        gradient = np.empty_like(logs)
        gradient[-2] = shared * (above @ self._same + 0.5 * own)
        gradient[-1] = 0.5 * noise * own
        # Matern 5/2: dk/d(r^2) = -5/6 (1 + root) exp(-root)
        inner = above * (5.0 / 3.0) * (1 + root) * decay
        gradient[:-2] = inverse * (self._squares @ inner)
        # Weak priors: log-normal scales and noises.
        away, loud = logs[:-2] - self._centre, logs[-2:] - NOISE
        value += 0.5 * float(away @ away) / 3.0 + 0.5 * float(loud @ loud) / 4.0
        gradient[:-2] += away / 3.0
        gradient[-2:] += loud / 4.0
        return float(value), gradient


def _matern(distance: Floats) -> Floats:
    """Matern's kernel of smoothness 5/2; in place, as fresh memory takes longer than the sums."""
    root = math.sqrt(5) * distance
    kernel: Floats = root**2
    kernel /= 3
    kernel += 1 + root
    kernel *= np.exp(np.negative(root, out=root), out=root)
    return kernel


def log_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """The logarithm of the expected improvement below ``best``; of any size, never minus infinity.

    Source: Jones, Schonlau and Welch, Efficient Global Optimization, J. Global Optimization 13
    (1998), equation 15; its logarithm as in Ament et al., NeurIPS 2023, section 4.1.
    """
    z = (best - mean) / deviation
    density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    near = np.log(np.maximum(np.exp(density) + z * np.exp(log_ndtr(z)), 1e-300))
    far = density - 2 * np.log(np.maximum(np.abs(z), 1.0))
    gain: Floats = np.where(z > -8, near, far) + np.log(deviation)
    return gain
