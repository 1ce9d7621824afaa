"""Would more trials pay? The expected best of n trials, and how it would go on.

Up to the number of trials there are, the curve needs no model: it is the mean best
of n trials drawn from those of the run without putting any back. Beyond, a tail is
fitted to the best scores and asked how far below the best one k more trials would
come. Trials that never came as far as the epoch compared count as no better than
those that did, which is what stopping them assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.budget.tail import fit_tail, gains_to_come
from analysis.fidelity import Fidelity, comparable, reached
from analysis.load import Run
from analysis.metrics import least_loss, number, plural, short_label
from analysis.parameters import FloatArray

ENOUGH = 10
"""Trials at one epoch below which the tail of their scores is guesswork."""
RESAMPLES = 500
_SHARE = 3
"""Scores after less than one in this many of the full epochs are not asked."""
_FUTURES = 10_000
_POINTS = 60  # of either part of the curve
_ENDS = (0.025, 0.975)
_LIVE = ("pending", "running", "paused", "interrupted")


@dataclass(frozen=True)
class TuningCurve:
    """What trials gained so far, and what more of them would.

    Attributes:
        metric: the objective.
        epoch: at which trials are compared; 0 if there are none.
        trials: trials that were tried, with those stopped before ``epoch``.
        compared: those that reached it.
        best: the best score among them.
        more: how many more trials are asked about.
        gain: what they are expected to gain, at least 0; None if unknown.
        low: lower end of the interval in which 95 % of such gains lie.
        high: its upper end.
        epochs: what they cost, at the mean epochs of a trial of this run.
        late_gain: what the second half of the trials gained over the first half; None if no trial
            of the first half came to ``epoch``.
        unknown: why nothing can be said, else empty.
        counts: numbers of trials of the curve, shape (points,).
        expected: best score expected of that many, in the objective's own sign.
        lower: the better end of a 95 % interval, shape (points,).
        upper: its worse end.
    """

    metric: str
    epoch: int = 0
    trials: int = 0
    compared: int = 0
    best: float | None = None
    more: int = 0
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    epochs: int | None = None
    late_gain: float | None = None
    unknown: str = ""
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    expected: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    lower: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    upper: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)

    def words(self) -> tuple[str, ...]:
        """``30 more trials gain about 0.002 (0 to 0.006)``, and what they cost."""
        if self.gain is None or self.low is None or self.high is None:
            return (f"cannot tell whether more trials pay: {self.unknown}",)
        half = self.trials - self.trials // 2
        late = "" if self.late_gain is None else (
            f"; the last {plural(half, 'trial')} gained {_short(self.late_gain)}")  # fmt: skip
        return (
            f"{self.more} more trials gain about {_short(self.gain)} "
            f"({_short(self.low)} to {_short(self.high)}) in {short_label(self.metric)} "
            f"at epoch {self.epoch}, if they are like those so far",
            f"they cost about {self.epochs} epochs{late}",
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        names = ("metric", "epoch", "trials", "compared", "best", "more", "gain", "low", "high",
                 "epochs", "late_gain", "unknown")  # fmt: skip
        points = zip(self.counts.tolist(), self.expected.tolist(), self.lower.tolist(),
                     self.upper.tolist(), strict=True)  # fmt: skip
        curve = [{"trials": count, "expected": middle, "lower": lower, "upper": upper}
                 for count, middle, lower, upper in points]  # fmt: skip
        return {**{name: getattr(self, name) for name in names}, "curve": curve,
                "words": list(self.words())}  # fmt: skip


def tuning_curve(run: Run, *, more: int | None = None, seed: int = 0) -> TuningCurve:
    """Expected best of n trials at one epoch, and of ``more`` beyond those of the run.

    Args:
        run: the run.
        more: how many more; 30 or half of the trials there are, whichever is more.
        seed: of the bootstrap, which resamples trials and draws the ones to come.

    Source: Dodge et al., Show Your Work, EMNLP 2019; the estimate without replacement is
        that of Tang et al., Showing Your Work Doesn't Always Work, ACL 2020.
    """
    group = comparable(run, wanted=ENOUGH)
    tried = _tried(run, group)
    known = TuningCurve(run.meta.metric, group.epoch, len(tried), group.trials)
    late = -(-run.meta.max_epochs // _SHARE)
    far = int((reached(run) >= late).sum())
    if far < ENOUGH:
        return _unknown(known, f"{plural(far, 'trial')} reached epoch {late}, and the tail of "
                               f"their scores needs {ENOUGH}")  # fmt: skip
    losses = np.sort(run.meta.sign * group.scores)
    floor = least_loss(run.meta.mode, float(losses[0]), float(losses[-1]))
    if losses[0] == losses[-1]:
        return _unknown(known, f"all {group.trials} trials score the same")
    if losses[0] == floor:
        return _unknown(known, f"the best score, {number(run.meta.sign * float(losses[0]))}, "
                               f"cannot be beaten")  # fmt: skip
    if more is None:
        more = max(30, len(tried) // 20 * 10)
    best = float(losses[0])
    rng = np.random.default_rng(seed)
    samples = _resamples(losses, rng)
    counts = np.unique(np.geomspace(1, len(tried), _POINTS).round().astype(np.int64))
    weights = _weights(group.trials, len(tried), counts)
    lower, upper = np.quantile(samples @ weights.T, _ENDS, axis=0)
    beyond = np.unique(np.linspace(1, more, min(_POINTS, more)).round().astype(np.int64))
    gains = _gains(losses, samples, len(tried), beyond, rng)  # (futures, beyond)
    gains = np.clip(gains, 0.0, best - floor)
    low, high = np.quantile(gains, _ENDS, axis=0)
    mean = gains.mean(axis=0)
    return TuningCurve(
        run.meta.metric,
        group.epoch,
        len(tried),
        group.trials,
        run.meta.sign * best,
        more,
        float(mean[-1]),
        float(low[-1]),
        float(high[-1]),
        epochs=round(more * float(run.trials["epochs"].fill_null(0).to_numpy()[tried].mean())),
        late_gain=_late_gain(run, group, tried),
        counts=np.concatenate([counts, len(tried) + beyond]),
        expected=run.meta.sign * np.concatenate([weights @ losses, best - mean]),
        lower=run.meta.sign * np.concatenate([lower, best - high]),
        upper=run.meta.sign * np.concatenate([upper, best - low]),
    )


def _weights(compared: int, tried: int, counts: NDArray[np.int64]) -> FloatArray:
    """Chance that each loss is the least of n trials drawn without replacement.

    Args:
        compared: losses there are, ascending; the other trials are worse than all.
        tried: trials there are.
        counts: each n, at most ``tried``. Draws without any loss are left out.

    Returns:
        Rows that sum to 1, shape (counts, compared).
    """
    from scipy.special import gammaln

    n = counts[:, None].astype(np.float64)
    worse = tried - np.arange(1, compared + 1, dtype=np.float64)
    # The i-th is the least where the n - 1 others are among those worse than it.
    able = worse >= n - 1
    logs = np.where(able, gammaln(worse + 1) - gammaln(np.where(able, worse - n + 2, 1)), -np.inf)
    chance = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def _resamples(losses: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Losses drawn with replacement, each row ascending: shape (resamples, losses)."""
    rows = RESAMPLES if len(losses) <= 1_000 else RESAMPLES // 4
    return np.sort(rng.choice(losses, (rows, len(losses))), axis=1)


def _gains(
    losses: FloatArray,
    samples: FloatArray,
    tried: int,
    more: NDArray[np.int64],
    rng: np.random.Generator,
) -> FloatArray:
    """Gains that could come, each with the power of one resample's tail: (futures, more)."""
    powers = [fit_tail(row).power for row in samples if row[0] < row[-1]]
    tiled = np.resize(np.array(powers or [0.0]), _FUTURES)
    return gains_to_come(fit_tail(losses), tiled, tried, more, rng)


def _tried(run: Run, group: Fidelity) -> NDArray[np.int64]:
    """Rows that reached the epoch compared, or are over: shape (tried,)."""
    live = run.trials["state"].is_in(list(_LIVE)).fill_null(value=True).to_numpy()
    return np.flatnonzero((reached(run) >= max(group.epoch, 1)) | ~live).astype(np.int64)


def _late_gain(run: Run, group: Fidelity, tried: NDArray[np.int64]) -> float | None:
    """By how much the second half of the trials beat the first half, at least 0."""
    early = np.isin(group.rows, tried[: len(tried) // 2])  # rows are ordered by number
    losses = run.meta.sign * group.scores
    if early.all():
        return 0.0
    if not early.any():
        return None
    return max(float(losses[early].min() - losses[~early].min()), 0.0)


def _short(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "0"


def _unknown(known: TuningCurve, reason: str) -> TuningCurve:
    return TuningCurve(known.metric, known.epoch, known.trials, known.compared, unknown=reason)
