"""A Gaussian process over configs and epochs, with gaps where a parameter is inactive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import log_ndtr, ndtri

from orchestrator.searchers.kde import Floats, Integers

ARC = 0.8
"""Of half a circle that the values of a conditional parameter are laid out on."""
STEPS = 30
"""Of the search for length scales."""
JITTER = 1e-8
RIDGE = 1e-3
"""Precision of the prior of the trend, in parts of the process's."""


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
        scales: length scale of each column, shape (c,).
        noise: variance of the targets' noise, in parts of the process's.
        factor: Cholesky factor of the covariance, lower, shape (n, n).
        trend: of the mean, a constant and a slope along the last column, shape (2,).
        weights: covariance inverse times what the trend leaves of the targets, shape (n,).
        variance: of the process.
    """

    columns: Floats
    targets: Floats
    scales: Floats
    noise: float
    factor: Floats
    trend: Floats
    weights: Floats
    variance: float

    def believe(self, columns: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation, shape (m,) each, at points of shape (m, c)."""
        across = _matern(cdist(columns / self.scales, self.columns / self.scales))  # (m, n)
        mean = across @ self.weights + _basis(columns) @ self.trend
        solved = solve_triangular(self.factor, across.T, lower=True, check_finite=False)
        left = np.maximum(1.0 - np.einsum("nm,nm->m", solved, solved), 1e-12)
        return mean, np.sqrt(self.variance * left)

    def left_out(self, rows: Integers) -> float:
        """The log density of some targets, each as believed without that one.

        Source: Rasmussen and Williams (2006), section 5.4.2, equations 5.10 to 5.12.
        """
        size = len(self.targets)
        precision = np.diag(cho_solve((self.factor, True), np.eye(size), check_finite=False))[rows]
        off = self.weights[rows] / precision
        variance = self.variance / precision
        return float(-0.5 * np.sum(off**2 / variance + np.log(2 * math.pi * variance)))

    def expecting(self, columns: Floats) -> Process:
        """The process when results at some more points, shape (m, c), are as it believes.

        Source: Ginsbourger, Le Riche and Carraro, Kriging is Well-Suited to Parallelize
        Optimization (2010), section 4: the kriging believer.
        """
        targets = np.concatenate([self.targets, self.believe(columns)[0]])
        return _process(np.vstack([self.columns, columns]), targets, self.scales, self.noise)


def fit(columns: Floats, owners: Integers, targets: Floats, few: Integers) -> Process:
    """A process through noisy targets, with a length scale for each dimension.

    Its mean is a constant and a slope along the last column, which is that of the epoch.

    Length scales and noise are the most likely ones under weak priors, found on some of the
    points; the process then takes all.

    Args:
        columns: shape (n, c).
        owners: dimension of each column, shape (c,).
        targets: shape (n,).
        few: points on which length scales are found.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), sections 2.2
    and 5.4; the prior of length scales, which grow with the number of dimensions, is that of
    Hvarfner, Hellsten and Nardi, Vanilla Bayesian Optimization Performs Great in High
    Dimensions, ICML 2024.
    """
    dimensions = int(owners.max()) + 1 if owners.size else 0
    centre = math.sqrt(2) + 0.5 * math.log(max(dimensions, 1)) - 1.5
    start = np.full(dimensions + 1, centre)
    start[-1] = math.log(1e-2)
    problem = Likelihood(columns[few], owners, targets[few], centre)
    bounds = [(math.log(0.03), math.log(30.0))] * dimensions + [(math.log(1e-5), math.log(1.0))]
    found = minimize(
        problem, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    ).x
    return _process(columns, targets, np.exp(found[owners]), math.exp(found[-1]))


def _process(columns: Floats, targets: Floats, scales: Floats, noise: float) -> Process:
    scaled = columns / scales
    covariance = _matern(cdist(scaled, scaled))
    covariance[np.diag_indices_from(covariance)] += noise + JITTER
    factor = cho_factor(covariance, lower=True, check_finite=False)
    trend, rest, weights = _detrended(factor, _basis(columns), targets)
    variance = max(float(rest @ weights) / len(targets), 1e-6)
    return Process(columns, targets, scales, noise, factor[0], trend, weights, variance)


def _basis(columns: Floats) -> Floats:
    """What the mean is made of, shape (m, 2): without it, what nobody tried would be average."""
    return np.column_stack([np.ones(len(columns)), columns[:, -1]])


def _detrended(
    factor: tuple[Floats, bool], basis: Floats, targets: Floats
) -> tuple[Floats, Floats, Floats]:
    """The trend by generalised least squares, what it leaves, and the inverse times that.

    Source: Rasmussen and Williams (2006), section 2.7, with a weak prior of the trend.
    """
    solved = cho_solve(factor, np.column_stack([basis, targets]), check_finite=False)
    normal = basis.T @ solved[:, :2] + RIDGE * np.eye(2)
    trend: Floats = np.linalg.solve(normal, basis.T @ solved[:, 2])
    return trend, targets - basis @ trend, solved[:, 2] - solved[:, :2] @ trend


class Likelihood:
    """Minus the log likelihood of log length scales and log noise, and its gradient.

    The variance of the process is the best one for the rest, in closed form.

    Args:
        columns: shape (n, c).
        owners: dimension of each column, shape (c,).
        targets: shape (n,).
        centre: of the prior of the logarithm of a length scale.
    """

    def __init__(self, columns: Floats, owners: Integers, targets: Floats, centre: float) -> None:
        self._targets = targets
        self._basis = _basis(columns)
        self._centre = centre
        dimensions = int(owners.max()) + 1 if owners.size else 0
        self._squares = np.stack(
            [
                cdist(columns[:, owners == one], columns[:, owners == one], "sqeuclidean")
                for one in range(dimensions)
            ]
        ) if dimensions else np.zeros((0, len(targets), len(targets)))  # fmt: skip

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """The value and the gradient, shape (d + 1,), at d length scales and the noise."""
        count = len(self._targets)
        inverse = np.exp(-2 * logs[:-1])
        noise = math.exp(logs[-1])
        distance = np.sqrt(np.tensordot(inverse, self._squares, axes=1))
        root = math.sqrt(5) * distance
        decay = np.exp(-root)
        covariance = (1 + root + root**2 / 3) * decay
        covariance[np.diag_indices(count)] += noise + JITTER
        factor = cho_factor(covariance, lower=True, check_finite=False)
        precision = cho_solve(factor, np.eye(count), check_finite=False)
        _, rest, weights = _detrended(factor, self._basis, self._targets)
        variance = max(float(rest @ weights) / count, 1e-6)
        value = 0.5 * count * math.log(variance) + np.log(np.diag(factor[0])).sum()
        # d/dK of the profiled likelihood
        slope = 0.5 * (precision - np.outer(weights, weights) / variance)
        # Matern 5/2: dk/d(r^2) = -5/6 (1 + root) exp(-root)
        inner = slope * (5.0 / 3.0) * (1 + root) * decay
        gradient = np.empty_like(logs)
        gradient[:-1] = inverse * np.einsum("ij,dij->d", inner, self._squares)
        gradient[-1] = noise * np.trace(slope)
        # Weak priors: log-normal scales and noise.
        away = logs[:-1] - self._centre
        quiet = logs[-1] - math.log(1e-2)
        value += 0.5 * float(away @ away) / 3.0 + 0.5 * quiet**2 / 4.0
        gradient[:-1] += away / 3.0
        gradient[-1] += quiet / 4.0
        return float(value), gradient


def _matern(distance: Floats) -> Floats:
    """Matern's kernel of smoothness 5/2."""
    root = math.sqrt(5) * distance
    kernel: Floats = (1 + root + root**2 / 3) * np.exp(-root)
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


def warped(losses: Floats) -> Floats:
    """Losses as quantiles of a normal distribution, by rank; equal ones alike, infinity worst.

    What remains is which is better: no outlier bends the model, and no scale has to be known.
    """
    order = np.sort(losses)
    rank = (np.searchsorted(order, losses, "left") + np.searchsorted(order, losses, "right")) / 2
    quantiles: Floats = ndtri(rank / len(losses))
    return quantiles
