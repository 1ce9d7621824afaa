"""How much a score varies by chance: over repeats or, if there are none, over epochs.

A score is the best value over epochs, so its noise is not that of an epoch: the
least of many noisy values varies less than one of them and lies below all of them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from analysis.fidelity import Fidelity, IntArray, ended
from analysis.load import Run
from analysis.metrics import deviation
from analysis.parameters import FloatArray
from analysis.smoothing import fill_gaps, smoother

TOP = 10
"""Best trials whose curves, and best configs whose repeats, show the noise."""
SHORT = 6
"""Epochs below which a smoothed curve leaves nothing to measure noise by."""
_FREEDOM = 2
_FEW = 10
_DRAWS = 400
_TINY = 1e-12


@dataclass(frozen=True)
class Noise:
    """The noise of a score, in the objective's unit.

    Attributes:
        sd: standard deviation of a trial's score; None if unknown.
        source: ``repeats`` of configs under other seeds (in trials of their own, or the seeds of
            each trial), or ``epochs``: what the noise from epoch to epoch does to a score. Other
            seeds vary more than that.
        freedom: degrees of freedom of the estimate from repeats, else None.
        epoch_sd: standard deviation from epoch to epoch near the optimum; None if unknown.
        flattery: by how much a score is too good because the best epoch was picked, 0 or more.
        unknown: why there is no estimate, else empty.
    """

    sd: float | None = None
    source: Literal["repeats", "epochs", ""] = ""
    freedom: int | None = None
    epoch_sd: float | None = None
    flattery: float = 0.0
    unknown: str = ""

    @property
    def at_least(self) -> bool:
        """Whether the noise may well be larger: other seeds were not tried."""
        return self.source == "epochs"

    def quantile(self, probability: float) -> float:
        """Of a standardised difference: Student's t with repeats, else the normal's."""
        from scipy.special import ndtri, stdtrit

        found = stdtrit(self.freedom, probability) if self.freedom else ndtri(probability)
        return float(found)

    def words(self) -> str:
        """``about 0.004`` or, where only epochs show it, ``at least 0.004``."""
        if self.sd is None:
            return "unknown"
        return f"{'at least' if self.at_least else 'about'} {self.sd:.1g}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def score_noise(run: Run, group: Fidelity, *, seed: int = 0) -> Noise:
    """The noise of the scores in a group.

    Args:
        run: the run.
        group: the trials and the epoch up to which they are compared, best first.
        seed: of the draws that turn noise of epochs into noise of scores.
    """
    epoch_sd, spread, flattery = _over_epochs(run, group, seed)
    known = Noise(epoch_sd=epoch_sd, flattery=flattery)
    sd, freedom = _over_repeats(run, group)
    if sd is None:
        sd, freedom = _over_seeds(run, group)
    if sd is not None:
        return Noise(sd, "repeats", freedom, known.epoch_sd, known.flattery)
    if spread is not None:
        return Noise(spread, "epochs", None, known.epoch_sd, known.flattery)
    few = "1 epoch" if group.epoch == 1 else f"{group.epoch} epochs"
    why = f"no config was repeated, and {few} are too few to see it"
    if not group.trials:
        why = group.reason
    return Noise(unknown=why.replace("1 epoch are", "1 epoch is"))


def by_config(run: Run, group: Fidelity) -> list[IntArray]:
    """Places in ``group`` of the trials with the same config, best first in each.

    The configs are ordered by their best trial. Copies of a trial (the same seed and
    repeat) are left out: they say nothing about chance.
    """
    trials = run.trials[group.rows].with_row_index("place")
    columns = [parameter.column for parameter in run.meta.parameters]
    if any(column not in trials.columns for column in columns):
        return [np.array([place]) for place in range(group.trials)]
    origin = [name for name in ("seed", "repeat") if name in trials.columns]
    if "seed" in trials.columns and trials["seed"].null_count() == 0:
        trials = trials.unique([*columns, *origin], keep="first", maintain_order=True)
    if not columns:
        return [trials["place"].to_numpy().astype(np.int64)] if len(trials) else []
    alike = trials.group_by(columns, maintain_order=True).agg("place")["place"]
    return [np.array(places, dtype=np.int64) for places in alike.to_list()]


def rounded(value: float, sd: float) -> str:
    """A value with as many decimals as its noise leaves it: ``0.176`` with noise 0.004."""
    decimals = 4 if sd <= 0 else min(max(-math.floor(math.log10(sd)), 0), 9)
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # no -0.0


def _over_repeats(run: Run, group: Fidelity) -> tuple[float | None, int]:
    """The pooled standard deviation of scores of equal configs, and its degrees of freedom.

    Of the best 10 configs that were repeated: bad ones scatter more than good ones do.
    """
    squares, freedom = 0.0, 0
    repeated = [places for places in by_config(run, group) if len(places) > 1]
    for places in repeated[:TOP]:
        scores = group.scores[places]
        squares += float(((scores - scores.mean()) ** 2).sum())
        freedom += len(places) - 1
    return (math.sqrt(squares / freedom), freedom) if freedom >= _FREEDOM else (None, freedom)


def _over_seeds(run: Run, group: Fidelity) -> tuple[float | None, int]:
    """The standard deviation of the mean over a trial's seeds, and its degrees of freedom.

    Pooled over the best 10 trials, each at its best epoch. Not over folds: how hard a fold is
    moves all trials alike.
    """
    seeds = run.meta.raw.get("seeds", 1)
    if seeds < 2 or run.meta.raw.get("folds") or not group.trials:
        return None, 0
    rows = group.rows[:TOP]
    losses = run.meta.sign * run.curves(run.meta.metric)[rows, : group.epoch]
    apart = run.curves(deviation(run.meta.metric))[rows, : group.epoch]
    best = np.where(np.isfinite(losses) & np.isfinite(apart), losses, np.inf).argmin(axis=1)
    found = apart[np.arange(len(rows)), best]
    found = found[np.isfinite(found)]
    freedom = len(found) * (seeds - 1)
    if freedom < _FREEDOM:
        return None, freedom
    return math.sqrt(float((found**2).mean()) / seeds), freedom


def _over_epochs(run: Run, group: Fidelity, seed: int) -> tuple[float | None, float | None, float]:
    """From the residuals around the smoothed curves of the best trials.

    Returns:
        The standard deviation of an epoch, that of a score, and the flattery of a score.
    """
    residuals: list[FloatArray] = []
    fitted: list[FloatArray] = []
    curves, ends = run.curves(run.meta.metric), ended(run)
    for row in group.rows[:TOP]:
        length = min(int(ends[row]), group.epoch)
        if length < SHORT:
            continue
        losses = run.meta.sign * curves[row, :length]
        smooth = smoother(length)
        curve = smooth @ fill_gaps(losses[None])[0]
        # What the smoother leaves of white noise: the diagonal of (I - S)(I - S)'.
        left = 1 - 2 * np.diag(smooth) + (smooth**2).sum(axis=1)
        near = _near(int(np.argmin(curve)), length) & np.isfinite(losses)
        residuals.append((losses - curve)[near] / np.sqrt(left[near]))
        fitted.append(curve)
    if not residuals:
        return None, None, 0.0
    found = np.concatenate(residuals)
    # The median is not led astray by single spikes, of which it takes some values to know.
    robust = 1.4826 * float(np.median(np.abs(found)))
    rms = float(np.sqrt((found**2).mean()))
    epoch_sd = robust if len(found) >= _FEW and robust > 0 else rms
    if epoch_sd <= _TINY * max(float(np.abs(curve).max()) for curve in fitted):
        return 0.0, 0.0, 0.0
    spread, flattery = _of_minimum(_shapes(fitted), epoch_sd, seed)
    return epoch_sd, spread, flattery


def _shapes(fitted: list[FloatArray]) -> list[FloatArray]:
    """Curves of the same length averaged, each from its own least value.

    A smoothed curve keeps some of its noise, and the best trials' curves have noise that
    made them best: their dips are deeper than those of the next ones would be.
    """
    lengths = sorted({len(curve) for curve in fitted})
    alike = [np.array([curve for curve in fitted if len(curve) == length]) for length in lengths]
    return [(curves - curves.min(axis=1, keepdims=True)).mean(axis=0) for curves in alike]


def _near(best: int, length: int) -> Any:
    """Epochs between two thirds and three halves of the optimum, five at the least."""
    low = min(2 * (best + 1) // 3 - 1, best - 2, length - 5)
    high = max(math.ceil(1.5 * (best + 1)), best + 3, 5)
    places = np.arange(length)
    return (places >= low) & (places < high)


def _of_minimum(fitted: list[FloatArray], epoch_sd: float, seed: int) -> tuple[float, float]:
    """Spread of the least value of noisy curves, and how far it lies below the curves' least."""
    rng = np.random.default_rng(seed)
    variances, flatteries = [], []
    for curve in fitted:
        least = float(curve.min())
        # Epochs much worse than the best never win.
        rivals = curve[curve < least + 6 * epoch_sd]
        lowest = (rivals + rng.normal(0, epoch_sd, (_DRAWS, len(rivals)))).min(axis=1)
        variances.append(float(lowest.var(ddof=1)))
        flatteries.append(least - float(lowest.mean()))
    return math.sqrt(float(np.mean(variances))), max(0.0, float(np.mean(flatteries)))
