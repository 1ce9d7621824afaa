"""How the objective goes with each parameter: the forest's marginal predictions.

A marginal is what the forest predicts at a value of one parameter, averaged over all
values of the others: exact for the forest at hand, not an average over the trials that
a searcher happened to ask for. Of a conditional parameter it is the average over the
configs in which the parameter acts.

Predictions stay within the scores that importance learned from, so a trial cut at the
fence of outliers counts as one at the fence.

Source: Hutter, Hoos and Leyton-Brown, ICML 2014, section 4 (marginal predictions);
    Friedman, Greedy Function Approximation, Ann. Stat. 29 (2001), section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.encoding import active_points
from analysis.importance.active_region import active_region
from analysis.importance.effects import Importance, Learned
from analysis.importance.fanova import marginal, restricted
from analysis.load import Run
from analysis.parameters import FloatArray, Parameter, plain
from searchspaces import Choice, domain_from_unit

_POINTS = 61
"""Coordinates at which a curve over an interval or a long grid is given."""


@dataclass(frozen=True, eq=False)
class MarginalCurve:
    """What the forest predicts along one parameter.

    Attributes:
        name: the parameter.
        at: coordinates in [0, 1], ascending, shape (n,); a short grid's own values.
        mean: prediction averaged over all else, in the objective's own sign, shape (n,).
        low: the value that 2.5 % of the trees stay below, shape (n,).
        high: the value that 2.5 % of the trees exceed, shape (n,).
        grid: whether ``at`` holds single values and nothing lies between them.
        noise: whether the parameter cannot be told from chance.
        share: its share of the forest's variance.
        places: coordinates of the trials in which it acts, shape (k,).
        scores: of these trials, shape (k,).
    """

    name: str
    at: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    grid: bool
    noise: bool
    share: float
    places: FloatArray
    scores: FloatArray


@dataclass(frozen=True, eq=False)
class Marginals:
    """How the objective goes with each parameter.

    Attributes:
        metric: the objective.
        curves: of the most important parameter first; empty if withheld.
        epoch: at which the trials are compared.
        trials: how many the forest learned from.
        withheld: why there is nothing to say, else empty.
        best: by parameter, the value at which the prediction is best; parameters that
            cannot be told from chance are left out.
    """

    metric: str
    epoch: int
    trials: int
    curves: tuple[MarginalCurve, ...] = ()
    withheld: str = ""
    best: tuple[tuple[str, Any], ...] = ()

    def words(self) -> tuple[str, ...]:
        """Where each parameter above the noise is best, all else averaged."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        if not self.best:
            return ()
        values = ", ".join(f"{name} {plain(value)}" for name, value in self.best)
        return (f"best with all else averaged: {values}",)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the trials' own points are left out."""
        return {
            "epoch": self.epoch,
            "trials": self.trials,
            "withheld": self.withheld,
            "best": dict(self.best),
            "curves": [
                {
                    "name": curve.name, "share": curve.share, "noise": curve.noise,
                    "grid": curve.grid, "at": curve.at.tolist(), "mean": curve.mean.tolist(),
                    "low": curve.low.tolist(), "high": curve.high.tolist(),
                }
                for curve in self.curves
            ],
        }  # fmt: skip


def marginals(run: Run, importance: Importance) -> Marginals:
    """The marginal prediction of every parameter by the forest of ``importance``."""
    group, learned = importance.fidelity, importance.learned
    known = Marginals(run.meta.metric, group.epoch, importance.used or group.trials)
    if learned is None:
        return Marginals(known.metric, known.epoch, known.trials, withheld=importance.withheld)
    columns = {parameter.name: place for place, parameter in enumerate(learned.parameters)}
    points = active_points(run.trials[learned.rows], learned.parameters)
    order = np.argsort(group.rows)
    scores = group.scores[order][np.searchsorted(group.rows[order], learned.rows)]
    curves, best = [], []
    for effect in importance.effects:
        column = columns[effect.name]
        parameter = learned.parameters[column]
        at, grid = _coordinates(parameter)
        trees = run.meta.sign * tree_marginals(learned, column, at)
        low, high = np.quantile(trees, [0.025, 0.975], axis=0)
        acts = np.isfinite(points[:, column])
        curve = MarginalCurve(
            effect.name, at, trees.mean(axis=0), low, high, grid, effect.noise, effect.share,
            points[acts, column], scores[acts],
        )  # fmt: skip
        curves.append(curve)
        if not effect.noise:
            place = int(np.argmin(run.meta.sign * curve.mean))
            best.append((effect.name, domain_from_unit(parameter.domain, float(at[place]))))
    return Marginals(known.metric, known.epoch, known.trials, tuple(curves), "", tuple(best))


def tree_marginals(learned: Learned, column: int, at: FloatArray) -> FloatArray:
    """What each tree predicts at coordinates (n,) of a parameter where it acts: (trees, n)."""
    region = active_region(learned.parameters, column)
    volumes = restricted(learned.boxes, region) if region else None
    return marginal(learned.boxes, column, volumes).at(at)


def _coordinates(parameter: Parameter) -> tuple[FloatArray, bool]:
    """Where to look along a parameter, and whether these are all of its values."""
    cells = parameter.cells()
    if cells is not None and (isinstance(parameter.domain, Choice) or len(cells[0]) <= _POINTS):
        return cells[0], True
    places = np.linspace(0, 1, _POINTS)
    if cells is None:
        return places, False
    return np.unique(cells[0][np.clip(np.searchsorted(cells[1], places) - 1, 0, None)]), False
