"""The one place that decides at which epoch trials are compared.

A loss after 3 epochs says nothing beside a loss after 27. Whatever compares
trials takes its scores from here: the best value of the objective up to one
epoch, of the trials that reached that epoch, so that trials stopped earlier can
neither enter nor change a comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.load import Run
from analysis.parameters import FloatArray

WANTED = 20
"""Trials a comparison should have; importance from fewer is mostly noise."""

_CUT_SHORT = ("failed", "infeasible", "running", "interrupted")

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Fidelity:
    """Trials compared at one epoch.

    Attributes:
        epoch: the epoch; 0 if no trial has a result.
        rows: rows of ``run.trials`` that reached it, best first, ties by number.
        scores: best objective up to that epoch, in the objective's own sign, shape (rows,).
        reason: why this epoch, in words.
    """

    epoch: int
    rows: IntArray
    scores: FloatArray
    reason: str

    @property
    def trials(self) -> int:
        """How many trials are compared."""
        return len(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"epoch": self.epoch, "trials": self.trials, "reason": self.reason}


def reached(run: Run) -> IntArray:
    """The epoch up to which each trial can be compared, 0 if it has no result: shape (trials,).

    That is the last one with a finite objective. A completed trial counts as one that ran
    all epochs, even if it was done before: more of them would not have changed its best.
    """
    ends = ended(run)
    completed = (run.trials["state"] == "completed").fill_null(value=False).to_numpy()
    return np.where(completed & (ends > 0), np.maximum(ends, run.meta.max_epochs), ends)


def ended(run: Run) -> IntArray:
    """The last epoch at which each trial has a finite objective, 0 if none: shape (trials,)."""
    finite = np.isfinite(run.curves(run.meta.metric))
    if not finite.shape[1]:
        return np.zeros(finite.shape[0], dtype=np.int64)
    last = finite.shape[1] - np.argmax(finite[:, ::-1], axis=1)
    return np.where(finite.any(axis=1), last, 0).astype(np.int64)


def at_epoch(
    run: Run, epoch: int, reason: str, *, among: NDArray[np.bool_] | None = None
) -> Fidelity:
    """The trials that reached ``epoch``, compared there; with ``among`` (trials,) those alone.

    A trial whose objective was not finite up to that epoch, but later, is left out.
    """
    there = reached(run) >= max(epoch, 1)
    rows = np.flatnonzero(there if among is None else there & among) if epoch else np.empty(0, int)
    losses = np.full(len(run.trials), np.nan)
    if len(rows):
        curves = run.curves(run.meta.metric)[rows, :epoch]
        losses[rows] = np.fmin.reduce(run.meta.sign * curves, axis=1)
        rows = rows[np.isfinite(losses[rows])]
    order = rows[np.argsort(losses[rows], kind="stable")]
    return Fidelity(epoch, order.astype(np.int64), run.meta.sign * losses[order], reason)


def comparable(run: Run, wanted: int = WANTED) -> Fidelity:
    """The furthest epoch that at least ``wanted`` trials reached.

    With fewer trials than that, the furthest epoch that every trial with a result
    reached; the reason says so. Where they are no more than half of them, those that
    failed, still run or were interrupted do not hold the others back: where they ended
    was nobody's choice.
    """
    ends = reached(run)
    epochs = np.sort(ends[ends > 0])[::-1]
    if not len(epochs):
        return at_epoch(run, 0, "no trial has a result")
    if len(epochs) >= wanted:
        epoch = int(epochs[wanted - 1])
        return at_epoch(run, epoch, f"the furthest epoch that at least {wanted} trials reached")
    cut_short = run.trials["state"].is_in(list(_CUT_SHORT)).fill_null(value=False).to_numpy()
    others = ends[(ends > 0) & ~cut_short]
    epoch = int((others if 2 * len(others) >= len(epochs) else epochs).min())
    few = "1 trial has a result" if len(epochs) == 1 else f"{len(epochs)} trials have results"
    all_ = "all" if epochs[-1] >= epoch else "all that did not fail or still run"
    return at_epoch(run, epoch, f"only {few}, and {all_} reached it")


def earlier(run: Run, epoch: int) -> list[Fidelity]:
    """The epochs before ``epoch`` at which trials ended, the furthest first."""
    epochs = np.unique(reached(run))
    return [
        at_epoch(run, int(before), f"an epoch before {epoch}, at which more trials compare")
        for before in epochs[::-1]
        if 0 < before < epoch
    ]


def full(run: Run) -> Fidelity:
    """The trials that ran all epochs, or were completed before."""
    return at_epoch(run, run.meta.max_epochs, "the full number of epochs")


def ranking(run: Run) -> Fidelity:
    """The trials that :func:`full` gives or, if there are none, those that came furthest.

    A failed trial is among the latter only where all trials with a result have failed.
    """
    epochs, failed = reached(run), run.failed
    among = ~failed if (epochs[~failed] > 0).any() else np.ones_like(failed)
    furthest = int(epochs[among].max(initial=0))
    if furthest >= run.meta.max_epochs:
        return full(run)
    reason = f"no trial ran all {run.meta.max_epochs} epochs"
    return at_epoch(run, furthest, reason, among=among)


def at_target(run: Run) -> int | None:
    """The row of the trial that reached the target; None where none stopped the sweep.

    That is the trial with the best objective of all, however far it came: it has what the sweep
    was for. Failed trials do not count.
    """
    if run.meta.raw.get("limit") != "target":
        return None
    losses = np.where(run.failed[:, None], np.nan, run.meta.sign * run.curves(run.meta.metric))
    return int(np.nanargmin(np.fmin.reduce(losses, axis=1))) if np.isfinite(losses).any() else None
