"""Figure: when each trial trained, and how many trained at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.budget.timeline import Timeline, clock
from analysis.figures.style import (
    GREY,
    INK,
    SKY,
    VERMILLION,
    Drawing,
    Withheld,
    new_figure,
    ordered_colours,
    subtitle_of,
    text_width,
)  # fmt: skip
from analysis.metrics import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from analysis.fidelity import IntArray
    from analysis.findings import Findings

TITLE = "Timeline"
_RUNNING = 1.0  # inches
_LANE, _LANES = 0.26, 2.6  # inches, of one and of all at most
_MOST = 400  # with more pieces, bars are too thin to be told apart
_ACROSS = 4.1  # inches of an axis, roughly
_BINS = 240
_UNITS = ((1, "s"), (60, "min"), (3600, "h"), (86400, "days"))


def draw(findings: Findings) -> Drawing | Withheld:
    """Pieces of training on lanes above, trials at once below; of many trials the latter alone."""
    found = findings.timeline
    if found.unknown:
        return Withheld(found.unknown)
    if found.wall <= 0:
        return Withheld("the run took no time that its tables could tell")
    reading = _reading(found)
    few = len(found.pieces) <= _MOST
    lanes = float(np.clip(_LANE * found.workers, 2 * _LANE, _LANES)) + 0.3
    heights = [lanes, _RUNNING] if few else [2 * _RUNNING]
    figure = new_figure(TITLE, reading, subtitle_of(_subtitle(found, few=few), findings),
                        height=sum(heights) + 0.6)  # fmt: skip
    panels = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    factor, unit = next((pair for pair in reversed(_UNITS) if found.wall >= 2 * pair[0]), _UNITS[0])
    if few:
        _pieces(panels[0], findings, factor, lanes)
    _running(panels[-1], found, factor, exact=few)
    panels[-1].set_xlim(-0.01 * found.wall / factor, 1.01 * found.wall / factor)
    inner_ticks(panels[-1])
    panels[-1].set_xlabel(f"time since the first trial started ({unit})")
    figure.align_ylabels(panels)
    return Drawing(figure, reading)


def _subtitle(found: Timeline, *, few: bool) -> str:
    words = plural(found.pieces["number"].n_unique(), "trial")
    if few:
        paused = len(found.pieces) > found.pieces["number"].n_unique()
        words += "; a bar is a trial's training" + (", up to a rung or a pause" if paused else "")
        words += ", in the first place that was free"
    else:
        words += f"; means over {_span(found.wall / _BINS)} each"
    if found.machines > 1:
        words += f"; {found.machines} machines"
    if found.resumed:
        words += "; some went on after an interruption"
    return words


def _span(seconds: float) -> str:
    """A short time in words: ``2.5 s``, or minutes and seconds from a minute on."""
    return f"{seconds:.2g} s" if seconds < 60 else clock(seconds)


def _pieces(axes: Axes, findings: Findings, factor: float, height: float) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    found = findings.timeline
    number, last = (found.pieces[name].to_numpy() for name in ("number", "last"))
    left, right = (found.pieces[name].to_numpy() / factor for name in ("begin", "end"))
    lane = found.lanes()
    best = -1 if findings.best is None else findings.best.number
    won = number == best
    levels = _levels(findings, last[~won])
    shades = ordered_colours(len(levels)) if len(levels) > 1 else [to_rgb(SKY)]
    colours = [to_rgb(VERMILLION) if mine else shades[min(level, len(shades) - 1)]
               for mine, level in zip(won, np.searchsorted(levels, last), strict=True)]  # fmt: skip
    wide = (right - left) * factor / found.wall * _ACROSS * 72  # points
    x = np.stack([left, right, right, left], axis=1)
    y = lane[:, None] + np.array([-0.4, -0.4, 0.4, 0.4])
    axes.add_collection(
        PolyCollection(list(np.stack([x, y], axis=2)), facecolors=colours, edgecolors="white",
                       linewidths=np.where(wide > 3, 0.6, 0.0)),
        autolim=False,
    )  # fmt: skip
    count = int(lane.max(initial=0)) + 1
    if (height - 0.3) * 72 / count > 11:  # a lane is as high as its text
        for place in np.flatnonzero(wide > 12):
            text = str(number[place])
            if text_width(text, 8) < wide[place] - 4:
                dark = float(np.dot(colours[place], (0.3, 0.6, 0.1))) < 0.55
                axes.text((left[place] + right[place]) / 2, lane[place], text, size=8,
                          color="white" if dark else INK, va="center", ha="center")  # fmt: skip
    axes.set_ylim(count - 0.4, -0.6)
    ticks = _ticks(count)
    axes.set_yticks(ticks, [str(tick + 1) for tick in ticks])
    axes.set_ylabel("place")
    axes.tick_params(axis="x", length=0)
    _legend(axes, levels, shades, best if won.any() else -1)


def _levels(findings: Findings, last: IntArray) -> IntArray:
    """The rungs that pieces were heading for, ascending; ``last`` are their last epochs."""
    meta = findings.run.meta
    top = max(*meta.rungs, meta.max_epochs)
    levels = np.unique([*meta.rungs, top, max(top, int(last.max(initial=1)))])
    return np.asarray(levels[np.unique(np.searchsorted(levels, last))])


def _legend(
    axes: Axes, levels: IntArray, shades: Sequence[tuple[float, float, float]], best: int
) -> None:
    from matplotlib.patches import Patch

    handles = []
    if len(levels) > 1:
        handles = [Patch(color=shade, label=str(level))
                   for level, shade in zip(levels, shades, strict=True)]  # fmt: skip
        handles[0].set_label(f"to epoch {levels[0]}")
    if best >= 0:
        handles.append(Patch(color=VERMILLION, label=f"trial {best}, the best"))
    if handles:
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(handles),
                    frameon=False, fontsize=9, borderaxespad=0.1, handlelength=0.8,
                    handletextpad=0.4, columnspacing=0.9, borderpad=0.2)  # fmt: skip


def _running(axes: Axes, found: Timeline, factor: float, *, exact: bool) -> None:
    # The moment between a trial and the next must fade, so that the steps have no outline.
    edges, running = found.steps() if exact else found.running(_BINS)
    axes.stairs(running, edges / factor, fill=True, color=SKY, lw=0)
    axes.axhline(found.workers, color=GREY, lw=0.9, ls=(0, (3, 2)))
    axes.set_ylim(0, max(float(running.max()), found.workers) * 1.12)
    axes.set_ylabel("at once" if exact else "trials at once")
    if exact or found.workers < 4:
        axes.set_yticks([0, found.workers] if exact else range(found.workers + 1))
    axes.tick_params(axis="y", labelcolor=INK)


def inner_ticks(axes: Axes) -> None:
    """Keep the ticks that lie on their axis: those beyond it are not seen but take part."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        kept = [float(tick) for tick in axis.get_majorticklocs() if low <= tick <= high]
        if axis.get_scale() == "linear":
            axis.set_ticks(kept)


def _ticks(count: int) -> list[int]:
    """Places of at most seven lanes, the first among them."""
    step = next(s * 10**k for k in range(9) for s in (1, 2, 5) if count / (s * 10**k) <= 7)
    return list(range(0, count, step))


def _reading(found: Timeline) -> str:
    share = ""
    if found.busy is not None:
        share = f", busy {round(100 * found.busy)} % of the time"
    alone = found.workers == 1
    who = "One trial at a time" if alone else f"Up to {found.workers} trials at once"
    return f"{who} in {clock(found.wall)}{share}."
