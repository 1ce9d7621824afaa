"""Figure: best and median score over cells of the strongest pairs of parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.encoding import active_points
from analysis.figures.choosing import ranked, too_little
from analysis.figures.pair_cells import AWAY, Cells, cells_of, strongest
from analysis.figures.panels import colour_key, name_lines, panel, scale, shades, ticks_of
from analysis.figures.style import (
    INK,
    PALE,
    WIDTH,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
)
from analysis.metrics import number, plural, short_label
from analysis.parameters import plain
from searchspaces import domain_from_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.findings import Findings
    from analysis.parameters import FloatArray, Parameter

TITLE = "Pairs of parameters"
FEW = 20
MOST = 3
_MEDIAN = 3  # trials a median is read from
_RIGHT, _BETWEEN, _ABOVE, _TALL, _FOOT = 0.12, 0.15, 0.12, 1.15, 0.46  # inches


def draw(findings: Findings) -> Drawing | Withheld:
    """A row a pair: the best score in each cell, its median, the number of trials."""
    run, group = findings.run, findings.comparable
    if len(run.meta.parameters) < 2:
        return Withheld("it takes two parameters that were searched")
    rows, scores = ranked(run, group)
    if reason := too_little(run, group, scores, FEW):
        return Withheld(reason)
    names = {parameter.name: parameter for parameter in run.meta.parameters}
    pairs = [
        (names[a], names[b]) for a, b in strongest(findings.importance, run.meta.parameters)[:MOST]
    ]
    points = active_points(run.trials[rows], run.meta.parameters)
    column = {parameter.name: points[:, k] for k, parameter in enumerate(run.meta.parameters)}
    sign = run.meta.sign
    found = [cells_of(pair, (column[pair[0].name], column[pair[1].name]), sign * scores, sign)
             for pair in pairs]  # fmt: skip
    reading = _reading(findings, pairs, found, scores)
    subtitle = f"{plural(len(rows), 'trial')} compared at epoch {group.epoch}, their number in "
    subtitle += "each cell; "
    if any((cells.counts == 0).any() for cells in found):
        subtitle += "hatched: none; "
    subtitle += "the best of more trials is better by chance alone"
    layout = _Layout(pairs, found)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=layout.height)
    shade = _shade(found, sign)
    labels = [number(sign * shade.at(place), run.meta.metric) for place in (0.0, 0.5, 1.0)]
    for row, (pair, cells) in enumerate(zip(pairs, found, strict=True)):
        for side, values in enumerate((cells.best, cells.median)):
            axes = layout.axes(figure, row, side)
            _fill(axes, cells, shade.place(sign * values))
            layout.label(axes, row, side, pair)
            if row == 0:
                axes.set_title(("best", "median")[side], size=9, pad=4)
    colour_key(figure, layout.left, 0.24, 1.6, f"{short_label(run.meta.metric)}, dark is better",
               labels)  # fmt: skip
    return Drawing(figure, reading)


@dataclass(frozen=True)
class _Shade:
    """Score to colour: from the best cell, dark, to the worst, pale.

    Attributes:
        best: loss of the dark end.
        worst: loss of the pale end; what is worse looks like it.
        log: whether the steps are those of a logarithm.
    """

    best: float
    worst: float
    log: bool

    def place(self, losses: FloatArray) -> FloatArray:
        """0 for the worst, 1 for the best."""
        values, best, worst = np.clip(losses, self.best, self.worst), self.best, self.worst
        if self.log:
            values, best, worst = np.log(values), math.log(best), math.log(worst)
        return (worst - values) / (worst - best or 1.0)

    def at(self, place: float) -> float:
        """The loss that has a place."""
        if self.log:
            return math.exp(math.log(self.worst) + place * math.log(self.best / self.worst))
        return self.worst + place * (self.best - self.worst)


def _shade(found: list[Cells], sign: int) -> _Shade:
    losses = sign * np.concatenate([cells.median[cells.counts > 0] for cells in found])
    best = min(float(np.nanmin(sign * cells.best)) for cells in found)
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    worst = float(min(losses.max(), q3 + 3 * (q3 - q1)))
    return _Shade(best, worst, log=best > 0 and worst > 4 * best)


class _Layout:
    """Where panels lie: a row a pair, two panels a row."""

    def __init__(self, pairs: list[tuple[Parameter, Parameter]], found: list[Cells]) -> None:
        self.off = [tuple(bool(edge[0] < 0) for edge in cells.edges) for cells in found]
        self.down = [
            ticks_of(pair[1], _TALL, off=off[1], along=False)
            for pair, off in zip(pairs, self.off, strict=True)
        ]
        self.left = 0.09 + (max(ticks.room for ticks in self.down) + 26) / 72
        self.wide = (WIDTH - self.left - _RIGHT - _BETWEEN) / 2
        self.across = [
            ticks_of(pair[0], self.wide, off=off[0], along=True)
            for pair, off in zip(pairs, self.off, strict=True)
        ]
        pitches = [_TALL + _ABOVE + (ticks.room + 14) / 72 for ticks in self.across]
        self.height = 0.15 + sum(pitches) + _FOOT
        self.bottoms = [
            self.height - 0.15 - sum(pitches[:row]) - _ABOVE - _TALL for row in range(len(pairs))
        ]

    def axes(self, figure: Figure, row: int, side: int) -> Axes:
        left = self.left + side * (self.wide + _BETWEEN)
        return panel(figure, left, self.bottoms[row], self.wide, _TALL)

    def label(self, axes: Axes, row: int, side: int, pair: tuple[Parameter, Parameter]) -> None:
        off = self.off[row]
        scale(axes, "x", self.across[row], off=off[0])
        scale(axes, "y", self.down[row], off=off[1], labels=side == 0)
        axes.set_xlim(AWAY[0] if off[0] else 0, 1)
        axes.set_ylim(AWAY[0] if off[1] else 0, 1)
        axes.annotate(
            name_lines(pair[0], self.wide * 72, 1), (0.5, 0), xycoords="axes fraction",
            xytext=(0, -self.across[row].room - 1), textcoords="offset points", size=9,
            ha="center", va="top",
        )  # fmt: skip
        if side == 0:
            axes.annotate(
                name_lines(pair[1], _TALL * 72), (0, 0.5), xytext=(-self.down[row].room - 4, 0),
                xycoords="axes fraction", textcoords="offset points", size=9, rotation=90,
                ha="right", va="center", linespacing=1.0,
            )  # fmt: skip


def _fill(axes: Axes, cells: Cells, places: FloatArray) -> None:
    """Coloured cells with their number of trials; hatched where there is none."""
    axes.patch.set(hatch="////", edgecolor=PALE, linewidth=0)
    colours = shades(np.nan_to_num(places))
    colours[cells.counts == 0, 3] = 0
    axes.pcolormesh(*cells.edges, colours, edgecolors="white", linewidth=0.8, zorder=1)
    if cells.edges[0][0] < 0:
        axes.axvspan(AWAY[1], 0, color="white", lw=0, zorder=2)
    if cells.edges[1][0] < 0:
        axes.axhspan(AWAY[1], 0, color="white", lw=0, zorder=2)
    centres = [(edge[:-1] + edge[1:]) / 2 for edge in cells.edges]
    for row, column in zip(*np.nonzero(cells.counts), strict=True):
        dark = places[row, column] > 0.4
        axes.text(centres[0][column], centres[1][row], str(cells.counts[row, column]), size=8,
                  ha="center", va="center", color="white" if dark else INK, zorder=3)  # fmt: skip
    axes.spines[:].set_visible(False)


def _reading(
    findings: Findings,
    pairs: list[tuple[Parameter, Parameter]],
    found: list[Cells],
    scores: FloatArray,
) -> str:
    """The cell of the first pair with the best median of at least three trials."""
    cells, pair, metric = found[0], pairs[0], findings.run.meta.metric
    losses = np.where(cells.counts >= _MEDIAN, findings.run.meta.sign * cells.median, np.inf)
    if not np.isfinite(losses).any():
        return f"No cell has {_MEDIAN} trials: too few to see what two parameters do together."
    row, column = np.unravel_index(int(np.argmin(losses)), losses.shape)
    spans = [
        f"{parameter.name} {_span(parameter, edges, int(index))}"
        for parameter, edges, index in zip(pair, cells.edges, (column, row), strict=True)
    ]
    middle = number(float(cells.median[row, column]), metric)
    return (f"Best median {short_label(metric)}: {middle} at {spans[0]} with {spans[1]} "
            f"({cells.counts[row, column]} trials; of all {len(scores)}: "
            f"{number(float(np.median(scores)), metric)}).")  # fmt: skip


def _span(parameter: Parameter, edges: FloatArray, index: int) -> str:
    """What a cell holds, in words: ``16..64``, ``gelu``, ``off``."""
    low, high = float(edges[index]), float(edges[index + 1])
    if high < 0:
        return "off"
    grid = parameter.cells()
    ends = [low, high]
    if grid is not None:
        inside = grid[0][(grid[0] > low) & (grid[0] < high)]
        ends = [float(inside.min()), float(inside.max())]
    words = [plain(domain_from_unit(parameter.domain, end)) for end in ends]
    return words[0] if words[0] == words[1] else "..".join(words)
