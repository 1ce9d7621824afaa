"""Which trials and parameters a figure shows, and where a trial lies in its panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.importance.effects import too_few

if TYPE_CHECKING:
    from analysis.fidelity import Fidelity, IntArray
    from analysis.findings import Findings
    from analysis.load import Run
    from analysis.parameters import FloatArray, Parameter

OFF = -0.28
"""Where an inactive parameter is drawn, below its axis from 0 to 1."""
FEWEST = 20
"""Trials below which the best tenth is not looked at: it would be one trial, or two."""
_COARSE = 12  # values that can be seen one by one
_MARKS = 3_000  # of a whole figure; more hide each other and make files large


def ranked(run: Run, group: Fidelity) -> tuple[IntArray, FloatArray]:
    """Rows and scores of a group, best first, without trials that failed later on."""
    kept = ~run.failed[group.rows]
    return group.rows[kept], group.scores[kept]


def too_little(run: Run, group: Fidelity, scores: FloatArray, needed: int) -> str:
    """Why scores of a group say nothing about parameters: too few, or all the same; else empty."""
    if len(scores) < needed:
        return too_few(group, needed)
    return f"every trial has the same {run.meta.metric}" if np.ptp(scores) == 0 else ""


def best_of(trials: int) -> int:
    """How many trials the best tenth is: at least 5, and 0 of fewer than ``FEWEST``."""
    return max(5, math.ceil(trials / 10)) if trials >= FEWEST else 0


def most_important(findings: Findings, most: int) -> tuple[Parameter, ...]:
    """Parameters to show: the most important first, or as declared if that is unknown."""
    parameters = findings.run.meta.parameters
    if len(parameters) < 2:
        return parameters
    shares = {effect.name: -effect.share for effect in findings.importance.effects}
    return tuple(sorted(parameters, key=lambda p: shares.get(p.name, 0.0))[:most])


def coarse(parameter: Parameter) -> bool:
    """Whether its values are few enough to be seen one by one."""
    cells = parameter.cells()
    return cells is not None and len(cells[0]) <= _COARSE


def spread(points: FloatArray, parameters: Sequence[Parameter]) -> FloatArray:
    """Points moved a little within wide cells, so that equal values do not hide each other."""
    moved = points.copy()
    for column, parameter in enumerate(parameters):
        cells = parameter.cells()
        if cells is None or len(cells[0]) > _COARSE:
            continue
        # Multiples of the golden ratio spread evenly, whatever the number of trials.
        offset = (np.arange(len(points)) * 0.6180339887 + 0.37 * column) % 1 - 0.5
        moved[:, column] += 0.4 * offset / len(cells[0])
    return moved


def gaps(points: FloatArray) -> list[bool]:
    """Which columns have inactive trials, NaN, and so need a place for them."""
    return [bool(np.isnan(column).any()) for column in points.T]


def switched_off(points: FloatArray) -> FloatArray:
    """Points of shape (n, d) with ``OFF``, slightly spread, in the place of NaN."""
    offset = (np.arange(points.size).reshape(points.shape) * 0.6180339887) % 1 - 0.5
    return np.where(np.isnan(points), OFF + 0.08 * offset, points)


def marks(panels: int) -> int:
    """How many trials to draw at most in each of several panels."""
    return max(_MARKS // panels, 300)


def thin(count: int, most: int, *, first: int = 5, seed: int = 0) -> IntArray:
    """Which of ``count`` ranked trials to draw, ascending, ``most`` at most.

    All of them if they are few; else the first, which are the best, and a random sample
    of the rest.
    """
    if count <= most:
        return np.arange(count)
    rest = np.random.default_rng(seed).choice(count - first, most - first, replace=False) + first
    return np.concatenate([np.arange(first), np.sort(rest)]).astype(np.int64)


def thinned_words(drawn: int, count: int, *, first: int = 5) -> str:
    """What a subtitle says about :func:`thin`; empty if all are drawn."""
    if drawn == count:
        return ""
    return f"; drawn: the best {first} and a random {drawn - first} of the others"


def few_failed(run: Run, drawn: int) -> tuple[IntArray, str]:
    """Rows of failed trials to draw among ``drawn`` others, and what a subtitle says of them."""
    rows = np.flatnonzero(run.failed)
    most = max(drawn // 10, 20)
    if not len(rows):
        return rows, ""
    if len(rows) <= most:
        return rows, f"; cross: failed ({len(rows)})"
    rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows, f"; cross: {most} of {int(run.failed.sum())} failed"


def percent(share: float) -> str:
    """A share from 0 to 1 as ``12 %``."""
    return f"{100 * share:.0f} %"
