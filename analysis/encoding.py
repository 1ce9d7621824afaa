"""Configs as points of the unit cube, for models that need every coordinate.

An inactive parameter changes nothing: as a function of the whole cube, the
objective is constant along its axis. So a trial may lie anywhere on that axis, and
it is put at a place drawn uniformly, the same for a trial number whatever trials it
is compared with. A fixed place (a default, or outside the range) would let a model
read the condition from the child, and credit the child with what its parent does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from analysis.parameters import FloatArray, Parameter


def active_points(trials: pl.DataFrame, parameters: Sequence[Parameter]) -> FloatArray:
    """Coordinates of shape (trials, parameters), NaN where a parameter is inactive."""
    if not parameters:
        return np.empty((len(trials), 0))
    return np.stack([
        parameter.to_unit(trials[parameter.column])
        if parameter.column in trials.columns else np.full(len(trials), np.nan)
        for parameter in parameters
    ], axis=1)  # fmt: skip


def full_points(trials: pl.DataFrame, parameters: Sequence[Parameter]) -> FloatArray:
    """The same with every NaN replaced by a uniform draw, on the grid if there is one."""
    points = active_points(trials, parameters)
    numbers = trials["number"].to_numpy()
    for column, parameter in enumerate(parameters):
        missing = np.isnan(points[:, column])
        if not missing.any():
            continue
        # Draw k of a stream belongs to trial k: other trials cannot shift it.
        draws = np.random.default_rng(column).random(int(numbers.max()) + 1)[numbers[missing]]
        cells = parameter.cells()
        if cells is not None:
            centres, edges = cells
            draws = centres[np.searchsorted(edges, draws, side="right") - 1]
        points[missing, column] = draws
    return points
