"""Figure: the expected best of n trials, and how it would go on with more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)  # fmt: skip
from analysis.figures.timeline import inner_ticks
from analysis.metrics import label, number

if TYPE_CHECKING:
    from analysis.budget.tuning_curve import TuningCurve
    from analysis.findings import Findings

TITLE = "Tuning curve"
_HEIGHT = 2.5
_FIRST = 3  # the best of one or two trials is anything, and would flatten the rest


def draw(findings: Findings) -> Drawing | Withheld:
    """A line with its band up to the trials there are, a dashed one beyond."""
    found = findings.tuning_curve
    if found.unknown or found.best is None:
        return Withheld(f"whether more trials pay cannot be told: {found.unknown}")
    reading = _reading(found)
    stopped = found.trials - found.compared
    subtitle = f"{found.compared} trials compared at epoch {found.epoch}"
    if stopped:
        subtitle += f", the {stopped} that came less far counted as worse"
    subtitle += "; bands: 95 %; dashed: if trials to come are like those so far"
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=_HEIGHT + 0.5)
    axes = figure.subplots()
    begins = max(_FIRST, int(np.ceil(found.trials / max(found.compared, 1))))
    seen = (found.counts <= found.trials) & (found.counts >= min(begins, found.trials - 1))
    beyond = found.counts >= found.trials
    for part, colour, fill, dashes in (
        (seen, BLUE, SKY, "-"),
        (beyond, "#b07800", ORANGE, (0, (4, 2))),
    ):
        x, lower, upper, middle = (values[part].copy() for values in (
            found.counts, found.lower, found.upper, found.expected))  # fmt: skip
        if part is beyond:  # what comes starts from the best there is
            lower[0] = upper[0] = found.best
        axes.fill_between(x, lower, upper, color=fill, alpha=0.3, lw=0)
        axes.plot(x, middle, color=colour, lw=2.2, ls=dashes)
    drawn = seen | beyond
    value_axis(axes, np.concatenate([values[drawn] for values in
                                     (found.expected, found.lower, found.upper)]),
               rising=findings.run.meta.mode == "max")  # fmt: skip
    axes.axvline(found.trials, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.plot([found.trials], [found.best], "o", ms=6, color=BLUE, mec="white", zorder=5)
    axes.annotate(f"now: {found.trials}", (found.trials, 1), xycoords=("data", "axes fraction"),
                  xytext=(0, 1), textcoords="offset points", ha="center", va="bottom",
                  size=9)  # fmt: skip
    axes.set_xlabel("trials tried")
    axes.set_ylabel(f"expected best\n{with_log(label(found.metric), axes)}")
    axes.set_xlim(0, found.counts[-1] * 1.01)
    inner_ticks(axes)
    return Drawing(figure, reading)


def _reading(found: TuningCurve) -> str:
    gain, low, high = (number(value, "") if value and value >= 1e-4 else "0"
                       for value in (found.gain, found.low, found.high))  # fmt: skip
    short = [f"{float(word):.2g}" for word in (gain, low, high)]
    return (f"{found.more} more trials would gain about {short[0]} ({short[1]} to {short[2]}) "
            f"and cost about {found.epochs} epochs.")  # fmt: skip
