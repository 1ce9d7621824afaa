"""How much worse the winner would do again: it was picked because it looked best.

Of many noisy scores the best is one of a good config that also had luck. Luck does
not repeat, so a fresh run of the winner's config is expected to score worse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.fidelity import Fidelity, ranking
from analysis.load import Run
from analysis.metrics import least_loss
from analysis.parameters import FloatArray
from analysis.warnings.noise import Noise, by_config, rounded, score_noise

REACH = 8.0
"""Scores more than so many standard deviations of noise behind never would have won."""
_DRAWS = 2_000
_NUMBERS = 2_000_000
_CONFIDENCE = 0.975
_WORTH_SAYING = 0.25


@dataclass(frozen=True)
class WinnersDrop:
    """What to expect of the winner's config.

    Attributes:
        fidelity: the trials among which it was picked and the epoch.
        noise: how much a score varies by chance.
        metric: the objective.
        number: the winner.
        observed: its score.
        expected: the score of a fresh run of its config; None if unknown.
        low: lower end of the 95 % interval of a fresh run's score; None if unknown.
        high: its upper end.
        fixed_epoch: the expected value at an epoch that is fixed beforehand, where the best
            of the epochs is not picked either; None if unknown.
        repeated: how many other runs of its config the answer rests on; with one or
            more it is their mean, else it is worked out from the rivals' scores.
        unknown: why nothing can be said, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    noise: Noise
    metric: str
    number: int | None = None
    observed: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    fixed_epoch: float | None = None
    repeated: int = 0
    unknown: str = ""

    @property
    def drop(self) -> float | None:
        """By how much a fresh run is expected to be worse, in the objective's unit."""
        if self.expected is None or self.observed is None:
            return None
        return abs(self.expected - self.observed)

    def words(self) -> tuple[str, ...]:
        """What to expect of a fresh run; nothing where it would do about as well."""
        sd = self.noise.sd
        if self.expected is None or self.observed is None or not sd:
            return ()
        if self.drop is None or self.drop < _WORTH_SAYING * sd:
            return ()
        seen, fresh, low, high = (
            rounded(value, sd)
            for value in (self.observed, self.expected, self.low or 0.0, self.high or 0.0)
        )
        if self.repeated:
            how = f"is its luckiest of {self.repeated + 1} runs"
        else:
            how = f"is flattered by having been picked from {self.fidelity.trials}"
        first = (
            f"the winner's {seen} {how}: expect about {fresh} ({low} to {high}) from a fresh run"
        )
        more = []
        if self.fixed_epoch is not None and rounded(self.fixed_epoch, sd) != fresh:
            more.append(f"about {rounded(self.fixed_epoch, sd)} at an epoch fixed beforehand")
        if self.noise.at_least:
            more.append("other seeds may vary more than epochs do")
        return (first, "; ".join(more)) if more else (first,)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        fields = {key: getattr(self, key) for key in (
            "metric", "number", "observed", "expected", "low", "high", "drop", "fixed_epoch",
            "repeated", "unknown")}  # fmt: skip
        return {
            **fields,
            "epoch": self.fidelity.epoch,
            "trials": self.fidelity.trials,
            "noise": self.noise.as_dict(),
            "words": list(self.words()),
        }


def winners_drop(run: Run, *, fidelity: Fidelity | None = None, seed: int = 0) -> WinnersDrop:
    """Expect what a fresh run of the winner's config would score.

    A parametric bootstrap: the scores within 8 standard deviations of noise of the best
    are shrunk towards their mean, so that they vary as much as scores without noise
    would (James-Stein); noise is added, the best is picked, and how much it flatters
    itself is averaged over many draws. Where the winner's config was run several
    times, the mean of its other runs says so directly.

    Without repeats the noise is that of epochs, which is less than that of seeds: then
    the drop is the least to expect.

    Args:
        run: the run.
        fidelity: the trials among which the winner is; by default those that came furthest.
        seed: of the draws.

    Source: Efron, Tweedie's formula and selection bias, JASA 106 (2011), for the problem
        and for shrinkage as its cure; Efron and Morris, JASA 68 (1973), for the factor.
    """
    group = ranking(run) if fidelity is None else fidelity
    metric, sign = run.meta.metric, run.meta.sign
    if not group.trials:
        return WinnersDrop(group, Noise(), metric, unknown=group.reason)
    noise = score_noise(run, group, seed=seed)
    number = int(run.trials["number"].to_numpy()[group.rows[0]])
    observed = float(group.scores[0])
    losses = sign * group.scores
    if noise.sd is None:
        return WinnersDrop(group, noise, metric, number, observed,
                           unknown=f"noise unknown: {noise.unknown}")  # fmt: skip
    if group.trials < 2:
        return WinnersDrop(group, noise, metric, number, observed,
                           unknown="there was nothing to pick from")  # fmt: skip
    others = by_config(run, group)[0][1:]
    if len(others) and noise.source == "repeats":
        expected = float(losses[others].mean())
        uncertain = noise.sd / math.sqrt(len(others))
    else:
        others = others[:0]
        drop, uncertain = _drop(losses, noise.sd, seed)
        expected = float(losses[0]) + drop
    # A fresh run has noise of its own.
    half = noise.quantile(_CONFIDENCE) * math.hypot(noise.sd, uncertain)
    best = max(expected - half, least_loss(run.meta.mode, float(losses[0]), float(losses[-1])))
    ends = sorted((sign * best, sign * (expected + half)))
    return WinnersDrop(
        group, noise, metric, number, observed, sign * expected, ends[0], ends[1],
        sign * (expected + noise.flattery) if noise.epoch_sd is not None else None, len(others),
    )  # fmt: skip


def _drop(losses: FloatArray, sd: float, seed: int) -> tuple[float, float]:
    """How much the least of some scores flatters itself: mean and spread over draws.

    Args:
        losses: scores to minimise, ascending, shape (trials,).
        sd: of their noise.
        seed: of the draws.
    """
    if sd == 0:
        return 0.0, 0.0
    behind = (losses - losses[0]) / sd  # in units of noise
    rivals = behind[behind <= REACH]
    if len(rivals) < 2:
        return 0.0, sd
    spread = float(rivals.var(ddof=1))
    factor = math.sqrt(max(0.0, 1 - 1 / spread)) if spread > 0 else 0.0
    truths = rivals.mean() + factor * (rivals - rivals.mean())
    draws = min(_DRAWS, max(200, _NUMBERS // len(rivals)))
    noisy = truths + np.random.default_rng(seed).normal(size=(draws, len(rivals)))
    picked = np.argmin(noisy, axis=1)
    luck = truths[picked] - noisy[np.arange(draws), picked]
    return max(0.0, float(luck.mean())) * sd, float(luck.std(ddof=1)) * sd
