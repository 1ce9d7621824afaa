"""Overfitting: training goes on improving while validation gets worse."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from analysis.fidelity import Fidelity, IntArray, full
from analysis.load import Run
from analysis.metrics import plural, short_label, train_metric
from analysis.parameters import FloatArray
from analysis.smoothing import fill_gaps, smoother
from analysis.warnings.noise import SHORT, rounded

ENOUGH = 3
"""Trials from which on the spread between trials says how sure the rise is."""
_CONFIDENCE = 0.975
_CURES = {"dropout": "more dropout", "weight_decay": "weight decay",
          "label_smoothing": "label smoothing"}  # fmt: skip


@dataclass(frozen=True)
class Gap:
    """One trial's distance between training and validation, smoothed; positive is worse.

    Attributes:
        number: the trial.
        epoch: its best epoch.
        at_best: by how much validation is worse than training at that epoch.
        at_last: the same at its last epoch.
    """

    number: int
    epoch: int
    at_best: float
    at_last: float


@dataclass(frozen=True)
class Overfitting:
    """What happens after validation was at its best, in the mean over the best full trials.

    All differences are worsenings or improvements of a loss to minimise: of a metric to
    maximise, a rise of 0.05 means that it falls by 0.05.

    Attributes:
        fidelity: the trials compared and the epoch.
        metric: the objective.
        train_metric: its counterpart on the training data; None if not reported.
        lower_is_better: whether the metric is a loss.
        epoch: where the mean of validation is at its best; None if unknown.
        rise: by how much validation worsens from there to the last epoch.
        error: standard error of the rise; None if unknown.
        low: lower end of the 95 % interval of the rise.
        high: its upper end.
        fall: by how much training improves meanwhile.
        noise: standard deviation of validation from epoch to epoch, around the curves.
        gaps: trial by trial, the best first.
        cures: what to do about it that the run's parameters allow for.
        unknown: why nothing can be said, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    metric: str
    train_metric: str | None = None
    lower_is_better: bool = True
    epoch: int | None = None
    rise: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None
    fall: float | None = None
    noise: float | None = None
    gaps: tuple[Gap, ...] = ()
    cures: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def gap(self) -> float | None:
        """Mean distance between validation and training at the last epoch."""
        return float(np.mean([gap.at_last for gap in self.gaps])) if self.gaps else None

    @property
    def matters(self) -> bool:
        """Whether validation surely rises, by more than an epoch's noise, as training falls.

        Where validation is still better than training (dropout does that), nothing is
        overfitted whatever the rise.
        """
        if None in (self.rise, self.low, self.fall, self.noise, self.gap):
            return False
        values = (self.rise, self.low, self.fall, self.noise, self.gap)
        rise, low, fall, noise, gap = (float(value or 0.0) for value in values)
        return low > 0 and rise > noise and fall > 0 and gap > 0

    def words(self) -> tuple[str, ...]:
        """From which epoch on and how much, and what to do; nothing if it does not matter."""
        if not self.matters or self.epoch is None or self.train_metric is None:
            return ()
        rise, error, fall = self.rise or 0.0, self.error or 0.0, self.fall or 0.0
        up, down = ("rises", "falls") if self.lower_is_better else ("falls", "rises")
        trials = plural(len(self.gaps), "full trial")
        less = f"train fewer epochs (--epochs {self.epoch})"
        return (
            f"overfitting: from epoch {self.epoch} on {short_label(self.train_metric)} {down} by "
            f"{rounded(fall, error)} while {short_label(self.metric)} {up} by "
            f"{rounded(rise, error)} ± {rounded(error, error)} ({trials})",
            f"{less}, or try {', '.join(self.cures) or 'more regularisation'}",
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        fields = {key: getattr(self, key) for key in (
            "metric", "train_metric", "epoch", "rise", "error", "low", "high", "fall", "noise",
            "gap", "matters", "unknown")}  # fmt: skip
        return {
            **fields,
            "cures": list(self.cures),
            "trials": [asdict(gap) for gap in self.gaps],
            "words": list(self.words()),
        }


def overfitting(run: Run, *, fidelity: Fidelity | None = None, top: int = 5) -> Overfitting:
    """Find out how validation goes on after its optimum, while training improves.

    The rise of a trial is measured from the optimum of the other trials' mean, so that a
    dip of its own noise cannot make one. Its interval is Student's over trials; the
    standard error is no less than what the noise around the smoothed curves makes it.
    With fewer than three trials there is but that noise, and the interval is one of
    these trials alone.

    A training metric is taken while an epoch goes on and validation after it, so that
    training looks half an epoch worse than it is; dropout makes it look worse still.

    Args:
        run: the run.
        fidelity: the trials and the epoch; by default those that ran all epochs.
        top: how many of them, best first.
    """
    group = full(run) if fidelity is None else fidelity
    metric, train = run.meta.metric, train_metric(run.meta.metric, run.metrics)
    known = Overfitting(group, metric, train, run.meta.sign > 0)
    if train is None:
        return replace(known, unknown=f"no {metric} on the training data was reported")
    if group.epoch < SHORT:
        return replace(known, unknown=f"it takes {SHORT} epochs to see it, not {group.epoch}")
    if not group.trials:
        return replace(known, unknown=f"no trial ran all {group.epoch} epochs")
    valid, rows = _curves(run, metric, group.rows[: max(top, 1)], group.epoch)
    training, both = _curves(run, train, rows, group.epoch)
    valid, rows = valid[np.isin(rows, both)], both
    if not len(rows):
        return replace(known, unknown=f"no best trial has {train} over its epochs")
    smooth = smoother(group.epoch)
    curves, trained = valid @ smooth.T, training @ smooth.T  # (trials, epochs)
    best = int(np.argmin(curves.mean(axis=0)))
    last = group.epoch - 1
    rise, error, half, noise = _rise(valid, curves, smooth, best)
    own = np.argmin(curves, axis=1)
    gaps, numbers = curves - trained, run.trials["number"].to_numpy()[rows]
    return replace(
        known,
        epoch=best + 1,
        rise=rise,
        error=error,
        low=rise - half,
        high=rise + half,
        fall=float((trained[:, best] - trained[:, last]).mean()),
        noise=noise,
        gaps=tuple(
            Gap(int(number), int(epoch) + 1, float(row[epoch]), float(row[last]))
            for number, epoch, row in zip(numbers, own, gaps, strict=True)
        ),
        cures=tuple(_CURES[name] for name in _CURES if name in _names(run)),
    )


def _curves(run: Run, metric: str, rows: IntArray, epochs: int) -> tuple[FloatArray, IntArray]:
    """Losses of the trials that have any, shape (trials, epochs): gaps filled, ends carried on."""
    found = run.meta.sign * run.curves(metric)[rows, :epochs]
    missing = ((0, 0), (0, epochs - found.shape[1]))
    whole = fill_gaps(np.pad(found, missing, constant_values=np.nan))
    there = np.isfinite(whole).all(axis=1)
    return whole[there], rows[there]


def _rise(
    valid: FloatArray, curves: FloatArray, smooth: FloatArray, best: int
) -> tuple[float, float, float, float]:
    """The mean rise, its standard error, half its 95 % interval and the noise of an epoch.

    Args:
        valid: losses, shape (trials, epochs).
        curves: the same, smoothed.
        smooth: the matrix that smoothed them.
        best: place of the optimum of their mean.
    """
    from scipy.special import ndtri, stdtrit

    trials, last = len(valid), valid.shape[1] - 1
    # Noise shrinks as the learning rate does: what counts is the noise from the optimum on.
    late = slice(min(2 * best // 3, last - 4), None)
    left = (1 - 2 * np.diag(smooth) + (smooth**2).sum(axis=1))[late]
    noise = float(np.sqrt(((valid - curves)[:, late] ** 2).sum() / (trials * left.sum())))
    by_noise = noise * float(np.linalg.norm(smooth[last] - smooth[best])) / math.sqrt(trials)
    if trials < ENOUGH:
        rise = float((curves[:, last] - curves[:, best]).mean())
        return rise, by_noise, float(ndtri(_CONFIDENCE)) * by_noise, noise
    others = (curves.sum(axis=0) - curves) / (trials - 1)
    optima = np.argmin(others, axis=1)
    rises = curves[:, last] - curves[np.arange(trials), optima]
    between = float(rises.std(ddof=1)) / math.sqrt(trials)
    error = max(between, by_noise)
    return float(rises.mean()), error, float(stdtrit(trials - 1, _CONFIDENCE)) * error, noise


def _names(run: Run) -> set[str]:
    """The parameters of the run, constants included."""
    recorded = run.meta.raw.get("parameters")
    names = set(recorded) if isinstance(recorded, dict) else set()
    return names | {parameter.name for parameter in run.meta.parameters}
