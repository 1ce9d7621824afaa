"""What can be said of a few repeats: intervals, differences and ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.parameters import FloatArray

DRAWS = 4_000


def half_width(values: FloatArray, level: float = 0.95) -> FloatArray:
    """Half the interval of the mean over the first axis, by Student's t; NaN for one value.

    Args:
        values: shape (repeats, ...).
        level: of the interval.
    """
    from scipy.special import stdtrit

    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], np.nan)
    error = values.std(axis=0, ddof=1) / math.sqrt(count)
    return np.asarray(stdtrit(count - 1, (1 + level) / 2) * error)


def p_value(one: FloatArray, other: FloatArray, *, paired: bool) -> float | None:
    """How often chance alone gives a difference of means this large, both ways.

    Student's t of the differences, or Welch's of two groups. Where nothing scatters t has
    no scale, and the count of rearrangements gives the answer.

    Args:
        one: shape (n,).
        other: shape (m,); of the same length if ``paired``.
        paired: whether values at the same place belong together.

    Returns:
        None with fewer than two values on a side.

    Source: Welch, Biometrika 34 (1947); Fisher, The Design of Experiments (1935), ch. 3.
    """
    from scipy.special import stdtr

    n, m = len(one), len(other)
    if min(n, m) < 2:
        return None
    if paired:
        gaps = one - other
        gap, variance, freedom = gaps.mean(), gaps.var(ddof=1) / n, n - 1.0
        rearranged = 2.0**n
    else:
        a, b = one.var(ddof=1) / n, other.var(ddof=1) / m
        gap, variance = one.mean() - other.mean(), a + b
        freedom = variance**2 / (a**2 / (n - 1) + b**2 / (m - 1)) if variance else 1.0
        rearranged = math.comb(n + m, n)
    if abs(gap) <= 1e-12 * (np.abs(one).max() + np.abs(other).max()):
        return 1.0
    if math.sqrt(variance) <= 1e-9 * abs(gap):
        return min(1.0, 2 / rearranged)
    return float(2 * stdtr(freedom, -abs(gap) / math.sqrt(variance)))


def holm(values: Sequence[float]) -> list[float]:
    """P-values adjusted for how many there are.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6 (1979).
    """
    order = np.argsort(values, kind="stable")
    adjusted = np.ones(len(values))
    least = 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = least
    return [float(value) for value in adjusted]


def mean_ranks(losses: Sequence[FloatArray], *, paired: bool) -> FloatArray:
    """The rank each strategy has on average, 1 is best: shape (strategies, budgets).

    Paired, it is the mean over repeats of one seed; otherwise over all ways to draw one
    repeat of each. Ties share their ranks, and what has no score yet ranks last.

    Args:
        losses: a strategy each, shape (repeats, budgets), NaN before the first score.
        paired: whether repeats at the same place belong together.
    """
    known = [np.where(np.isnan(values), np.inf, values) for values in losses]
    ranks = np.ones((len(known), known[0].shape[1]))
    for s, mine in enumerate(known):
        for t, theirs in enumerate(known):
            if s == t:
                continue
            a, b = (mine, theirs) if paired else (mine[:, None], theirs[None])
            behind = (b < a) + 0.5 * (a == b)
            ranks[s] += behind.mean(axis=0 if paired else (0, 1))
    return ranks


def rank_shares(finals: Sequence[FloatArray], *, paired: bool, seed: int = 0) -> FloatArray:
    """How often each strategy takes each rank: shape (strategies, ranks), rows sum to 1.

    Args:
        finals: losses, a strategy each, shape (repeats,).
        paired: whether repeats at the same place belong together.
        seed: of the draws of one repeat each, where they do not.
    """
    if paired:
        blocks = np.stack(finals, axis=1)
    else:
        rng = np.random.default_rng(seed)
        blocks = np.stack([rng.choice(values, DRAWS) for values in finals], axis=1)
    shares = np.zeros((len(finals), len(finals)))
    for s in range(len(finals)):
        ahead = (blocks < blocks[:, [s]]).sum(axis=1)
        tied = (blocks == blocks[:, [s]]).sum(axis=1)  # itself too
        for rank in range(len(finals)):
            there: NDArray[np.bool_] = (ahead <= rank) & (rank < ahead + tied)
            shares[s, rank] = (there / tied).mean()
    return shares


def rank_interval(shares: FloatArray, count: int, seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the mean rank; None from fewer than two repeats.

    One more repeat, spread evenly over the ranks, is the prior, so that five wins in five do
    not make the sixth certain; of two ranks that is Jeffreys' prior.

    Args:
        shares: of each rank, shape (ranks,).
        count: repeats behind them.
        seed: of the draws.

    Source: Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion,
        Stat. Science 16 (2001), sections 3.2 and 4.1.1; for more than two ranks Perks,
        Some observations on inverse probability, J. Inst. Actuaries 73 (1947).
    """
    if count < 2:
        return None
    ranks = np.arange(1, len(shares) + 1)
    draws = np.random.default_rng(seed).dirichlet(count * shares + 1 / len(shares), DRAWS) @ ranks
    mean = float(shares @ ranks)
    low, high = np.quantile(draws, [0.025, 0.975])
    # As Jeffreys' interval: what was seen always, or never, lies inside.
    return min(float(low), mean), max(float(high), mean)
