"""Figure: from the middle of the space to the winner, a bar for each change."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.choosing import percent
from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    PALE,
    VERMILLION,
    Drawing,
    Withheld,
    legible,
    new_figure,
    short_name,
    subtitle_of,
    text_width,
)
from analysis.metrics import label, number, plural
from analysis.parameters import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.importance.ablation import Ablation, AblationStep

TITLE = "Ablation: from the middle to the winner"
MOST = 14
_LABEL = 130  # points


def draw(findings: Findings) -> Drawing | Withheld:
    """A step a parameter: what the forest predicts before and after it is changed."""
    found = findings.ablation
    if found.withheld or found.predicted is None:
        return Withheld(found.withheld)
    steps = found.steps if len(found.steps) <= MOST else found.steps[: MOST - 1]
    rest = found.steps[len(steps) :]
    reading = _reading(found)
    subtitle = (
        f"learned from {plural(findings.importance.used, 'trial')} compared at epoch "
        f"{found.epoch}; changed in the order of the largest gain; line: 95 % of the trees"
    )
    rows = len(steps) + 1 + bool(rest)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=0.7 + 0.29 * rows)
    axes = figure.subplots()
    ends = [found.predicted, *(step.predicted for step in steps)]
    labels = ["middle of the space", *(_label(step) for step in steps)]
    bounds = [(found.low, found.high), *((step.low, step.high) for step in steps)]
    if rest:
        ends.append(rest[-1].predicted)
        labels.append(f"{len(rest)} more")
        bounds.append((rest[-1].low, rest[-1].high))
    _bars(axes, ends, findings.run.meta.sign)
    lows, highs = (np.array(each, dtype=np.float64) for each in zip(*bounds, strict=True))
    axes.hlines(range(rows), lows, highs, color=INK, lw=0.8, zorder=3)
    axes.plot(ends, range(rows), "o", ms=4.5, color=INK, zorder=5)
    axes.set_yticks(range(rows), labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.grid(axis="x", color=PALE, lw=0.6, zorder=0)
    axes.set_xlabel(label(found.metric))
    _differences(axes, ends, findings.run.meta.sign)
    return Drawing(figure, reading)


def _bars(axes: Axes, ends: list[float], sign: int) -> None:
    """A bar from each prediction to the next, and thin lines that carry on from row to row."""
    before, after = np.array(ends[:-1]), np.array(ends[1:])
    places = np.arange(1, len(ends))
    better = sign * (after - before) <= 0
    axes.barh(places, after - before, 0.6, left=before, zorder=2,
              color=np.where(better, BLUE, VERMILLION))  # fmt: skip
    axes.vlines(before, places - 1, places, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1)


def _differences(axes: Axes, ends: list[float], sign: int) -> None:
    """What each step changes, right of the axes; in red where it makes things worse."""
    axes.text(1.02, 0, number(ends[0]), transform=axes.get_yaxis_transform(), size=9, va="center")
    for place, (before, after) in enumerate(pairwise(ends), start=1):
        change = after - before
        axes.text(1.02, place, _signed(change), size=9, va="center",
                  transform=axes.get_yaxis_transform(),
                  color=legible(VERMILLION) if sign * change > 0 else INK)  # fmt: skip


def _signed(change: float) -> str:
    """A change with its sign and two digits: ``-0.52``, ``+4.2e-5``, ``0``."""
    return f"{change:+.2g}".replace("e-0", "e-").replace("e+0", "e+") if change else "0"


def _label(step: AblationStep) -> str:
    """A parameter and its new value, and how many children were set with it."""
    (name, value), *children = step.values
    more = f" +{len(children)}" if children else ""
    said = short_name(plain(value), 50) + more
    return f"{short_name(name, _LABEL - text_width(said, 9))} {said}"


def _reading(found: Ablation) -> str:
    last = found.steps[-1]
    said = (
        f"At epoch {found.epoch} the forest predicts {number(found.predicted, found.metric)} in "
        f"the middle of the space and {number(last.predicted, found.metric)} for trial "
        f"{found.trial}"
    )
    best = max(found.steps, key=lambda step: step.gain)
    if best.gain <= 0:
        return f"{said}; no change on the way gains anything."
    way = abs(last.predicted - (found.predicted or 0.0))
    part = f", {percent(best.gain / way)} of the way" if 0 < best.gain <= way else ""
    return f"{said}; {best.name} gains most, {best.gain:.2g}{part}."
