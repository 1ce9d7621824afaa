"""Figure: where the best tenth of the trials lies in each range, beside all trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.encoding import active_points
from analysis.figures.choosing import (
    FEWEST,
    OFF,
    best_of,
    coarse,
    gaps,
    percent,
    ranked,
    too_little,
)
from analysis.figures.panels import Grid
from analysis.figures.style import (
    BLUE,
    GREY,
    PALE,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
)
from analysis.metrics import plural
from analysis.parameters import plain
from searchspaces import Choice, domain_from_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.parameters import FloatArray, Parameter

TITLE = "Where the best trials lie"
MOST = 15
_DOTS = 30  # best trials up to which each is a dot
_DRAWS = (100, 400)  # random choices of as many trials, fewer where those are many
_CHANCE = 0.05


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel a parameter: all trials in grey, the best in blue."""
    run, group = findings.run, findings.comparable
    if not run.meta.parameters:
        return Withheld("every parameter is a constant")
    rows, scores = ranked(run, group)
    if reason := too_little(run, group, scores, FEWEST):
        return Withheld(reason)
    top = best_of(len(rows))
    points = active_points(run.trials[rows], run.meta.parameters)
    distances, limit = differences(points, top)
    order = np.argsort(-distances, kind="stable")
    parameters = [run.meta.parameters[k] for k in order[:MOST]]
    points, distances = points[:, order[:MOST]], distances[order[:MOST]]
    reading = _reading(parameters, points, distances, limit, top)
    subtitle = (f"{plural(len(rows), 'trial')} compared at epoch {group.epoch}; blue: the best "
                f"{top}, grey: all, in shares; most different first")  # fmt: skip
    if len(order) > MOST:
        subtitle += f"; {MOST} of {len(order)} parameters"
    off = gaps(points)
    grid = Grid(parameters, off, tall=0.8, left=0.15)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=grid.height)
    for place, parameter in enumerate(parameters):
        axes = grid.axes(figure, place)
        distribution(axes, parameter, points[:, place], top)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        if distances.max() > limit >= distances[place]:
            axes.text(1, 1, "as by chance", transform=axes.transAxes, size=8.5, color=GREY,
                      ha="right", va="bottom")  # fmt: skip
    return Drawing(figure, reading)


def distribution(axes: Axes, parameter: Parameter, places: FloatArray, top: int) -> None:
    """Shares of trials along a parameter: of all in grey; of the best in blue, dots if few.

    Args:
        axes: with the scale of the parameter.
        parameter: whose axis it is.
        places: coordinates, best trial first, NaN where inactive; shape (trials,).
        top: how many are the best; 0 for none.
    """
    edges = _edges(parameter, len(places))
    heights = _densities(places, edges)
    highest = float(max(heights.max(initial=0.0), 1e-9))
    lefts, widths = edges[:, 0], np.diff(edges)[:, 0]
    axes.bar(lefts, heights, widths, align="edge", color=PALE, lw=0)
    if 0 < top <= _DOTS:
        # In each cell one above the other, so that equal values can be counted.
        best = np.where(np.isnan(places[:top]), OFF, places[:top])
        bins = np.clip(((best - OFF) * 24).round(), 0, None).astype(int)
        level = np.array([int((bins[:k] == bins[k]).sum()) for k in range(top)])
        step = min(0.22, 1.9 / max(int(level.max()) + 1, 1)) * highest / 2
        axes.plot(best, step * (level + 0.6), "o", ms=3.6, color=BLUE, mec="white", mew=0.4)
        highest = max(highest, step * (level.max() + 1.4))
    elif top:
        shares = _densities(places[:top], edges)
        highest = max(highest, float(shares.max()))
        touching = bool(len(edges) > 2 and edges[1, 1] == edges[2, 0])
        # Neighbouring bars make one outline; the place for inactive trials is its own.
        parts = (
            [slice(0, 1), slice(1, None)]
            if touching
            else [slice(k, k + 1) for k in range(len(edges))]
        )
        for part in parts:
            outline = np.append(edges[part, 0], edges[part, 1][-1])
            axes.stairs(shares[part], outline, color=BLUE, lw=1.3)
    axes.set_ylim(0, 1.06 * highest)


def differences(points: FloatArray, top: int, *, seed: int = 0) -> tuple[FloatArray, float]:
    """How far the best trials' distribution lies from that of all, and what chance reaches.

    Args:
        points: coordinates, best trial first, NaN where inactive; shape (trials, d).
        top: how many are the best.
        seed: of the draws.

    Returns:
        The Kolmogorov-Smirnov distance per parameter, shape (d,), and the greatest over
        all parameters that stays above 95 % of random choices of as many trials.

    Source: Westfall and Young, Resampling-Based Multiple Testing (1993), section 2.5.
    """
    places = np.where(np.isnan(points), OFF, points)
    trials, count = places.shape
    shares = np.empty_like(places)  # of all trials up to each trial's own place
    below = np.empty_like(places)
    for k in range(count):
        ordered = np.sort(places[:, k])
        shares[:, k] = np.searchsorted(ordered, places[:, k], side="right") / trials
        below[:, k] = np.searchsorted(ordered, places[:, k], side="left") / trials
    rng = np.random.default_rng(seed)
    draws = int(np.clip(100_000 // top, *_DRAWS))
    reached = [
        float(_distance(shares[chosen], below[chosen]).max())
        for chosen in (rng.choice(trials, top, replace=False) for _ in range(draws))
    ]
    return _distance(shares[:top], below[:top]), float(np.quantile(reached, 1 - _CHANCE))


def _distance(shares: FloatArray, below: FloatArray) -> FloatArray:
    """Greatest distance of the distribution functions of a sample and of all, per column."""
    size = len(shares)
    order = np.sort(shares, axis=0)
    rank = np.empty_like(order)
    # Of equal values the last counts: the sample's share up to and with it.
    for k in range(order.shape[1]):
        rank[:, k] = np.searchsorted(order[:, k], order[:, k], side="right") / size
    above = np.abs(rank - order).max(axis=0)
    under = np.sort(below, axis=0)
    for k in range(order.shape[1]):
        rank[:, k] = np.searchsorted(order[:, k], order[:, k], side="left") / size
    return np.asarray(np.maximum(above, np.abs(under - rank).max(axis=0)))


def _edges(parameter: Parameter, trials: int) -> FloatArray:
    """Left and right edge of each bar, the place for inactive trials first: shape (n, 2)."""
    cells = parameter.cells()
    if cells is not None and coarse(parameter):
        edges = np.stack([cells[1][:-1], cells[1][1:]], axis=1)
        room = 0.15 * (edges[:, 1] - edges[:, 0])
        edges = edges + np.stack([room, -room], axis=1)
    else:
        inner = np.linspace(0, 1, (10 if trials < 100 else 20) + 1)
        edges = np.stack([inner[:-1], inner[1:]], axis=1)
    return np.concatenate([[[OFF - 0.05, OFF + 0.05]], edges])


def _densities(places: FloatArray, edges: FloatArray) -> FloatArray:
    """Share of the trials in each bar, that of the inactive ones first."""
    active = places[np.isfinite(places)]
    at = np.clip(np.searchsorted(edges[1:, 1], active, side="left"), 0, len(edges) - 2)
    counts = np.bincount(at, minlength=len(edges) - 1)
    return np.concatenate([[len(places) - len(active)], counts]) / max(len(places), 1)


def _reading(
    parameters: list[Parameter],
    points: FloatArray,
    distances: FloatArray,
    limit: float,
    top: int,
) -> str:
    """Where the best lie, for parameters in which chance would not take them there."""
    told = [
        _span(parameter, points[:, k], top)
        for k, parameter in enumerate(parameters)
        if distances[k] > limit
    ]
    if not told:
        return f"The best {top} trials cannot be told from all trials by any one parameter."
    return f"The best {top} trials keep to {' and '.join(told[:2])}, which is not by chance."


def _span(parameter: Parameter, places: FloatArray, top: int) -> str:
    """The middle 80 % of the best, and which share of all trials lies there."""
    best = places[:top][np.isfinite(places[:top])]
    if len(best) < 0.8 * top:
        return f"{parameter.name} off ({top - len(best)} of {top})"
    if isinstance(parameter.domain, Choice):
        values, counts = np.unique(best, return_counts=True)
        often = float(values[np.argmax(counts)])
        word = plain(domain_from_unit(parameter.domain, often))
        return f"{parameter.name} {word} ({counts.max()} of {top})"
    low, high = np.quantile(best, [0.1, 0.9], method="nearest")
    ends = [plain(domain_from_unit(parameter.domain, float(u))) for u in (low, high)]
    inside = ((places >= low) & (places <= high)).mean()
    words = ends[0] if ends[0] == ends[1] else "..".join(ends)
    return f"{parameter.name} {words} ({percent(inside)} of all trials)"
