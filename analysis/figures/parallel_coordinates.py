"""Figure: every trial as a line through its parameters to its objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.encoding import active_points
from analysis.figures.choosing import ranked, spread, thin, thinned_words
from analysis.figures.style import (
    GREY,
    INK,
    VERMILLION,
    WIDTH,
    Drawing,
    Withheld,
    new_figure,
    ordered_colours,
    short_name,
    subtitle_of,
    text_width,
)  # fmt: skip
from analysis.importance.effects import too_few
from analysis.metrics import label, plural, short_label
from analysis.parameters import plain
from searchspaces import domain_from_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.fidelity import Fidelity
    from analysis.findings import Findings
    from analysis.parameters import FloatArray, Parameter

TITLE = "Parallel coordinates"
FEW = 4
_OFF = -0.13
_FAILED = 1.13
_BEST = 5
_MOST, _MOST_FAILED = 80, 12  # lines; more are a grey area
_PITCH = 54  # points from axis to axis, less a gap


@dataclass(frozen=True)
class _Scale:
    """The objective's axis: linear between the best score and the fence of outliers."""

    low: float
    high: float
    beyond: bool

    def place(self, scores: FloatArray) -> FloatArray:
        return np.clip((scores - self.low) / (self.high - self.low), 0, 1)


def draw(findings: Findings) -> Drawing | Withheld:
    """Axes in the domains' own scales; colour is the objective, dark is better."""
    run, group = findings.run, findings.comparable
    parameters = run.meta.parameters
    if not parameters:
        return Withheld("every parameter is a constant")
    rows, scores = ranked(run, group)
    if len(rows) < FEW:
        return Withheld(too_few(group, FEW))
    scale = _scale(group, run.meta.mode)
    points = active_points(run.trials, parameters)
    chosen = thin(len(rows), _MOST, first=_MOST // 5)
    failed = np.flatnonzero(run.failed)
    drawn = failed[thin(len(failed), _MOST_FAILED)]
    reading = _reading(findings, points[rows])
    subtitle = (f"{plural(len(rows), 'trial')} compared at epoch {group.epoch} "
                f"({group.reason}); dark is better")  # fmt: skip
    if len(failed):
        some = f"{len(drawn)} of " if len(drawn) < len(failed) else ""
        subtitle += f"; dashed: {some}{len(failed)} failed"
    subtitle += thinned_words(len(chosen), len(rows), first=_MOST // 5)
    width = max(WIDTH, 0.8 * (len(parameters) + 1))
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=3.3, width=width)
    axes = figure.subplots()
    shown = spread(points, parameters)
    shown = np.where(np.isnan(shown), _OFF, shown)
    away = _FAILED if run.meta.mode == "min" else _OFF
    last = np.full((len(drawn), 1), away)
    x = np.arange(len(parameters) + 1)
    faint = float(np.clip(15 / max(len(drawn), 1), 0.15, 0.8))
    for line in np.concatenate([shown[drawn], last], axis=1):
        axes.plot(x, line, color=VERMILLION, lw=0.9, ls=(0, (3, 2)), alpha=faint, zorder=2)
    lines = np.concatenate([shown[rows], scale.place(scores)[:, None]], axis=1)
    colours = ordered_colours(len(lines))[::-1]
    alpha = float(np.clip(30 / len(chosen), 0.25, 0.9))
    for rank in chosen[::-1]:
        top = rank < _BEST
        axes.plot(x, lines[rank], color=colours[rank], lw=1.9 if top else 0.9,
                  alpha=1 if top else alpha, zorder=5 if top else 3)  # fmt: skip
    _axes(
        axes,
        parameters,
        points[np.union1d(rows, failed)],
        scale,
        findings,
        has_failed=bool(len(failed)),
    )
    return Drawing(figure, reading)


def _scale(group: Fidelity, mode: str) -> _Scale:
    best, worst = float(group.scores[0]), float(group.scores[-1])
    q_best, q_worst = np.quantile(group.scores, [0.25, 0.75] if mode == "min" else [0.75, 0.25])
    fence = float(q_worst + 1.5 * (q_worst - q_best))
    beyond = fence < worst if mode == "min" else fence > worst
    worst = fence if beyond and fence != best else worst
    if best == worst:
        best, worst = best - 0.5, worst + 0.5
    return _Scale(min(best, worst), max(best, worst), bool(beyond))


def _axes(
    axes: Axes,
    parameters: tuple[Parameter, ...],
    points: FloatArray,
    scale: _Scale,
    findings: Findings,
    *,
    has_failed: bool,
) -> None:
    run = findings.run
    off = [bool(np.isnan(column).any()) for column in points.T]
    halo = _halo()
    apart = has_failed and run.meta.mode == "min"
    head = _FAILED + 0.06 if apart else 1.06
    for column, parameter in enumerate(parameters):
        axes.plot([column, column], [0, 1], color=GREY, lw=1, zorder=6)
        ticks = parameter.ticks()
        if off[column]:
            ticks = [*ticks, (_OFF, "off")]
        for y, text in ticks:
            _tick(axes, column, y, short_name(text, _PITCH - 10), halo)
        axes.text(column, head, _broken(parameter), size=9, ha="center", va="bottom",
                  linespacing=1.0, zorder=8, path_effects=halo)  # fmt: skip
    last = len(parameters)
    _objective(axes, last, scale, findings, halo)
    name = label(run.meta.metric).replace(" (", "\n(").replace("validation ", "validation\n", 1)
    axes.text(last, head, name, size=9, ha="center", va="bottom", weight="bold", linespacing=1.0,
              zorder=8, path_effects=halo)  # fmt: skip
    axes.set_xlim(-0.45, last + 0.55)
    if has_failed:
        _tick(axes, last, _FAILED if apart else _OFF, "failed", halo)
    bottom = any(off) or (has_failed and not apart)
    axes.set_ylim(_OFF - 0.07 if bottom else -0.06, head + 0.2)
    axes.axis("off")


def _objective(
    axes: Axes, column: int, scale: _Scale, findings: Findings, halo: list[object]
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.plot([column, column], [0, 1], color=GREY, lw=1, zorder=6)
    worst = 1.0 if findings.run.meta.mode == "min" else 0.0
    sign = ("≥" if worst else "≤") if scale.beyond else ""
    ticks = [(0.0, scale.low), (1.0, scale.high)]
    for value in MaxNLocator(5).tick_values(scale.low, scale.high):
        y = (value - scale.low) / (scale.high - scale.low)
        if all(abs(y - other) > 0.1 for other, _ in ticks):
            ticks += [(y, value)] if 0 < y < 1 else []
    for y, value in ticks:
        _tick(axes, column, y, f"{sign if y == worst else ''}{value:.3g}", halo)


def _tick(axes: Axes, x: float, y: float, text: str, halo: list[object]) -> None:
    axes.plot([x, x + 0.04], [y, y], color=GREY, lw=1, zorder=6)
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", size=8.5, va="center",
                  ha="left", color=INK, zorder=8, path_effects=halo)  # fmt: skip


def _halo() -> list[object]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="white")]


def _broken(parameter: Parameter) -> str:
    """The name over at most four lines, none wider than the way to the next axis."""
    lines: list[str] = []
    for word in parameter.name.replace("-", "_").replace(".", "._").split("_"):
        more = word if lines and lines[-1].endswith(".") else f" {word}"
        if lines and text_width(lines[-1] + more, 9) <= _PITCH:
            lines[-1] += more
        else:
            lines.append(short_name(word, _PITCH))
    if len(lines) > 3:
        lines = [lines[0], "…", lines[-1]]
    return "\n".join([*lines, *(["(log)"] if parameter.log else [])])


def _reading(findings: Findings, points: FloatArray) -> str:
    """Where the best trials lie, if that is a small part of a range."""
    run = findings.run
    best = points[:_BEST]
    metric = short_label(run.meta.metric)
    if len(points) < 2 * _BEST:
        return f"{len(points)} trials are too few to see where the good ones lie."
    spans = []
    for column, parameter in enumerate(run.meta.parameters):
        places = best[:, column]
        # All of five within a third by chance: 0.05.
        if np.isfinite(places).all() and np.ptp(places) <= 1 / 3:
            ends = [
                domain_from_unit(parameter.domain, float(u)) for u in (places.min(), places.max())
            ]
            words = plain(ends[0]) if ends[0] == ends[1] else "..".join(plain(end) for end in ends)
            spans.append((float(np.ptp(places)), f"{parameter.name} {words}"))
    if not spans:
        return f"The best {_BEST} trials by {metric} lie all over the ranges."
    named = [words for _, words in sorted(spans)[:3]]
    return f"The best {_BEST} trials by {metric} all have {', '.join(named)}."
