"""The best score of a run so far, over the epochs that it has spent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.budget.times import arrivals, epoch_times, epochs_spent
from analysis.fidelity import IntArray, at_epoch
from analysis.load import Run
from analysis.parameters import FloatArray


@dataclass(frozen=True)
class Incumbent:
    """Steps of the best score so far at one epoch of training.

    Attributes:
        budgets: epochs that the run had spent when a trial became the best, ascending.
        scores: the best score from then on, in the objective's own sign, shape (budgets,).
        spent: epochs of the whole run.
        timed: whether the tables say when epochs were over; otherwise trials count one by one.
    """

    budgets: IntArray
    scores: FloatArray
    spent: int
    timed: bool

    def at(self, budgets: IntArray) -> FloatArray:
        """The best score after each of ``budgets`` epochs, NaN before the first."""
        place = np.searchsorted(self.budgets, budgets, side="right") - 1
        return np.where(place >= 0, np.append(self.scores, np.nan)[place], np.nan)

    def reaches(self, score: float, sign: int) -> int | None:
        """Epochs spent when it was as good as ``score``; None if it never was."""
        there = np.flatnonzero(sign * self.scores <= sign * score)
        return int(self.budgets[there[0]]) if len(there) else None


def incumbent(run: Run, epoch: int) -> Incumbent:
    """The best trial at ``epoch`` over the epochs that the run spent on all trials.

    A trial counts once it has reached the epoch (or was complete before), with its best
    score up to there: what other trials did in fewer epochs changes nothing but the cost.
    """
    times = epoch_times(run)
    spent = epochs_spent(run, times)
    group = at_epoch(run, epoch, "")
    budgets = spent[arrivals(run, epoch)[group.rows]]
    order = np.argsort(budgets, kind="stable")
    losses = np.minimum.accumulate(run.meta.sign * group.scores[order])
    better = np.diff(losses, prepend=np.inf) < 0
    return Incumbent(
        budgets[order][better], run.meta.sign * losses[better], len(spent), times is not None
    )
