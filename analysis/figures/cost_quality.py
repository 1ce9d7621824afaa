"""Figure: what trials reach against what they cost, in seconds and in weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.budget.cost_front import Cost, CostFront, Front
from analysis.figures.choosing import marks, thin, thinned_words
from analysis.figures.panels import fit_across, halo, panel, room_beyond
from analysis.figures.style import (
    BLUE,
    VERMILLION,
    WIDTH,
    Drawing,
    Withheld,
    legible,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)
from analysis.metrics import label, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings

TITLE = "Cost against quality"
_TALL, _LEFT, _BETWEEN, _BOTTOM = 2.2, 0.85, 0.3, 0.62  # inches
_NAME = 55  # points a name takes
_ROOM = 0.28  # of the height, for names
_POINT = "#a9a9a9"


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel a cost; a step line through the trials that no other beats in both."""
    found = findings.cost_front
    fronts = [front for front in found.fronts if not front.withheld]
    if not fronts:
        return Withheld("; ".join(dict.fromkeys(front.withheld for front in found.fronts)))
    count = max(len(front.numbers) for front in fronts)
    chosen = thin(count, marks(2))
    subtitle = (f"{plural(count, 'trial')} compared at epoch {found.fidelity.epoch}; line: no "
                f"other trial is both cheaper and better")  # fmt: skip
    subtitle += thinned_words(len(chosen), count)
    if found.machines > 1 and fronts[0].cost == "seconds":
        subtitle += f"; seconds from {found.machines} machines"
    missing = [front for front in found.fronts if front.withheld]
    subtitle += "".join(f"; no panel of {front.cost}: {front.withheld}" for front in missing)
    reading = _reading(found)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings),
                        height=_BOTTOM + _TALL + 0.12)  # fmt: skip
    wide = (WIDTH - _LEFT - 0.15 - _BETWEEN * (len(fronts) - 1)) / len(fronts)
    for place, front in enumerate(fronts):
        axes = panel(figure, _LEFT + place * (wide + _BETWEEN), _BOTTOM, wide, _TALL)
        _scales(axes, front, findings, wide)
        _points(axes, front, rising=findings.run.meta.mode == "max")
        if place == 0:
            axes.set_ylabel(with_log(label(findings.run.meta.metric), axes))
        else:
            axes.tick_params(axis="y", labelleft=False)
    return Drawing(figure, reading)


def _scales(axes: Axes, front: Front, findings: Findings, wide: float) -> None:
    """Both axes: the cost logarithmic where it spans a factor of 4, far off scores left out."""
    rising = findings.run.meta.mode == "max"
    losses = findings.run.meta.sign * front.scores
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    worst = float(q3 + 3 * (q3 - q1))
    on = {trial.number for trial in front.trials}
    kept = (losses <= worst) | np.isin(front.numbers, list(on))
    value_axis(axes, front.scores[kept], rising=rising)
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    room_beyond(axes, _ROOM, rising=rising)
    if axes.get_yscale() != "log":
        axes.set_yticks(ticks)
    fit_across(axes, front.costs, width=wide, log=True)
    log = " (log)" * (axes.get_xscale() == "log")
    axes.set_xlabel(_cost_name(front.cost, findings) + log)


def _cost_name(cost: Cost, findings: Findings) -> str:
    if cost == "weights":
        return "number of weights"
    epochs = plural(findings.cost_front.fidelity.epoch, "epoch")
    return f"time for {epochs} (s)"


def _points(axes: Axes, front: Front, *, rising: bool) -> None:
    chosen = thin(len(front.numbers), marks(2))
    dense = len(chosen) > 300
    axes.scatter(front.costs[chosen], front.scores[chosen], s=5 if dense else 12, color=_POINT,
                 alpha=0.6 if dense else 0.9, lw=0, rasterized=dense, zorder=2)  # fmt: skip
    costs = [trial.cost for trial in front.trials]
    scores = [trial.score for trial in front.trials]
    axes.step([*costs, axes.get_xlim()[1]], [*scores, scores[-1]], where="post", color=BLUE,
              lw=1.6, zorder=3)  # fmt: skip
    axes.plot(costs, scores, "o", ms=4 if len(costs) < 25 else 2.5, color=BLUE, zorder=4)
    _names(axes, front, rising=rising)


def _names(axes: Axes, front: Front, *, rising: bool) -> None:
    """Name the best trial, the cheapest that is as good, and the knee where there is room."""
    taken: list[tuple[float, float]] = []
    wide = axes.get_position().width * WIDTH * 72
    done: set[int] = set()
    for trial in (front.best, front.cheapest, front.knee):
        if trial is None or trial.number in done:
            continue
        done.add(trial.number)
        colour = VERMILLION if trial is front.best else BLUE
        place = (trial.cost, trial.score)
        axes.plot(*place, "o", ms=6.5, color=colour, mec="white", zorder=5)
        at = axes.transAxes.inverted().transform(axes.transData.transform(place))
        x, y = at * (wide, _TALL * 72)
        # On the side of better scores no trial lies; to the right the front itself does.
        left = x > _NAME
        inward = left or trial is front.best
        side = (1 if rising else -1) * (1 if inward else -1)
        away = 5.0
        while any(abs(x - a) < _NAME and abs(y + side * away - b) < 11 for a, b in taken):
            away += 2
        if away > 20:
            continue
        taken.append((float(x), float(y + side * away)))
        axes.annotate(f"trial {trial.number}", place, size=9, color=legible(colour),
                      xytext=(3 if left else 4 if side > 0 else -3, side * away),
                      textcoords="offset points",
                      ha="right" if left else "left", va="bottom" if side > 0 else "top",
                      zorder=6, path_effects=halo())  # fmt: skip


def _reading(found: CostFront) -> str:
    words = found.words()
    if not words:
        within = "the noise" if found.measure == "noise" else "1 % of the best"
        return f"No trial within {within} costs clearly less than the best."
    first = next(line for line in words if line.startswith("trial"))
    within = "the noise" if found.measure == "noise" else "1 % of the best"
    return f"{first[0].upper()}{first[1:]}, which is within {within}."
