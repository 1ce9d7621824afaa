"""Figure: what the forest predicts along each parameter, all others averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.choosing import spread
from analysis.figures.panels import Grid
from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)
from analysis.metrics import label, number, plural
from analysis.parameters import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.importance.marginals import MarginalCurve
    from analysis.parameters import FloatArray, Parameter

TITLE = "Marginal effects of parameters"
MOST = 8
_RUG = 400
_APART = 12  # values that are drawn one by one


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel a parameter, most important first, on one scale of the objective."""
    found = findings.marginals
    if found.withheld:
        return Withheld(found.withheld)
    curves = found.curves[:MOST]
    by_name = {parameter.name: parameter for parameter in findings.run.meta.parameters}
    parameters = [by_name[curve.name] for curve in curves]
    subtitle = (
        f"learned from {plural(found.trials, 'trial')} compared at epoch {found.epoch}; band: "
        f"95 % of the trees; number: share of the variance; ticks below: "
        f"{'a sample of the ' if _thinned(curves) else ''}trials"
    )
    if any(curve.noise for curve in curves):
        subtitle += "; grey: no more than chance"
    if any(parameter.domain.when for parameter in parameters):
        subtitle += "; averaged where the parameter is active"
    if len(found.curves) > MOST:
        subtitle += f"; the {MOST} most important of {len(found.curves)}"
    grid = Grid(parameters, [False] * len(parameters), tall=1.05, left=0.72)
    reading = _reading(findings)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=grid.height)
    shown = np.concatenate([np.concatenate([c.low, c.high]) for c in curves])
    for place, (curve, parameter) in enumerate(zip(curves, parameters, strict=True)):
        axes = grid.axes(figure, place)
        _axis(axes, shown, findings, named=place % grid.columns == 0)
        _curve(axes, curve, findings.run.meta.sign)
        _rug(axes, curve, parameter)
        axes.annotate(f"{curve.share:.2f}", (1, 1), xycoords="axes fraction", size=8.5,
                      color=GREY, ha="right", va="center")  # fmt: skip
    return Drawing(figure, reading)


def _curve(axes: Axes, curve: MarginalCurve, sign: int) -> None:
    """Mean and band, or marks where values are apart; a dot where it is best."""
    colour = GREY if curve.noise else BLUE
    best = int(np.argmin(sign * curve.mean))
    if curve.grid and len(curve.at) <= _APART:
        axes.errorbar(curve.at, curve.mean, yerr=[curve.mean - curve.low, curve.high - curve.mean],
                      fmt="o", ms=4, color=colour, mec="white", mew=0.6, ecolor=colour,
                      elinewidth=1.2, capsize=2.5)  # fmt: skip
    else:
        axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.22, lw=0)
        axes.plot(curve.at, curve.mean, color=colour, lw=1.6)
    if not curve.noise:
        axes.plot(curve.at[best], curve.mean[best], "o", ms=5.5, color=colour, mec=INK, mew=0.9,
                  zorder=5)  # fmt: skip


def _rug(axes: Axes, curve: MarginalCurve, parameter: Parameter) -> None:
    """A tick for each trial, or for a sample of them, along the bottom."""
    places = curve.places
    if len(places) > _RUG:
        places = places[np.random.default_rng(0).choice(len(places), _RUG, replace=False)]
    moved = spread(places[:, None], [parameter])[:, 0]
    axes.plot(moved, np.full(len(moved), 0.025), "|", ms=4, mew=0.4, color=GREY, alpha=0.6,
              transform=axes.get_xaxis_transform(), rasterized=len(moved) > 150)  # fmt: skip


def _axis(axes: Axes, values: FloatArray, findings: Findings, *, named: bool) -> None:
    """The objective's axis, the same in all panels, with texts in the first of a row."""
    from matplotlib.ticker import MaxNLocator

    value_axis(axes, values, rising=findings.run.meta.mode == "max")
    if axes.get_yscale() == "linear":
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.08 * (high - low), high)  # room for the ticks of the trials
        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
        axes.set_yticks(ticks, [f"{tick:.4g}" for tick in ticks])
    axes.tick_params(axis="y", labelsize=8.5, length=2.5, pad=2)
    if not named:
        axes.set_yticks(axes.get_yticks(), [""] * len(axes.get_yticks()))
        return
    text = with_log(label(findings.run.meta.metric), axes).replace("validation ", "validation\n")
    axes.annotate(text, (0, 0.5), xycoords="axes fraction", xytext=(-0.63 * 72, 0), size=9,
                  textcoords="offset points", rotation=90, ha="left", va="center",
                  linespacing=1.0)  # fmt: skip


def _thinned(curves: tuple[MarginalCurve, ...]) -> bool:
    return any(len(curve.places) > _RUG for curve in curves)


def _reading(findings: Findings) -> str:
    """Where the most important parameter is best, and how far it moves the objective."""
    found = findings.marginals
    if not found.best:
        return "Along no parameter does the prediction change more than chance would make it."
    name, value = found.best[0]
    curve = next(curve for curve in found.curves if curve.name == name)
    sign = findings.run.meta.sign
    best, worst = (pick(sign * curve.mean) * sign for pick in (np.min, np.max))
    said = (
        f"Averaged over all else, {name} is best at {plain(value)}: {number(best, found.metric)} "
        f"predicted, against {number(worst, found.metric)} at its worst"
    )
    others = [f"{other} at {plain(value)}" for other, value in found.best[1:3]]
    return f"{said}; {' and '.join(others)}." if others else f"{said}."
