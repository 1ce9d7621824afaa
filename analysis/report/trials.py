"""The trials as columns of plain values: what the page's figures and its table are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.encoding import active_points
from analysis.fidelity import Fidelity, at_epoch, ended, reached
from analysis.metrics import label, second_metric
from analysis.parameters import FloatArray, Parameter, plain
from searchspaces import domain_from_unit

if TYPE_CHECKING:
    from analysis.findings import Findings
    from analysis.load import Run

POINTS = 250_000
"""Points of learning curves that a page holds; beyond, epochs between are left out."""
_ROOM = 5_000_000
"""Characters of data that a page may have, of which curves get what the rest leaves."""
_EACH, _POINT = 13, 7  # characters: a parameter of a trial, a point of a curve
_LEVELS = 8
_STEPS = 50
_WIDE = 12
_FEWEST_EPOCHS, _FEWEST_PARAMETERS = 8, 5
_MANY = 3000  # trials, beyond which nobody sees a thousandth of an axis
_LONGEST_ERROR = 400


def columns(findings: Findings) -> dict[str, Any]:
    """A list a column, a value a row of ``run.trials``; None where there is no value."""
    run = findings.run
    rows = len(run.trials)
    ends = ended(run)
    curves = run.meta.sign * run.curves(run.meta.metric)
    own = np.full(rows, np.nan)
    best_epoch = np.zeros(rows, dtype=np.int64)
    has = ends > 0
    if has.any():
        own[has] = np.nanmin(curves[has], axis=1)
        best_epoch[has] = np.nanargmin(curves[has], axis=1) + 1
    seconds = _column(run, "seconds")
    epochs = _column(run, "epochs")
    with np.errstate(divide="ignore", invalid="ignore"):
        pace = seconds / epochs
    errors = [_short(text) for text in _texts(run, "error")]
    states = _texts(run, "state")
    names = sorted({state for state in states if state is not None})
    return {
        "number": run.trials["number"].to_list(),
        "states": names,
        "state": [None if state is None else names.index(state) for state in states],
        "failed": run.failed.astype(int).tolist(),
        "epochs": rounded(epochs),
        "ended": ends.tolist(),
        "reached": reached(run).tolist(),
        "best": rounded(run.meta.sign * own),
        "best_epoch": best_epoch.tolist(),
        "seconds": rounded(seconds),
        "pace": rounded(pace),
        "weights": rounded(_column(run, "weights"), 9),
        "error": errors,
    }


def second(findings: Findings) -> dict[str, Any] | None:
    """The other measure of quality at each trial's own best epoch; None if there is none."""
    run = findings.run
    name = second_metric(run.meta.metric, run.metrics)
    if name is None:
        return None
    curves, others = run.meta.sign * run.curves(run.meta.metric), run.curves(name)
    has = np.isfinite(curves).any(axis=1)
    values = np.full(len(curves), np.nan)
    if has.any():
        values[has] = others[has, np.nanargmin(curves[has], axis=1)]
    return {"name": name, "label": label(name), "values": rounded(values)}


def levels(findings: Findings) -> list[dict[str, Any]]:
    """Epochs at which trials are compared, ascending, with the score of each that got there.

    The chosen one is that of ``findings.comparable``; the rungs are there beside it.
    """
    run = findings.run
    chosen = {findings.comparable.epoch, findings.ranking.epoch, findings.importance.fidelity.epoch}
    rungs = [rung for rung in run.meta.rungs if rung not in chosen]
    room = max(0, _LEVELS - len(chosen))
    if len(rungs) > room:
        rungs = [rungs[int(k)] for k in np.linspace(0, len(rungs) - 1, room)]
    groups = [at_epoch(run, epoch, "") for epoch in sorted({*chosen, *rungs}) if epoch > 0]
    return [_level(run, group) for group in groups if (~run.failed[group.rows]).any()]


def _level(run: Run, group: Fidelity) -> dict[str, Any]:
    scores = np.full(len(run.trials), np.nan)
    scores[group.rows] = group.scores
    sound = group.scores[~run.failed[group.rows]]
    return {
        "epoch": group.epoch,
        "trials": len(sound),
        "scores": rounded(scores),
        "order": group.rows[~run.failed[group.rows]].tolist(),
        "axis": _axis(sound, run.meta.sign),
    }


def _axis(scores: FloatArray, sign: int) -> dict[str, Any]:
    """The score's axis: from the best to the worst, or to the inner fence of outliers."""
    losses = sign * scores
    best, worst = float(losses.min()), float(losses.max())
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    fence = float(q3 + 1.5 * (q3 - q1))
    beyond = best < fence < worst
    worst = fence if beyond else worst
    if best == worst:
        best, worst = best - 0.5, worst + 0.5
    low, high = sorted((sign * best, sign * worst))
    return {"low": low, "high": high, "beyond": beyond}


def parameters_for(rows: int, parameters: int) -> int:
    """For how many of its parameters a page has room beside so many trials and short curves."""
    room = _ROOM // max(rows, 1) - _EACH * _LEVELS - 80 - _FEWEST_EPOCHS * _POINT
    return min(parameters, max(_FEWEST_PARAMETERS, room // _EACH))


def points_for(rows: int, parameters: int) -> int:
    """How many points of curves there is room for beside so many trials and parameters."""
    rest = rows * (_EACH * (parameters + _LEVELS) + 80)
    return min(POINTS, max(0, _ROOM - rest) // _POINT)


def curve_points(run: Run, budget: int = POINTS) -> dict[str, Any]:
    """The objective's curves at the epochs that are kept, each up to where its trial ended.

    At least eight epochs are kept, whatever the budget.

    Returns:
        ``epochs`` kept, ``of`` how many, ``values`` a list a trial, ``last`` the value at
        each trial's end, which is always kept.
    """
    curves, ends = run.curves(run.meta.metric), ended(run)
    furthest = int(ends.max(initial=0))
    kept = _kept(ends, furthest, budget)
    values = [
        rounded(curves[row, [epoch - 1 for epoch in kept if epoch <= end]])
        for row, end in enumerate(ends.tolist())
    ]
    last = [float(curves[row, end - 1]) if end else math.nan for row, end in enumerate(ends)]
    return {"epochs": kept, "of": furthest, "values": values, "last": rounded(last)}


def _kept(ends: Any, furthest: int, budget: int) -> list[int]:
    """Epochs to keep, evenly on a log scale, so that all curves together fit the budget."""
    if not furthest:
        return []
    alive = np.array([(ends >= epoch).sum() for epoch in range(1, furthest + 1)])
    count = furthest
    while True:
        kept = np.unique(np.geomspace(1, furthest, count).round().astype(int))
        if count >= furthest:
            kept = np.arange(1, furthest + 1)
        if alive[kept - 1].sum() <= budget or count <= _FEWEST_EPOCHS:
            return [int(epoch) for epoch in kept]
        count = max(_FEWEST_EPOCHS, int(count * 0.85))


def axes(run: Run, parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """The parameters' axes: ticks, the values that a handle can stand at, and the trials' places.

    A place lies in [0, 1]; None stands for inactive. ``stops`` are (place, text).
    """
    points = active_points(run.trials, parameters)
    return [
        _parameter_axis(run, parameter, points[:, column])
        for column, parameter in enumerate(parameters)
    ]


def _parameter_axis(run: Run, parameter: Parameter, places: FloatArray) -> dict[str, Any]:
    cells = parameter.cells()
    stops = cells[0] if cells is not None else np.linspace(0, 1, _STEPS + 1)
    if len(stops) > 2 * _STEPS:
        cells, stops = None, np.linspace(0, 1, _STEPS + 1)
    known = parameter.column in run.trials.columns
    values = run.trials[parameter.column].to_list() if known else [None] * len(run.trials)
    digits = 4 if len(places) < _MANY else 3
    return {
        "name": parameter.name,
        "label": parameter.label,
        "cells": len(stops) if cells is not None else 0,
        "wide": cells is not None and len(stops) <= _WIDE,
        "ticks": [[round(place, 4), text] for place, text in parameter.ticks()],
        "stops": [[round(float(place), 4), plain(domain_from_unit(parameter.domain, float(place)))]
                  for place in stops],
        "places": rounded(places, digits),
        "values": [_value(value, digits) for value in values],
    }  # fmt: skip


def rounded(values: Iterable[Any], digits: int = 4) -> list[float | None]:
    """Numbers with so many significant digits, whole ones as ints; None for what is not finite."""
    found: list[float | None] = []
    for value in values:
        if value is None or not math.isfinite(value):
            found.append(None)
            continue
        short = float(f"{value:.{digits}g}")
        found.append(int(short) if short.is_integer() and abs(short) < 1e9 else short)
    return found


def _value(value: object, digits: int) -> float | str | None:
    """A config's value: a number, or the text that a person would write."""
    if value is None or isinstance(value, bool | str):
        return None if value is None else plain(value)
    if isinstance(value, int):
        return value
    return rounded([value], digits)[0] if isinstance(value, float) else plain(value)


def _column(run: Run, name: str) -> FloatArray:
    """A column of numbers, NaN where a value or the whole column is missing."""
    if name not in run.trials.columns:
        return np.full(len(run.trials), np.nan)
    import polars as pl

    return run.trials[name].cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()


def _texts(run: Run, name: str) -> list[str | None]:
    if name not in run.trials.columns:
        return [None] * len(run.trials)
    return [None if value is None else str(value) for value in run.trials[name].to_list()]


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST_ERROR:
        return text
    return f"{text[:_LONGEST_ERROR]}…"
