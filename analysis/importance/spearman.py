"""How far two rankings agree: Spearman's correlation with a bootstrap interval."""

from __future__ import annotations

import math

import numpy as np

from analysis.parameters import FloatArray

FEW, MANY = 200, 1_000
"""Up to so many trials there are 1000 resamples, then 300, then a formula does as well."""


def spearman(
    first: FloatArray, second: FloatArray, *, seed: int = 0, many: int = MANY
) -> tuple[float, float, float] | None:
    """Spearman's rank correlation and the ends of its 95 % percentile interval.

    Args:
        first: finite values, shape (trials,).
        second: of the same trials.
        seed: of the bootstrap, which resamples trials.
        many: trials above which the interval is Fisher's, with the variance of ranks,
            (1 + rho^2 / 2) / (n - 3): a formula, which then says the same at once.

    Returns:
        None where all values of one side are the same: there is no ranking.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; Bonett
        and Wright, Sample size requirements for estimating Pearson, Kendall and Spearman
        correlations, Psychometrika 65 (2000), for the formula.
    """
    trials = len(first)
    value = _correlations(first, second, np.ones((1, trials)))[0] if trials > 1 else np.nan
    if not np.isfinite(value):
        return None
    if trials > many:
        return float(value), *_by_formula(float(value), trials)
    if abs(value) > 1 - 1e-9:
        # Every resample agrees as well: the step below perfect says how far chance reaches.
        low, high = _by_formula(1 - 12 / (trials**3 - trials), trials)
        return (1.0, low, 1.0) if value > 0 else (-1.0, -1.0, -low)
    resamples = 1_000 if trials <= FEW else 300
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(trials, np.full(trials, 1 / trials), size=resamples)
    found = _correlations(first, second, weights.astype(np.float64))
    known = found[np.isfinite(found)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (-1.0, 1.0)
    return float(value), float(low), float(high)


def _by_formula(value: float, trials: int) -> tuple[float, float]:
    """The interval by Fisher's z; all that there is of three trials or fewer."""
    if trials <= 3:
        return -1.0, 1.0
    half = 1.96 * math.sqrt((1 + value**2 / 2) / (trials - 3))
    z = math.atanh(min(max(value, -1 + 1e-12), 1 - 1e-12))
    return math.tanh(z - half), math.tanh(z + half)


def _correlations(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """The correlation in each resample; NaN where one side has a single value.

    Args:
        first: shape (trials,).
        second: shape (trials,).
        weights: how often each trial was drawn, shape (resamples, trials).
    """
    a, b = _ranks(first, weights), _ranks(second, weights)
    total = weights.sum(axis=1, keepdims=True)
    a -= (weights * a).sum(axis=1, keepdims=True) / total
    b -= (weights * b).sum(axis=1, keepdims=True) / total
    spread = (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (weights * a * b).sum(axis=1) / np.sqrt(spread)
    return np.where(spread > 1e-9, np.clip(found, -1, 1), np.nan)


def _ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean rank of each trial in each resample, equal values sharing theirs.

    A trial drawn w times after W lower ones has the mean of ranks W + 1 to W + w.
    """
    distinct, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(distinct)))
    sums = np.add.reduceat(weights[:, order], starts, axis=1)  # (resamples, distinct)
    ranks: FloatArray = (np.cumsum(sums, axis=1) - sums + (sums + 1) / 2)[:, group]
    return ranks
