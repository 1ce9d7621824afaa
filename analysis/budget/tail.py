"""The tail of the best losses: how far below the best one more draws would come.

Two facts need no model: among N draws the least takes a share of the distribution
that is Beta(1, N), and k more fall into it by chance alone. Only how deep they fall
does: there, losses are taken to thin out as a power of their distance to an end,
or exponentially where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.parameters import FloatArray

_LEAST, _MOST = 10, 100
"""Losses a tail is fitted to: half of them, within these."""
_STEEPEST = 2.0


@dataclass(frozen=True)
class Tail:
    """The least losses of some draws.

    Attributes:
        count: losses below the threshold.
        depth: how far the least of them lies below it, above 0.
        power: from 0, exponential, to 2: what lies below the loss y has a chance that grows
            as ``(y - end) ** (1 / power)``.
    """

    count: int
    depth: float
    power: float


def fit_tail(losses: FloatArray) -> Tail:
    """Fit a tail by probability-weighted moments.

    Its power is minus the shape of a generalised Pareto distribution. Near an optimum in d
    directions that matter it is 2 / d, hence the bounds.

    Args:
        losses: ascending, not all equal, shape (losses,).

    Source: Hosking and Wallis, Parameter and quantile estimation for the generalized
        Pareto distribution, Technometrics 29 (1987), section 3.
    """
    above = int(np.searchsorted(losses, losses[0], side="right"))  # the first that is greater
    count = min(len(losses) - 1, max(int(np.clip(len(losses) // 2, _LEAST, _MOST)), above))
    depths = (losses[count] - losses[:count])[::-1]  # ascending
    mean = float(depths.mean())
    # Mean of x (1 - F(x)), with plotting positions (j - 0.35) / n.
    places = (np.arange(1, count + 1) - 0.35) / count
    gap = mean - 2 * float(((1 - places) * depths).mean())
    shape = 2 - mean / gap if gap > 0 else 0.0
    return Tail(count, float(depths[-1]), float(np.clip(-shape, 0.0, _STEEPEST)))


def gains_to_come(
    tail: Tail,
    powers: FloatArray,
    trials: int,
    more: NDArray[np.int64],
    rng: np.random.Generator,
) -> FloatArray:
    """By how much the least of k more draws beats the least so far: (powers, more).

    Args:
        tail: of the draws so far.
        powers: of the tail, one a future that is drawn, shape (powers,).
        trials: draws so far.
        more: each k; the same future goes on with more draws.
        rng: the source of chance.

    Source: David and Nagaraja, Order Statistics (2003), section 2.1, for the shares of
        uniform order statistics.
    """
    futures = (len(powers), 1)
    threshold = rng.beta(tail.count + 1, trials - tail.count, futures)
    least = threshold * rng.beta(1, tail.count, futures)  # chance to beat the least so far
    luck = rng.random(futures)
    chance = -np.expm1(np.log1p(-luck) / more)  # share below the least of k: (powers, more)
    power = np.maximum(powers[:, None], 1e-6)  # the limit 0 is a logarithm, and 1e-6 near it
    reached = -np.expm1(power * np.log(np.minimum(chance / least, 1.0)))
    return np.asarray(tail.depth * reached / np.expm1(power * np.log(threshold / least)))
