"""Findings as plain JSON values: everything that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.fidelity import ended, full
from analysis.figures.choosing import most_important
from analysis.metrics import guess_mode, label, short_label
from analysis.parameters import FloatArray, Parameter
from analysis.report import trials
from analysis.report.made import made, winner
from analysis.report.words import answer, intro, metric_words, readings

if TYPE_CHECKING:
    from analysis.figures import Picture
    from analysis.findings import Findings

SCHEMA = 1
_MOST_GROUPS = 7
_MOST_PAIRS = 4


def payload(findings: Findings, figures: Sequence[Picture] = ()) -> dict[str, Any]:
    """What the page is filled with.

    Args:
        findings: what was found.
        figures: static figures that were drawn, for their sentences.
    """
    run = findings.run
    parameters = _shown(findings)
    room = trials.points_for(len(run.trials), len(parameters))
    return {
        "schema": SCHEMA,
        **intro(findings),
        "metric": metric_words(findings),
        "max_epochs": run.meta.max_epochs,
        "answer": answer(findings),
        "readings": readings(findings, figures),
        "compared": {
            "epoch": findings.comparable.epoch,
            "reason": findings.comparable.reason,
        },
        "trials": trials.columns(findings),
        "second": trials.second(findings),
        "levels": trials.levels(findings),
        "axes": trials.axes(run, parameters),
        "parameters": len(run.meta.parameters),
        "curves": {**trials.curve_points(run, room), **_curve_axis(findings)},
        "importance": importance(findings),
        "effects": effects(findings),
        "cost": list(findings.cost_front.words()),
        "optimum": optimum(findings),
        "winner": winner(findings),
        "made": made(findings),
    }


def _shown(findings: Findings) -> tuple[Parameter, ...]:
    """All parameters, or the most important ones where there is no room for all; as declared."""
    every = findings.run.meta.parameters
    room = trials.parameters_for(len(findings.run.trials), len(every))
    kept = {parameter.name for parameter in most_important(findings, room)}
    return tuple(parameter for parameter in every if parameter.name in kept)


def importance(findings: Findings) -> dict[str, Any]:
    """What matters; of the pairs, which are many, those that stand out from chance.

    ``rest`` is what all other pairs explain, ``of_pairs`` how many pairs there are.
    """
    found = findings.importance.as_dict()
    pairs = [pair for pair in found["pairs"] if not pair["noise"]][:_MOST_PAIRS]
    rest = sum(pair["share"] for pair in found["pairs"] if pair not in pairs)
    return {**found, "pairs": pairs, "rest": rest, "of_pairs": len(found["pairs"])}


def effects(findings: Findings) -> list[dict[str, Any]]:
    """What each parameter does to the score alone, where that was worked out.

    Places lie in [0, 1] on the parameter's axis.
    """
    return [
        {
            "name": curve.name,
            "grid": curve.grid,
            "at": trials.rounded(curve.at),
            "mean": trials.rounded(curve.mean),
            "low": trials.rounded(curve.low),
            "high": trials.rounded(curve.high),
        }
        for curve in findings.marginals.curves
    ]


def optimum(findings: Findings) -> dict[str, Any]:
    """The epoch optimum with its curves: those of the trials behind it and their means."""
    found, run = findings.optimum, findings.run
    said = {key: value for key, value in found.as_dict().items() if key != "trials"}
    if found.curve is None:
        return said
    rows = full(run).rows[: len(found.used)]
    panels = [_panel(findings, found.metric, found.curve.objective, rows)]
    panels[0]["epoch"], panels[0]["band"] = found.epoch, [found.low, found.high]
    if found.curve.train is not None:
        panels[0]["train"] = trials.rounded(found.curve.train)
    if found.curve.second is not None and found.second_metric is not None:
        panels.append(_panel(findings, found.second_metric, found.curve.second, rows))
        panels[1]["epoch"], panels[1]["band"] = found.second_epoch, None
    return {**said, "rows": rows.tolist(), "panels": panels}


def _panel(findings: Findings, metric: str, mean: FloatArray, rows: Any) -> dict[str, Any]:
    run = findings.run
    rising = run.meta.mode == "max" if metric == run.meta.metric else guess_mode(metric) == "max"
    return {
        "label": label(metric),
        "short": short_label(metric),
        "rising": rising,
        "mean": trials.rounded(mean),
        "curves": [trials.rounded(run.curves(metric)[row, : run.meta.max_epochs]) for row in rows],
    }


def _curve_axis(findings: Findings) -> dict[str, Any]:
    """The epochs by which curves are coloured, what the axis shows, and how many lie beyond.

    ``rungs`` says whether trials ended at these epochs or in the ranges up to them.
    """
    run = findings.run
    curves, ends = run.curves(run.meta.metric), ended(run)
    stopped = ends[(ends > 0) & ~run.failed]
    stopped = stopped if len(stopped) else ends[ends > 0]
    if not len(stopped):
        return {"groups": [], "rungs": False, "limits": None, "beyond": 0}
    groups = np.unique(stopped)
    rungs = len(groups) <= _MOST_GROUPS
    if not rungs:
        cuts = np.quantile(stopped, np.linspace(0, 1, _MOST_GROUPS + 1)[1:])
        groups = np.unique(cuts.astype(np.int64))
    away = _away(run.meta.sign * curves)
    shown = curves[np.isfinite(curves) & ~away]
    return {
        "groups": groups.tolist(),
        "rungs": rungs,
        "limits": [float(shown.min()), float(shown.max())],
        "beyond": int(away.any(axis=1).sum()),
    }


def _away(losses: FloatArray) -> Any:
    """Values so bad that an axis that showed them would show nothing else: six IQR out."""
    q1, q3 = np.quantile(losses[np.isfinite(losses)], [0.25, 0.75])
    return losses > q3 + 6 * (q3 - q1) if q3 > q1 else np.zeros(losses.shape, dtype=bool)
