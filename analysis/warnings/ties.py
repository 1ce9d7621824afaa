"""Which of the best configs cannot be told apart: noise larger than their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from analysis.fidelity import Fidelity, IntArray, ranking
from analysis.load import Run
from analysis.metrics import listed
from analysis.warnings.noise import Noise, by_config, score_noise

ALPHA = 0.05
POWER = 0.8
MANY = 50
"""Repeats of each that nobody would run."""
_NAMED = 4


@dataclass(frozen=True)
class Ties:
    """The configs that might as well be the best.

    Attributes:
        fidelity: the trials compared and the epoch.
        noise: how much a score varies by chance.
        tied: numbers of the trials that cannot be told from the winner, which comes first;
            of a config that was repeated, its best trial.
        configs: how many configs were compared.
        gap: how much worse the second config scored; None with fewer than two.
        repeats: runs of each that would tell the first from the second; None where that
            is not known or no number would do.
        smallest: of the tied ones the trial with the fewest weights; None if not known.
        weights: how many those are.
        unknown: why nothing can be said, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    noise: Noise = field(default_factory=Noise)
    tied: tuple[int, ...] = ()
    configs: int = 0
    gap: float | None = None
    repeats: int | None = None
    smallest: int | None = None
    weights: int | None = None
    unknown: str = ""

    def words(self) -> tuple[str, ...]:
        """What cannot be told apart, and what would tell; nothing if the winner is clear."""
        if len(self.tied) < 2:
            return ()
        things = "trials" if self.configs == self.fidelity.trials else "configs"
        if len(self.tied) <= _NAMED:
            which = f"trials {listed(self.tied)}"
        elif len(self.tied) == self.configs:
            which = f"all {self.configs} {things} at epoch {self.fidelity.epoch}"
        else:
            which = f"the best {len(self.tied)} of {self.configs} {things}"
        if not self.noise.sd:
            return f"{which} scored exactly the same", self._small()
        return f"{which} cannot be told apart (noise {self.noise.words()})", self._advice()

    def _advice(self) -> str:
        two = "" if len(self.tied) == 2 else " the best two"
        if self.repeats is None or self.repeats > MANY:
            return f"not even {MANY} runs of each would tell{two}: {self._small()}"
        times = f"{'at least ' if self.noise.at_least else ''}{self.repeats} runs of each"
        return f"{times} with other seeds would tell{two}; or {self._small()}"

    def _small(self) -> str:
        if self.smallest is None:
            return "take the cheapest"
        return f"take trial {self.smallest}, the smallest ({self.weights:,} weights)"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "epoch": self.fidelity.epoch,
            "trials": self.fidelity.trials,
            "configs": self.configs,
            "noise": self.noise.as_dict(),
            "tied": list(self.tied),
            "gap": self.gap,
            "repeats": self.repeats,
            "smallest": self.smallest,
            "weights": self.weights,
            "unknown": self.unknown,
            "words": list(self.words()),
        }


def ties(run: Run, *, fidelity: Fidelity | None = None, seed: int = 0) -> Ties:
    """Find the configs that cannot be told from the winner.

    Two configs with n and m runs differ by chance with standard deviation
    ``sd * sqrt(1/n + 1/m)``; those less than ``q`` of it behind the winner's are tied to
    it, where q is the 97.5 % quantile of the normal, or of Student's t if the noise comes
    from repeats. ``n = 2 ((z(1 - alpha/2) + z(power)) * sd / gap)**2`` runs of each tell
    the first from the second, with alpha 0.05 and power 0.8.

    The noise is that of scores, which are best values over epochs. Without repeats it is
    what the noise of epochs does to such a best value: the least that other seeds would
    show. So the configs named here are tied, and there may be more.

    Args:
        run: the run.
        fidelity: the trials and epoch; by default those that came furthest.
        seed: of the noise's draws.

    Source: Student's two-sample test and its sample size, for example Chow, Shao and Wang,
        Sample Size Calculations in Clinical Research (2008), section 3.2.
    """
    group = ranking(run) if fidelity is None else fidelity
    if group.trials < 2:
        why = "only 1 trial can be compared" if group.trials else group.reason
        return Ties(group, unknown=why, configs=group.trials)
    noise = score_noise(run, group, seed=seed)
    configs = by_config(run, group)
    if noise.sd is None:
        return Ties(group, noise, configs=len(configs), unknown=f"noise unknown: {noise.unknown}")
    if len(configs) < 2:
        return Ties(group, noise, configs=1, unknown="there is only 1 config")
    losses = run.meta.sign * group.scores
    means = np.array([losses[places].mean() for places in configs])
    counts = np.array([len(places) for places in configs])
    behind = means - means[0]
    chance = noise.quantile(1 - ALPHA / 2) * noise.sd * np.sqrt(1 / counts + 1 / counts[0])
    alike = np.flatnonzero(behind <= chance)
    rows = group.rows[[int(configs[place][0]) for place in alike]]
    gap = float(abs(behind[1:]).min()) if len(behind) > 1 else None
    smallest, weights = _smallest(run, rows)
    numbers = run.trials["number"].to_numpy()[rows]
    return Ties(
        group,
        noise,
        tuple(int(number) for number in numbers),
        len(configs),
        gap,
        _repeats(gap, noise.sd) if len(alike) > 1 else None,
        smallest,
        weights,
    )


def _repeats(gap: float | None, sd: float) -> int | None:
    """Runs of each of two configs that tell them apart; None if no number does."""
    if not gap:
        return None
    normal = NormalDist()
    both = normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)
    needed = 2 * (both * sd / gap) ** 2
    return max(2, math.ceil(needed)) if needed < 1e9 else None


def _smallest(run: Run, rows: IntArray) -> tuple[int | None, int | None]:
    """The trial with the fewest weights among ``rows``, where they are known and differ."""
    if "weights" not in run.trials.columns or len(rows) < 2:
        return None, None
    chosen = run.trials[rows].select("number", pl.col("weights").cast(pl.Int64, strict=False))
    if chosen["weights"].null_count() or chosen["weights"].n_unique() < 2:
        return None, None
    number, weights = chosen.sort("weights", maintain_order=True).row(0)
    return int(number), int(weights)
