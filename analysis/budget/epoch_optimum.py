"""How many epochs to train: where the curves of the best full trials have their optimum.

The curves of the top k trials that ran all epochs are smoothed and averaged; the
recommendation is the epoch of the average's minimum. Each trial counts the same
whatever its level, because a constant added to a curve moves no minimum.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.advice import takes_options
from analysis.fidelity import IntArray, full, reached
from analysis.load import Run
from analysis.metrics import guess_mode, second_metric, train_metric
from analysis.parameters import FloatArray
from analysis.smoothing import fill_gaps, smoother

RESAMPLES = 1_000
ENOUGH = 3
"""Full trials below which there is no interval."""


@dataclass(frozen=True)
class TrialOptimum:
    """The best epoch of one full trial.

    Attributes:
        number: the trial.
        epoch: by the objective, smoothed.
        second_epoch: by the second metric, smoothed; None if there is none.
        used: whether the trial is among those the recommendation rests on.
    """

    number: int
    epoch: int
    second_epoch: int | None
    used: bool


@dataclass(frozen=True)
class MeanCurve:
    """Average curves of the top trials, for drawing; each of shape (epochs,).

    Attributes:
        objective: smoothed.
        train: the objective on the training data, as it is; None if not reported.
        second: the second metric, smoothed; None if there is none.
    """

    objective: FloatArray
    train: FloatArray | None
    second: FloatArray | None


@dataclass(frozen=True)
class EpochOptimum:
    """When to stop training, and how sure that is.

    Attributes:
        metric: the objective.
        second_metric: the other measure of quality, or None.
        max_epochs: epochs of a full trial.
        epoch: the recommended number of epochs; None if unknown.
        low: lower end of the 95 % bootstrap interval; None with too few trials.
        high: its upper end.
        second_epoch: what the second metric would recommend.
        flat_after: earliest epoch from which on the curve stays within one standard
            error of its optimum.
        improving: whether the objective still improves at the last epoch.
        full_trials: how many trials ran all epochs or were completed before; the curves of
            the latter go on at their last value.
        trials: the full trials' own optima, best trial first.
        unknown: why there is no recommendation, else empty.
        curve: the curves behind it; None if unknown.
    """

    metric: str
    second_metric: str | None
    max_epochs: int
    epoch: int | None = None
    low: int | None = None
    high: int | None = None
    second_epoch: int | None = None
    flat_after: int | None = None
    improving: bool = False
    full_trials: int = 0
    trials: tuple[TrialOptimum, ...] = ()
    unknown: str = ""
    curve: MeanCurve | None = None

    @property
    def used(self) -> tuple[int, ...]:
        """Numbers of the trials the recommendation rests on."""
        return tuple(trial.number for trial in self.trials if trial.used)

    def words(self) -> str:
        """One line: ``train 23 (19-27); accuracy would say 26; flat after 20``."""
        if self.epoch is None:
            return f"cannot tell: {self.unknown}"
        said = f"train {self.epoch} ({self.low}-{self.high})"
        if self.low is None:
            said = f"train about {self.epoch}"
        if self.improving:
            said = (f"train at least {self.epoch}: {self.metric} still improves at the last epoch; "
                    f"try --epochs {2 * self.max_epochs}")  # fmt: skip
        parts = [said]
        if self.second_epoch is not None and not (
            self.improving and self.second_epoch == self.epoch
        ):
            same = self.second_epoch == self.epoch
            verdict = "says the same" if same else f"would say {self.second_epoch}"
            parts.append(f"{self.second_metric} {verdict}")
        if self.flat_after is not None and self.flat_after < self.epoch and not self.improving:
            parts.append(f"flat after {self.flat_after}")
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the curves are left out."""
        fields = {key: getattr(self, key) for key in (
            "metric", "second_metric", "max_epochs", "epoch", "low", "high", "second_epoch",
            "flat_after", "improving", "full_trials", "unknown")}  # fmt: skip
        return {**fields, "words": self.words(), "trials": [asdict(trial) for trial in self.trials]}


def epoch_optimum(run: Run, *, top: int = 5, seed: int = 0) -> EpochOptimum:
    """Find the number of epochs at which the best full trials are at their best.

    Args:
        run: the run.
        top: how many of the full trials the recommendation rests on, best first.
        seed: of the bootstrap.
    """
    metric, epochs = run.meta.metric, run.meta.max_epochs
    second = second_metric(metric, run.metrics)
    group = full(run)
    known = EpochOptimum(metric, second, epochs, full_trials=group.trials)
    if epochs < 2:
        more = "; try --epochs 27" if takes_options(run) else ""
        return _unknown(known, f"trials of 1 epoch have no optimum{more}")
    if not group.trials:
        furthest = reached(run)
        return _unknown(
            known, f"no trial ran all {epochs} epochs (furthest {furthest.max(initial=0)})"
        )
    numbers = run.trials["number"].to_numpy()[group.rows]
    losses = run.meta.sign * _whole(run, metric, group.rows)
    used = min(max(top, 1), group.trials)
    if not np.ptp(losses[:used], axis=1).any():
        return _unknown(known, f"{metric} is the same after every epoch")
    smooth = smoother(epochs)
    own = np.argmin(losses @ smooth.T, axis=1) + 1
    own_second = [None] * group.trials
    second_losses = None
    if second is not None:
        sign = -1 if guess_mode(second) == "max" else 1
        second_losses = sign * _whole(run, second, group.rows)
        if np.isfinite(second_losses).all() and np.ptp(second_losses[:used], axis=1).any():
            own_second = (np.argmin(second_losses @ smooth.T, axis=1) + 1).tolist()
        else:
            second, second_losses = None, None
    mean = smooth @ losses[:used].mean(axis=0)
    best = int(np.argmin(mean))
    low, high = _interval(losses[:used], seed)
    flat_after = _flat_after(losses[:used], mean)
    second_mean = None if second_losses is None else smooth @ second_losses[:used].mean(axis=0)
    train = train_metric(metric, run.metrics)
    train_mean = None
    if train is not None:
        train_curves = _whole(run, train, group.rows[:used])
        train_mean = train_curves.mean(axis=0) if np.isfinite(train_curves).all() else None
    return EpochOptimum(
        metric,
        second,
        epochs,
        epoch=best + 1,
        low=low,
        high=high,
        second_epoch=None if second_mean is None else int(np.argmin(second_mean)) + 1,
        flat_after=flat_after,
        # At the last epoch and not yet flat: the minimum lies beyond.
        improving=best == epochs - 1 and flat_after > 0.8 * epochs,
        full_trials=group.trials,
        trials=tuple(
            TrialOptimum(int(number), int(epoch), second_epoch, place < used)
            for place, (number, epoch, second_epoch) in enumerate(
                zip(numbers, own, own_second, strict=True)
            )
        ),
        curve=MeanCurve(
            run.meta.sign * mean,
            train_mean,
            None if second_mean is None else sign * second_mean,
        ),
    )


def _whole(run: Run, metric: str, rows: IntArray) -> FloatArray:
    """Curves of all epochs, shape (rows, max_epochs): gaps filled, ends carried on."""
    curves = run.curves(metric)[rows, : run.meta.max_epochs]
    missing = run.meta.max_epochs - curves.shape[1]
    return fill_gaps(np.pad(curves, ((0, 0), (0, missing)), constant_values=np.nan))


def _unknown(known: EpochOptimum, reason: str) -> EpochOptimum:
    return EpochOptimum(
        known.metric, known.second_metric, known.max_epochs,
        full_trials=known.full_trials, unknown=reason,
    )  # fmt: skip


def _interval(losses: FloatArray, seed: int) -> tuple[int | None, int | None]:
    """95 % percentile interval of the optimum: trials are resampled, and so is their noise.

    Residuals keep their place and change their sign at random (wild bootstrap),
    since a few trials alone would show too little of what chance does.

    Args:
        losses: shape (trials, epochs), unsmoothed.
        seed: of the resamples.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13;
        Wu, Jackknife, bootstrap and other resampling methods, Ann. Stat. 14 (1986).
    """
    trials, epochs = losses.shape
    if trials < ENOUGH:
        return None, None
    rng = np.random.default_rng(seed)
    smooth = smoother(epochs)
    fitted = losses @ smooth.T
    residuals = losses - fitted
    weights = rng.multinomial(trials, np.full(trials, 1 / trials), size=RESAMPLES) / trials
    means = weights @ fitted  # (resamples, epochs)
    for trial in range(trials):
        signs = rng.choice([-1.0, 1.0], size=(RESAMPLES, epochs))
        means += (weights[:, trial, None] * signs * residuals[trial]) @ smooth.T
    optima = np.argmin(means, axis=1) + 1
    low, high = np.quantile(optima, [0.025, 0.975], method="inverted_cdf")
    return int(low), int(high)


def _flat_after(losses: FloatArray, mean: FloatArray) -> int:
    """Earliest epoch from which to the optimum the mean stays within one standard error of it.

    The standard error is that of the paired difference to the optimum over trials;
    of fewer than three trials, that of the noise around the smoothed curves.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning,
        section 7.10 (one-standard-error rule), with trials in the place of folds.
    """
    trials, epochs = losses.shape
    best = int(np.argmin(mean))
    if trials >= ENOUGH:
        differences = losses - losses[:, [best]]
        error = differences.std(axis=0, ddof=1) / np.sqrt(trials)
    else:
        noise = (losses - losses @ smoother(epochs).T).std()
        error = np.full(epochs, noise * np.sqrt(2 / trials))
    above = np.flatnonzero((mean - mean[best] > error)[:best])
    return int(above[-1]) + 2 if len(above) else 1
