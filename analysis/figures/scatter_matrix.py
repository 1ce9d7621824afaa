"""Figure: the parameters that matter most against each other, coloured by score."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from analysis.encoding import active_points
from analysis.figures.choosing import (
    best_of,
    few_failed,
    gaps,
    marks,
    most_important,
    ranked,
    spread,
    switched_off,
    thin,
    thinned_words,
    too_little,
)
from analysis.figures.panels import (
    colour_key,
    name_lines,
    panel,
    rank_key_title,
    scale,
    shades,
    ticks_of,
)
from analysis.figures.style import (
    BLUE,
    GREY,
    VERMILLION,
    WIDTH,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
)
from analysis.figures.top_distribution import distribution
from analysis.importance.effects import FEW
from analysis.metrics import number, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.fidelity import Fidelity
    from analysis.figures.panels import Ticks
    from analysis.findings import Findings
    from analysis.parameters import FloatArray, Parameter

TITLE = "Parameters against each other"
MOST = 5
_GAP, _RIGHT, _TOP = 0.1, 0.12, 0.1  # inches
_FIRST = 100  # best trials that are drawn where not all are
_PERMUTATIONS = 400
_CHANCE = 0.05


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel a pair; on the diagonal where all trials lie, and the best tenth."""
    run, group = findings.run, findings.comparable
    if len(run.meta.parameters) < 2:
        return Withheld("it takes two parameters that were searched")
    rows, scores = ranked(run, group)
    if reason := too_little(run, group, scores, FEW):
        return Withheld(reason)
    parameters = most_important(findings, MOST)
    points = active_points(run.trials, parameters)
    top = best_of(len(rows))
    moved = switched_off(spread(points, parameters))
    pairs = len(parameters) * (len(parameters) - 1) // 2
    chosen = thin(len(rows), marks(pairs), first=_FIRST)
    failed, failed_words = few_failed(run, len(chosen))
    reading = _reading(points[rows[:top]], parameters, top)
    subtitle = _subtitle(findings, group, len(rows), len(parameters)) + failed_words
    subtitle += thinned_words(len(chosen), len(rows), first=_FIRST)
    sides = _Sides(parameters, gaps(points))
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=sides.height)
    shown = moved[rows[chosen[::-1]]]  # the best is drawn last
    colours = shades(1 - chosen[::-1] / max(len(rows) - 1, 1))
    for down, across in itertools.product(range(len(parameters)), repeat=2):
        if across > down:
            continue
        axes = sides.axes(figure, down, across)
        if across == down:
            distribution(axes, parameters[down], points[rows, down], top)
        else:
            dense = len(chosen) > 150
            axes.scatter(shown[:, across], shown[:, down], s=5 if dense else 11, c=colours, lw=0,
                         rasterized=dense, zorder=2)  # fmt: skip
            axes.scatter(moved[failed, across], moved[failed, down], s=9, c=VERMILLION,
                         marker="x", lw=0.8, zorder=3)  # fmt: skip
        sides.label(axes, down, across)
    _key(figure, sides, findings, scores, top)
    return Drawing(figure, reading)


class _Sides:
    """Where panels lie and what stands beside them.

    Args:
        parameters: from left to right and from top to bottom.
        off: which of them have inactive trials.
    """

    def __init__(self, parameters: tuple[Parameter, ...], off: list[bool]) -> None:
        self.parameters, self.off = parameters, off
        count = len(parameters)
        rough = (WIDTH - 1.0 - _RIGHT) / count - _GAP
        self.down = self._ticks(rough, along=False)
        room = max(ticks.room for ticks in self.down[1:])
        self.left = 0.09 + (room + 24) / 72
        self.size = min((WIDTH - self.left - _RIGHT + _GAP) / count - _GAP, 1.7)
        self.across = self._ticks(self.size, along=True)
        self.bottom = 0.05 + (max(ticks.room for ticks in self.across) + 24) / 72
        self.height = self.bottom + count * (self.size + _GAP) - _GAP + _TOP

    def _ticks(self, length: float, *, along: bool) -> list[Ticks]:
        return [
            ticks_of(parameter, length, off=off, along=along)
            for parameter, off in zip(self.parameters, self.off, strict=True)
        ]

    def axes(self, figure: Figure, down: int, across: int) -> Axes:
        pitch = self.size + _GAP
        above = len(self.parameters) - 1 - down
        return panel(
            figure, self.left + across * pitch, self.bottom + above * pitch, self.size, self.size
        )

    def label(self, axes: Axes, down: int, across: int) -> None:
        last = down == len(self.parameters) - 1
        scale(axes, "x", self.across[across], off=self.off[across], labels=last)
        if last:
            axes.annotate(
                name_lines(self.parameters[across], self.size * 72 + 2), (0.5, 0), size=9,
                xytext=(0, -self.across[across].room - 1), textcoords="offset points",
                xycoords="axes fraction", ha="center", va="top", linespacing=1.0,
            )  # fmt: skip
        if across == down:
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            return
        scale(axes, "y", self.down[down], off=self.off[down], labels=across == 0)
        if across == 0:
            axes.annotate(
                name_lines(self.parameters[down], self.size * 72 + 4), (0, 0.5), size=9,
                xytext=(-self.down[down].room - 4, 0), textcoords="offset points", rotation=90,
                xycoords="axes fraction", ha="right", va="center", linespacing=1.0,
            )  # fmt: skip


def _key(figure: Figure, sides: _Sides, findings: Findings, scores: FloatArray, top: int) -> None:
    """What colours and lines mean, in the free corner at the upper right."""
    metric = findings.run.meta.metric
    right = WIDTH - _RIGHT
    left = max(sides.left + sides.size + 3 * _GAP, right - 1.7)
    above = sides.height - _TOP - 0.25
    labels = [number(float(scores[place]), metric) for place in (-1, len(scores) // 2, 0)]
    colour_key(figure, left, above, right - left, rank_key_title(metric), labels)
    wide, tall = figure.get_size_inches()
    lines = [("diagonal: share of all trials", GREY)]
    if top:
        lines.append((f"share of the best {top}", BLUE))
    for place, (text, colour) in enumerate(lines):
        figure.text(left / wide, (above - 0.35 - 0.15 * place) / tall, text, size=8.5,
                    color=colour)  # fmt: skip


def _subtitle(findings: Findings, group: Fidelity, trials: int, shown: int) -> str:
    said = f"{plural(trials, 'trial')} compared at epoch {group.epoch}; dark is better"
    total = len(findings.run.meta.parameters)
    if shown < total:
        first = "first" if findings.importance.withheld else "most important"
        said += f"; the {shown} {first} of {total} parameters"
    return said


def _reading(best: FloatArray, parameters: tuple[Parameter, ...], top: int) -> str:
    """Which two parameters go together among the best, if chance would not do as much."""
    if not top:
        return "Fewer than 20 trials: too few to see where good ones lie."
    kept = [k for k in range(len(parameters)) if np.isfinite(best[:, k]).all()]
    pairs = list(itertools.combinations(kept, 2))
    none = f"Among the best {top} trials no two parameters rise or fall together."
    if top < 8 or not pairs:
        return none if top >= 8 else f"The best {top} trials are too few to show a pattern."
    ranks = ranks_of(best)
    rng = np.random.default_rng(0)
    seen = _correlations(ranks, pairs)
    chance = [
        np.abs(_correlations(rng.permuted(ranks, axis=0), pairs)).max()
        for _ in range(_PERMUTATIONS)
    ]
    strongest = int(np.argmax(np.abs(seen)))
    # The best pair is compared with the best of shuffled ones, so that many pairs are allowed for.
    if np.mean(np.array(chance) >= abs(seen[strongest])) > _CHANCE:
        return none
    first, second = (parameters[k].name for k in pairs[strongest])
    verb = "rises" if seen[strongest] > 0 else "falls"
    return (f"Among the best {top} trials {first} {verb} as {second} rises "
            f"(rank correlation {seen[strongest]:.2f}).")  # fmt: skip


def ranks_of(values: FloatArray) -> FloatArray:
    """Ranks per column, ties at their mean, centred and of length 1; constant columns are 0."""
    ranks = np.empty(values.shape)
    for k in range(values.shape[1]):
        _, place, counts = np.unique(values[:, k], return_inverse=True, return_counts=True)
        ranks[:, k] = (np.cumsum(counts) - (counts + 1) / 2)[place]
    ranks -= ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0))
    return np.asarray(ranks / np.where(lengths > 0, lengths, 1.0))


def _correlations(ranks: FloatArray, pairs: list[tuple[int, int]]) -> FloatArray:
    matrix = ranks.T @ ranks
    return np.array([matrix[pair] for pair in pairs])
