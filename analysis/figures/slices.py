"""Figure: each parameter against the objective."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.encoding import active_points
from analysis.figures.choosing import (
    OFF,
    coarse,
    few_failed,
    gaps,
    marks,
    ranked,
    spread,
    switched_off,
    thin,
    thinned_words,
    too_little,
)
from analysis.figures.panels import Grid, colour_key, shades
from analysis.figures.style import (
    INK,
    VERMILLION,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)
from analysis.metrics import label, number, plural, short_label
from analysis.parameters import plain
from searchspaces import domain_from_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.parameters import FloatArray, Parameter

TITLE = "Each parameter against the objective"
FEW = 5
MOST = 15
_CHANCE = 0.01


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel a parameter; colour is when the trial ran, a line is the running median."""
    run, group = findings.run, findings.comparable
    if not run.meta.parameters:
        return Withheld("every parameter is a constant")
    rows, scores = ranked(run, group)
    if reason := too_little(run, group, scores, FEW):
        return Withheld(reason)
    parameters = run.meta.parameters[:MOST]
    points = active_points(run.trials, parameters)
    # A larger share of the best would look like a cluster of its own here.
    chosen = thin(len(rows), marks(len(parameters)))
    failed, failed_words = few_failed(run, len(chosen))
    shown_scores, beyond = _within(run.meta.sign, scores)
    bands = [running(points[rows, k], scores, parameter) for k, parameter in enumerate(parameters)]
    subtitle = f"{plural(len(rows), 'trial')} compared at epoch {group.epoch}"
    if any(band is not None for band in bands):
        subtitle += "; line and band: running median and quartiles"
    if beyond:
        subtitle += f"; {plural(beyond, 'trial')} beyond the axis, at its edge"
    if len(run.meta.parameters) > MOST:
        subtitle += f"; the first {MOST} of {len(run.meta.parameters)} parameters"
    subtitle += failed_words + thinned_words(len(chosen), len(rows))
    reading = _reading(findings, parameters, points[rows], scores)
    off = gaps(points)
    grid = Grid(parameters, off, tall=1.15, left=0.8, foot=0.42)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=grid.height)
    moved = switched_off(spread(points, parameters))
    numbers = run.trials["number"].to_numpy()
    # The last trial is drawn on top; colour says the order, whatever numbers are missing.
    picked = chosen[np.argsort(numbers[rows[chosen]])]
    colours = shades(numbers[rows[picked]] / max(int(numbers.max()), 1))
    dense = len(picked) > 150
    for place, band in enumerate(bands):
        axes = grid.axes(figure, place)
        axes.scatter(moved[rows[picked], place], shown_scores[picked], s=5 if dense else 12,
                     c=colours, lw=0, alpha=0.8, rasterized=dense, zorder=2)  # fmt: skip
        _axis(axes, shown_scores, findings, named=place % grid.columns == 0)
        edge = 1.0 if run.meta.mode == "min" else 0.0
        axes.plot(moved[failed, place], np.full(len(failed), edge), "x", ms=4, mew=0.9,
                  color=VERMILLION, transform=axes.get_xaxis_transform(), zorder=3,
                  clip_on=False)  # fmt: skip
        if band is not None:
            _band(axes, band, apart=coarse(parameters[place]))
    last = int(numbers.max())
    colour_key(figure, 0.8, 0.24, 1.2, "colour: trial number", ["0", str(last)])
    return Drawing(figure, reading)


def running(places: FloatArray, scores: FloatArray, parameter: Parameter) -> FloatArray | None:
    """Running quartiles of the scores along a parameter: rows are place, q1, median, q3.

    At each of up to 12 values of a grid, NaN where fewer than 5 trials have it; else over
    windows of 2 sqrt(n) of n trials, or n / 20 if that is more. None where trials are too few.

    Args:
        places: coordinates, NaN where inactive, shape (trials,).
        scores: shape (trials,).
        parameter: whose coordinates they are.
    """
    active = np.isfinite(places)
    x, y = places[active], scores[active]
    quarters = [0.25, 0.5, 0.75]
    cells = parameter.cells()
    if cells is not None and coarse(parameter):
        found = [
            np.quantile(y[inside], quarters) if inside.sum() >= FEW else np.full(3, np.nan)
            for inside in (np.isclose(x, centre, atol=1e-6) for centre in cells[0])
        ]
        known = np.isfinite(np.array(found)[:, 0]).sum()
        return np.vstack([cells[0], np.transpose(found)]) if known > 1 else None
    window = max(round(2 * math.sqrt(len(x))), len(x) // 20)
    if len(x) <= 2.5 * window:  # none of none, too
        return None
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    starts = np.unique(np.linspace(0, len(x) - window, min(30, len(x) - window + 1)).astype(int))
    return np.array([
        [np.median(x[s : s + window]), *np.quantile(y[s : s + window], quarters)] for s in starts
    ]).T  # fmt: skip


def strength(places: FloatArray, scores: FloatArray) -> tuple[float, float]:
    """How much of the scores' ranks the place explains: eta squared, and what chance reaches.

    Trials are put into up to 6 groups of like places, the inactive ones into one of their own.

    Source: Kruskal and Wallis, Use of ranks in one-criterion variance analysis, JASA 47
        (1952); the quantile of chi squared from Wilson and Hilferty, PNAS 17 (1931).
    """
    values = np.where(np.isnan(places), OFF, places)
    trials = len(values)
    # Groups of about the same size, at least 5, and equal places never apart.
    count = min(6, trials // FEW)
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1], method="lower"))
    group = np.searchsorted(cuts, values, side="left")
    _, group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    groups = len(sizes)
    if groups < 2:
        return 0.0, 1.0
    _, tied, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[tied]
    means = np.bincount(group, ranks) / sizes
    total = float(((ranks - ranks.mean()) ** 2).sum())
    between = float((sizes * (means - ranks.mean()) ** 2).sum())
    freedom = groups - 1
    ninth = 2 / (9 * freedom)
    chi2 = freedom * (1 - ninth + 2.326 * math.sqrt(ninth)) ** 3  # 99 % quantile
    return between / total if total else 0.0, chi2 / (trials - 1)


def _within(sign: int, scores: FloatArray) -> tuple[FloatArray, int]:
    """Scores with those beyond 3 IQR from the quartiles moved to that fence, and how many were."""
    losses = sign * scores
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    fence = float(q3 + 3 * (q3 - q1))
    beyond = int((losses > fence).sum()) if q3 > q1 else 0
    return (sign * np.minimum(losses, fence), beyond) if beyond else (scores, 0)


def _axis(axes: Axes, scores: FloatArray, findings: Findings, *, named: bool) -> None:
    """The objective's axis, the same in all panels, with texts in the first of a row."""
    from matplotlib.ticker import MaxNLocator

    value_axis(axes, scores, rising=findings.run.meta.mode == "max")
    if axes.get_yscale() == "linear":
        low, high = axes.get_ylim()
        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
        axes.set_yticks(ticks, [f"{tick:.4g}" for tick in ticks])
    axes.tick_params(axis="y", labelsize=8.5, length=2.5, pad=2)
    if named:
        text = with_log(label(findings.run.meta.metric), axes).replace(
            "validation ", "validation\n"
        )
        axes.annotate(text, (0, 0.5), xycoords="axes fraction", xytext=(-0.73 * 72, 0), size=9,
                      textcoords="offset points", rotation=90, ha="left", va="center",
                      linespacing=1.0)  # fmt: skip
    else:
        axes.set_yticks(axes.get_yticks(), [""] * len(axes.get_yticks()))


def _band(axes: Axes, band: FloatArray, *, apart: bool) -> None:
    """Median and quartiles: a line and a band, or marks where values are apart."""
    low, high = axes.get_ylim()
    place, *quarters = band
    q1, median, q3 = (np.clip(values, low, high) for values in quarters)
    if apart:
        half = 0.32 / len(place)
        axes.bar(place, q3 - q1, 2 * half, bottom=q1, color=INK, alpha=0.16, lw=0, zorder=3)
        for colour, width in (("white", 2.8), (INK, 1.6)):
            axes.hlines(median, place - half, place + half, color=colour, lw=width, zorder=4)
        return
    axes.fill_between(place, q1, q3, color=INK, alpha=0.16, lw=0, zorder=3)
    axes.plot(place, median, color="white", lw=2.6, zorder=4)
    axes.plot(place, median, color=INK, lw=1.4, zorder=5)


def _reading(
    findings: Findings, parameters: tuple[Parameter, ...], points: FloatArray, scores: FloatArray
) -> str:
    """Along which parameter the scores change most, and how far."""
    metric = short_label(findings.run.meta.metric)
    if len(scores) < 2 * FEW:
        return f"{len(scores)} trials are too few to see what a parameter does."
    found = [strength(points[:, k], scores) for k in range(len(parameters))]
    clear = [k for k, (share, chance) in enumerate(found) if share > chance]
    if not clear:
        return f"Along no parameter does the {metric} change more than by chance."
    first = max(clear, key=lambda k: found[k][0])
    said = f"The {metric} changes most along {parameters[first].name}"
    band = running(points[:, first], scores, parameters[first])
    if band is not None:
        known = band[:, np.isfinite(band[2])]
        signed = findings.run.meta.sign * known[2]
        at = "at" if coarse(parameters[first]) else "near"
        ends = [
            f"{number(float(known[2, k]), findings.run.meta.metric)} {at} "
            f"{plain(domain_from_unit(parameters[first].domain, float(known[0, k])))}"
            for k in (int(np.argmin(signed)), int(np.argmax(signed)))
        ]
        said += f": its median is {ends[0]} and {ends[1]}"
    if len(clear) == len(parameters):
        return f"{said}."
    others = len(parameters) - len(clear)
    rest = "the other" if others == 1 else "the others" if len(clear) == 1 else f"{others} others"
    return f"{said}; along {rest} only as by chance."
