"""Figure: the objective over epochs, coloured by the rung where a trial ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.fidelity import ended as last_epochs
from analysis.figures.style import (
    GREY,
    VERMILLION,
    Drawing,
    Withheld,
    epoch_ticks,
    label_ends,
    legible,
    new_figure,
    ordered_colours,
    subtitle_of,
    value_axis,
    with_log,
)  # fmt: skip
from analysis.metrics import label, listed, number, plural, short_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from analysis.fidelity import IntArray
    from analysis.findings import Findings
    from analysis.parameters import FloatArray

TITLE = "Learning curves"
_HEIGHT = 2.9
_MOST_GROUPS = 7
_VERTICES = 15_000  # above which curves are a picture inside an SVG
_MOST, _BEST, _FEWEST = 300, 5, 20  # curves, the best of them, those of a group


def draw(findings: Findings) -> Drawing | Withheld:
    """A line a trial; those that failed end in a cross, the best is thick."""
    run = findings.run
    curves = run.curves(run.meta.metric)
    ends = last_epochs(run)
    if not (ends > 0).any():
        return Withheld("no trial has a result")
    groups = _groups(findings, ends)
    last = max(int(ends.max()), 1)
    reading = _reading(findings, groups, ends)
    failed = run.failed
    subtitle = plural(int((ends > 0).sum()), "trial")
    if len(groups) > 1:
        subtitle += "; colour: the epoch where it ended"
    if failed[ends > 0].any():
        subtitle += f"; cross: failed ({int(failed[ends > 0].sum())})"
    if failed[ends == 0].any():
        subtitle += f"; {int(failed[ends == 0].sum())} more failed before a first result"
    away = _away(curves, run.meta.sign)
    if away.any():
        subtitle += f"; {plural(int(away.any(axis=1).sum()), 'curve')} beyond the axis"
    drawn = _thinned(groups, findings)
    count = sum(len(rows) for rows in drawn.values())
    if count < (ends > 0).sum():
        subtitle += f"; drawn: the best {_BEST} and a random {count - _BEST} of the others"
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=_HEIGHT + 0.6)
    axes = figure.subplots()
    _lines(axes, curves, ends, drawn, failed)
    # Rungs grow by a factor, so that on a log axis they stand evenly; other ends do not.
    rungs = _exact(groups, ends, failed)
    log_epochs = rungs and len(groups) >= 3 and last >= 9
    if log_epochs:
        axes.set_xscale("log")
    value_axis(axes, np.where(away, np.nan, curves), rising=run.meta.mode == "max")
    ended = {epoch: int((~failed[rows]).sum()) for epoch, rows in groups.items()}
    _epoch_axis(axes, ended if rungs else {}, last, log=log_epochs)
    axes.set_ylabel(with_log(label(run.meta.metric), axes))
    if findings.best is not None:
        row = findings.best.row
        best = curves[row, : ends[row]]
        epochs = np.arange(1, len(best) + 1)
        axes.plot(epochs, best, color=VERMILLION, lw=2.2, zorder=6)
        axes.plot([findings.best.epoch], [findings.best.objective], "o", ms=6.5, color=VERMILLION,
                  mec="white", zorder=7)  # fmt: skip
        label_ends(axes, [(float(best[-1]), f"trial {findings.best.number}", VERMILLION)],
                   height=_HEIGHT)  # fmt: skip
    return Drawing(figure, reading)


def _groups(findings: Findings, ends: IntArray) -> dict[int, IntArray]:
    """Rows by the epoch where they ended, ascending: rungs, or ranges if those are many."""
    failed = findings.run.failed
    stopped = ends[(ends > 0) & ~failed]
    epochs = sorted(set(stopped.tolist())) or sorted(set(ends[ends > 0].tolist()))
    if len(epochs) > _MOST_GROUPS:
        cuts = np.quantile(stopped, np.linspace(0, 1, _MOST_GROUPS + 1)[1:])
        epochs = sorted({int(cut) for cut in cuts})
    # A failed trial belongs to the rung it was heading for.
    place = np.minimum(np.searchsorted(epochs, ends), len(epochs) - 1)
    return {
        epoch: np.flatnonzero((ends > 0) & (place == index)) for index, epoch in enumerate(epochs)
    }


def _exact(groups: dict[int, IntArray], ends: IntArray, failed: NDArray[np.bool_]) -> bool:
    """Whether trials ended at the groups' epochs, as at rungs, and not in ranges up to them."""
    return set(ends[(ends > 0) & ~failed].tolist()) <= set(groups)


def _thinned(groups: dict[int, IntArray], findings: Findings) -> dict[int, IntArray]:
    """Rows to draw: all, or a sample of each group in proportion, and the best trials."""
    total = sum(len(rows) for rows in groups.values())
    if total <= _MOST:
        return groups
    rng = np.random.default_rng(0)
    best = findings.ranking.rows[:_BEST]
    drawn = {}
    for epoch, rows in groups.items():
        others = np.setdiff1d(rows, best)
        kept = min(max(_MOST * len(rows) // total, _FEWEST), len(others))
        sample = rng.choice(others, kept, replace=False)
        drawn[epoch] = np.union1d(sample, np.intersect1d(rows, best))
    return drawn


def _away(curves: FloatArray, sign: int) -> NDArray[np.bool_]:
    """Values so bad that an axis that showed them would show nothing else: six IQR out."""
    losses = sign * curves
    q1, q3 = np.quantile(losses[np.isfinite(losses)], [0.25, 0.75])
    far = losses > q3 + 6 * (q3 - q1)
    return np.asarray(far if q3 > q1 else np.zeros_like(far))


def _lines(
    axes: Axes,
    curves: FloatArray,
    ends: IntArray,
    groups: dict[int, IntArray],
    failed: NDArray[np.bool_],
) -> None:
    from matplotlib.collections import LineCollection

    total = sum(len(rows) for rows in groups.values())
    dense = sum(len(curves[0]) * len(rows) for rows in groups.values()) > _VERTICES
    alpha = float(np.clip(25 / max(total, 1), 0.3, 0.9))
    for colour, rows in zip(ordered_colours(len(groups)), groups.values(), strict=True):
        lines = []
        for row in rows:
            known = np.flatnonzero(np.isfinite(curves[row]))
            lines.append(np.column_stack([known + 1, curves[row, known]]))
        axes.add_collection(
            LineCollection(lines, colors=[colour], alpha=alpha, linewidths=1.1, rasterized=dense),
            autolim=False,
        )
        for mark, chosen in (("o", rows[~failed[rows]]), ("X", rows[failed[rows]])):
            at = curves[chosen, ends[chosen] - 1]
            axes.plot(ends[chosen], at, mark, ms=3 if mark == "o" else 6, mew=0.5, color=colour,
                      mec="white" if mark == "X" else colour, ls="none", zorder=4)  # fmt: skip


def _epoch_axis(axes: Axes, groups: dict[int, int], last: int, *, log: bool) -> None:
    """Ticks at the rungs, and above each how many trials ended there without failing."""
    axes.set_xlabel("epoch (log)" if log else "epoch")
    ticks = list(groups) if log else epoch_ticks(last)
    if log and ticks[0] != 1:
        ticks = [1, *ticks]
    left, right = (0.88, last * 1.12) if log else (1 - 0.03 * last, last * 1.03)
    axes.set_xlim(left, right)
    place = np.log if log else np.asarray
    shown: list[int] = []
    for tick in reversed(ticks):
        apart = 0.05 * (place(right) - place(left))
        if not shown or place(shown[-1]) - place(tick) >= apart:
            shown.append(tick)
    axes.set_xticks(shown[::-1], [str(tick) for tick in shown[::-1]])
    axes.minorticks_off()
    if len(groups) < 2:
        return
    colours = ordered_colours(len(groups))
    places = [(place(epoch) - place(left)) / (place(right) - place(left)) for epoch in groups]
    if np.diff(places).min() < 0.07:
        return  # a count that is not there would be missed in the sum
    for (epoch, count), colour in reversed(list(zip(groups.items(), colours, strict=True))):
        axes.annotate(str(count), (epoch, 1), xycoords=("data", "axes fraction"), size=9,
                      xytext=(0, 3), textcoords="offset points", ha="center", va="bottom",
                      color=legible(colour), weight="bold")  # fmt: skip
    axes.annotate("ended", (1.02, 1), xycoords="axes fraction", xytext=(0, 3), size=9,
                  textcoords="offset points", ha="left", va="bottom", color=GREY)  # fmt: skip


def _reading(findings: Findings, groups: dict[int, IntArray], ends: IntArray) -> str:
    best, metric = findings.best, findings.run.meta.metric
    failed = findings.run.failed
    said = ""
    if 1 < len(groups) <= 5 and _exact(groups, ends, failed):
        counts = listed([str(int((~failed[rows]).sum())) for rows in groups.values()])
        said = f"{counts} trials ended at epochs {listed([str(e) for e in groups])}; "
    if best is None:
        return f"{said}no trial is best."
    value = number(best.objective, metric)
    said += f"trial {best.number} is best, {short_label(metric)} {value} at epoch {best.epoch}."
    return said[0].upper() + said[1:]
