"""Cost against quality: trials that no other trial beats in both, and the cheap good ones.

Trials are compared at one epoch, and so is their cost: seconds are those of an average
epoch of the trial times the epochs compared, so that a trial that went on for longer
does not look dear.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from analysis.fidelity import Fidelity, comparable, ended, ranking
from analysis.load import Run
from analysis.metrics import plural, short_label
from analysis.parameters import FloatArray
from analysis.warnings.noise import score_noise

FEW = 5
"""Trials below which a front says little."""
SHARE = 0.01
"""Of the best score: what is no worse than that is as good for most purposes."""
CLEARLY = 0.9
"""A trial that costs more than this share of the best one's cost is not worth telling."""

Cost = Literal["seconds", "weights"]
COSTS: tuple[Cost, ...] = ("seconds", "weights")
_PAID = {"seconds": ("takes", "time"), "weights": ("has", "weights")}


@dataclass(frozen=True)
class Priced:
    """One trial, what it costs and what it reaches.

    Attributes:
        number: the trial.
        cost: seconds, or number of weights.
        score: in the objective's own sign.
    """

    number: int
    cost: float
    score: float


@dataclass(frozen=True)
class Front:
    """The trials that no other beats in cost and score.

    Attributes:
        cost: what is paid, ``seconds`` or ``weights``.
        trials: the front, cheapest first; the last has the best score.
        best: the trial with the best score, of equal ones the cheapest.
        cheapest: the cheapest trial whose score is within the tolerance of the best.
        knee: the trial of the front that lies farthest from the line between its ends,
            cost taken as a logarithm; None if fewer than three lie on it.
        numbers: of all trials with this cost, best score first, shape (n,).
        costs: of all of them, shape (n,).
        scores: of all of them, shape (n,).
        withheld: why there is no front, else empty.
    """

    cost: Cost
    trials: tuple[Priced, ...] = ()
    best: Priced | None = None
    cheapest: Priced | None = None
    knee: Priced | None = None
    numbers: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    costs: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    scores: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    withheld: str = ""

    @property
    def saving(self) -> float | None:
        """The cheapest's share of the best trial's cost; None where it saves next to nothing."""
        if self.best is None or self.cheapest is None or not self.best.cost:
            return None
        share = self.cheapest.cost / self.best.cost
        return share if share <= CLEARLY else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the trials beside the front are left out."""
        named = {key: getattr(self, key) for key in ("best", "cheapest", "knee")}
        return {
            "cost": self.cost,
            "trials": [asdict(trial) for trial in self.trials],
            **{key: None if trial is None else asdict(trial) for key, trial in named.items()},
            "saving": self.saving,
            "withheld": self.withheld,
        }


@dataclass(frozen=True)
class CostFront:
    """Fronts by seconds and by weights, among trials compared at one epoch.

    Attributes:
        metric: the objective.
        fidelity: the trials compared and the epoch.
        tolerance: how much worse than the best counts as no worse, in the objective's unit.
        measure: what the tolerance is: ``noise`` of a score, or ``1 %`` of the best.
        fronts: one a cost.
        machines: on how many machines the trials ran; seconds of several compare badly.
        final: whether the trials compared ran all epochs, or came furthest.
    """

    metric: str
    fidelity: Fidelity = field(compare=False)
    tolerance: float
    measure: Literal["noise", "1 %"]
    fronts: tuple[Front, ...]
    machines: int = 1
    final: bool = True

    def front(self, cost: Cost) -> Front:
        """The front by one cost."""
        return next(front for front in self.fronts if front.cost == cost)

    def words(self) -> tuple[str, ...]:
        """A line for each cost of which a trial as good as the best takes clearly less."""
        said: dict[int, list[str]] = {}
        for front in reversed(self.fronts):
            cheap, share = front.cheapest, front.saving
            if cheap is not None and share is not None:
                verb, kind = _PAID[front.cost]
                said.setdefault(cheap.number, []).append(f"{verb} {share:.2g}x the {kind}")
        lines = [
            f"trial {number} {' and '.join(shares)} of {self.winner} for {self.more(number)}"
            for number, shares in said.items()
        ]
        if lines and not self.final:
            lines.append(f"compared at epoch {self.fidelity.epoch}, where {self.winner} is best")
        if lines:
            within = (f"the noise, {self.tolerance:.1g}" if self.measure == "noise" else
                      f"1 % of the best, {self.tolerance:.1g}")  # fmt: skip
            lines.append(f"that is within {within}")
        if lines and self.machines > 1 and self.front("seconds").saving is not None:
            lines.append(f"times are those of {self.machines} machines, which may differ in speed")
        return tuple(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **self.fidelity.as_dict(),
            "tolerance": self.tolerance,
            "measure": self.measure,
            "machines": self.machines,
            "final": self.final,
            **{front.cost: front.as_dict() for front in self.fronts},
            "words": list(self.words()),
        }

    @property
    def winner(self) -> str:
        """What the best of the trials compared is called."""
        best = next((front.best for front in self.fronts if front.best is not None), None)
        if self.final or best is None:
            return "the winner"
        return f"trial {best.number}"

    def more(self, number: int) -> str:
        """How much worse a trial is than the best: ``0.0031 more validation loss``."""
        trial, best = next(
            (trial, front.best)
            for front in self.fronts
            for trial in (front.cheapest, front.knee, *front.trials)
            if trial is not None and trial.number == number and front.best is not None
        )
        difference = trial.score - best.score
        if difference == 0:
            return f"the same {short_label(self.metric)}"
        way = "more" if difference > 0 else "less"
        return f"{abs(difference):.2g} {way} {short_label(self.metric)}"


def cost_front(run: Run, *, seed: int = 0) -> CostFront:
    """Weigh what trials cost against what they reach.

    Compares the trials that ran all epochs, or else came furthest; if those are fewer than
    5, the ones of :func:`analysis.fidelity.comparable`.

    Args:
        run: the run.
        seed: of the estimate of the noise.
    """
    group, final = ranking(run), True
    if group.trials < FEW:
        wider = comparable(run)
        if wider.trials > group.trials and wider.epoch != group.epoch:
            group, final = wider, False
    kept = ~run.failed[group.rows]
    group = Fidelity(group.epoch, group.rows[kept], group.scores[kept], group.reason)
    noise = score_noise(run, group, seed=seed).sd or 0.0
    share = SHARE * abs(float(group.scores[0])) if group.trials else 0.0
    fronts = tuple(_front(run, group, cost, max(noise, share)) for cost in COSTS)
    trials = run.trials[group.rows]
    machines = trials["node"].drop_nulls().n_unique() if "node" in trials.columns else 1
    return CostFront(run.meta.metric, group, max(noise, share), "noise" if noise > share else "1 %",
                     fronts, max(machines, 1), final)  # fmt: skip


def pareto(costs: FloatArray, losses: FloatArray) -> FloatArray:
    """Which points no other point beats: bool (n,).

    A point is beaten by one that is no worse in both and better in one. Of points equal in
    both the first stays.

    Args:
        costs: finite, shape (n,).
        losses: to be minimised, finite, shape (n,).
    """
    order = np.lexsort((losses, costs))
    least = np.minimum.accumulate(losses[order])
    ahead = np.concatenate([[np.inf], least[:-1]])
    kept = np.zeros(len(costs), dtype=bool)
    kept[order] = losses[order] < ahead
    return kept


def _front(run: Run, group: Fidelity, cost: Cost, tolerance: float) -> Front:
    if not group.trials:
        return Front(cost, withheld=group.reason)
    paid = _seconds(run, group) if cost == "seconds" else _weights(run, group)
    known = np.isfinite(paid) & (paid > 0)
    if not known.any():
        what = "seconds of epochs" if cost == "seconds" else "numbers of weights"
        return Front(cost, withheld=f"the run has no {what}")
    if known.sum() < FEW:
        trials = plural(int(known.sum()), "trial")
        return Front(cost, withheld=f"only {trials} can be compared (epoch {group.epoch}); "
                                    f"it takes {FEW}")  # fmt: skip
    paid, scores = paid[known], group.scores[known]
    if np.ptp(paid) <= 1e-9 * paid.max():  # means of equal times differ by rounding
        return Front(cost, withheld=f"every trial has the same {cost}")
    numbers = run.trials["number"].to_numpy()[group.rows][known]
    losses = run.meta.sign * scores
    priced = [
        Priced(int(n), float(c), float(s)) for n, c, s in zip(numbers, paid, scores, strict=True)
    ]
    on = np.flatnonzero(pareto(paid, losses))
    on = on[np.argsort(paid[on])]
    # Rounding must not shut out a score that is worse by the tolerance itself.
    good = np.flatnonzero(losses - losses.min() <= tolerance * (1 + 1e-9))
    cheapest = good[np.lexsort((losses[good], paid[good]))[0]]
    knee = _knee(np.log(paid[on]), losses[on])
    return Front(
        cost,
        tuple(priced[k] for k in on),
        priced[on[-1]],
        priced[cheapest],
        None if knee is None else priced[on[knee]],
        numbers,
        paid,
        scores,
    )


def _knee(costs: FloatArray, losses: FloatArray) -> int | None:
    """Index of the point that lies farthest below the line from the first point to the last.

    Source: Satopaa et al., Finding a "Kneedle" in a haystack, ICDCS workshops (2011).
    """
    if len(costs) < 3:
        return None
    x = (costs - costs[0]) / (costs[-1] - costs[0])
    y = (losses - losses[-1]) / (losses[0] - losses[-1])
    below = 1 - x - y
    place = int(np.argmax(below))
    return place if below[place] > 0 else None


def _seconds(run: Run, group: Fidelity) -> FloatArray:
    """Mean seconds of an epoch times the epochs compared, NaN where unknown; shape (rows,).

    A trial that was done before pays for the epochs it ran.
    """
    if "epoch_seconds" not in run.epochs.columns:
        return np.full(group.trials, math.nan)
    means = (
        run.epochs.filter(pl.col("epoch") <= group.epoch)
        .group_by("number")
        .agg(pl.col("epoch_seconds").cast(pl.Float64).mean())
    )
    numbers = run.trials["number"].to_numpy()
    seconds = np.full(len(numbers), math.nan)
    places = np.searchsorted(numbers, means["number"].to_numpy())
    seconds[places] = means["epoch_seconds"].fill_null(math.nan).to_numpy()
    ran = np.minimum(ended(run), group.epoch)
    return np.asarray((seconds * ran)[group.rows])


def _weights(run: Run, group: Fidelity) -> FloatArray:
    if "weights" not in run.trials.columns:
        return np.full(group.trials, math.nan)
    weights = run.trials["weights"].cast(pl.Float64).fill_null(math.nan)
    return np.asarray(weights.to_numpy()[group.rows])
