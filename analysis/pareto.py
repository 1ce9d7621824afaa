"""The Pareto front of a run with several objectives: what no completed trial beats in all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.fidelity import full
from analysis.goals import Goal
from analysis.load import Run
from analysis.metrics import listed
from analysis.parameters import FloatArray
from searchspaces.dominance import front

FEW = 5
"""Completed trials below which a front says little."""


@dataclass(frozen=True)
class Pareto:
    """Trials by all objectives, each at the epoch at which its first one is best.

    Attributes:
        goals: the objectives; the first is the run's metric.
        epoch: that the trials compared have all come to.
        compared: completed trials that keep the limits and have all values; only these compare.
        earlier: trials that were stopped before, to be seen beside them and not compared.
        numbers: of both, compared ones first, shape (n,).
        values: in the objectives' own signs, shape (n, goals).
        on: which of the compared ones are on the front, best by the first objective first:
            places in ``numbers``.
        withheld: why there is no front, else empty.
    """

    goals: tuple[Goal, ...]
    epoch: int = 0
    compared: int = 0
    earlier: int = 0
    numbers: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    values: FloatArray = field(default_factory=lambda: np.empty((0, 0)), repr=False, compare=False)
    on: tuple[int, ...] = ()
    withheld: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the trials beside the front are left out."""
        names = [goal.metric for goal in self.goals]
        return {
            "objectives": [{"metric": goal.metric, "mode": goal.mode} for goal in self.goals],
            "epoch": self.epoch,
            "compared": self.compared,
            "front": [
                {"trial": int(self.numbers[place]),
                 **dict(zip(names, self.values[place].tolist(), strict=True))}
                for place in self.on
            ],
            "withheld": self.withheld,
        }  # fmt: skip

    def words(self) -> tuple[str, ...]:
        """A line that says how large the front is, where there is one."""
        if self.withheld:
            return ()
        names = listed(goal.metric for goal in self.goals)
        beaten = "is beaten" if len(self.on) == 1 else "are beaten"
        return (f"{len(self.on)} of {self.compared} completed trials {beaten} by none in {names}",)


def pareto(run: Run) -> Pareto:
    """The front of a run's completed trials.

    Trials stand for the epoch at which the first objective was best, of those that keep the
    limits, as the rows of ``trials.parquet`` do.
    """
    goals = run.meta.goals
    if len(goals) < 2:
        return Pareto(goals, withheld="the sweep has one objective; see --objective")
    missing = [goal.metric for goal in goals if goal.metric not in run.metrics]
    if missing:
        return Pareto(goals, withheld=f"no trial reported {missing[0]}")
    completed = (run.trials["state"] == "completed").fill_null(value=False).to_numpy()
    whole = full(run)
    rows = np.sort(whole.rows[completed[whole.rows]])
    others = np.setdiff1d(np.arange(len(run.trials)), rows)
    points, others_points = _points(run, goals, rows), _points(run, goals, others)
    known, seen = np.isfinite(points).all(axis=1), np.isfinite(others_points).all(axis=1)
    rows, points, others, others_points = (
        rows[known],
        points[known],
        others[seen],
        others_points[seen],
    )
    if len(rows) < FEW:
        few = "1 trial has" if len(rows) == 1 else f"{len(rows) or 'no'} trials have"
        keeping = " within the limits" if run.meta.limits else ""
        return Pareto(goals, withheld=f"{few} completed{keeping}, fewer than {FEW}")
    losses = points * [goal.sign for goal in goals]
    marks = np.flatnonzero(front([tuple(point) for point in losses.tolist()]))
    order = marks[np.argsort(losses[marks, 0], kind="stable")]
    both = np.concatenate([rows, others])
    return Pareto(
        goals,
        epoch=whole.epoch,
        compared=len(rows),
        earlier=len(others),
        numbers=run.trials["number"].to_numpy()[both],
        values=np.concatenate([points, others_points]),
        on=tuple(int(place) for place in order),
    )


def _points(run: Run, goals: tuple[Goal, ...], rows: Any) -> FloatArray:
    """Values of all objectives at each row's best epoch by the first, shape (rows, goals)."""
    found = np.full((len(rows), len(goals)), np.nan)
    losses = goals[0].sign * run.curves(goals[0].metric)[rows]
    known = np.isfinite(losses).any(axis=1)
    if known.any():
        best = np.nanargmin(losses[known], axis=1)
        for column, goal in enumerate(goals):
            found[known, column] = run.curves(goal.metric)[rows[known], best]
    return found
