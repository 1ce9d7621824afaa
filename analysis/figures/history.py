"""Figure: the best so far over epochs spent and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.budget.history import History, Step
from analysis.budget.timeline import clock
from analysis.figures.style import (
    BLUE,
    ORANGE,
    VERMILLION,
    Drawing,
    Withheld,
    label_ends,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)  # fmt: skip
from analysis.figures.timeline import inner_ticks
from analysis.metrics import label, number, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.parameters import FloatArray

TITLE = "Optimisation history"
_PANEL = 1.75  # inches
_MOST_DOTS = 1_000
_UNITS = ((1, "s"), (60, "min"), (3600, "h"), (86400, "days"))


def draw(findings: Findings) -> Drawing | Withheld:
    """Steps of the best, once at equal epochs and once after any epoch."""
    found = findings.history
    if not found.arrived:
        return Withheld("no trial has a result")
    reading = _reading(found)
    dots = found.arrived[:: -(-len(found.arrived) // _MOST_DOTS)]
    kept = "" if len(dots) == len(found.arrived) else f", {len(dots)} of them drawn"
    away = _away(findings, dots)
    subtitle = (f"{plural(len(found.arrived), 'trial')} compared at epoch {found.epoch}; "
                f"dots: when they came there{kept}")  # fmt: skip
    subtitle += "; thin: best value after any epoch" if _apart(found) else ""
    subtitle += f"; {plural(int(away.sum()), 'dot')} beyond the axis" if away.any() else ""
    subtitle += "" if found.timed else "; no times: in the order of trial numbers"
    panels_wanted = 2 if found.timed and found.seconds else 1
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings),
                        height=(_PANEL + 0.5) * panels_wanted)  # fmt: skip
    panels = figure.subplots(panels_wanted, 1, sharey=True, squeeze=False)[:, 0]
    _panel(panels[0], findings, dots, away, "epochs", 1.0, found.epochs)
    panels[0].set_xlabel("epochs spent, over all trials")
    if panels_wanted == 2 and found.seconds:
        factor, unit = next((pair for pair in reversed(_UNITS) if found.seconds >= 2 * pair[0]),
                            _UNITS[0])  # fmt: skip
        _panel(panels[1], findings, dots, away, "seconds", factor, found.seconds)
        panels[1].set_xlabel(f"time since the first trial started ({unit})")
    height = (_PANEL + 0.5) * panels_wanted
    total = float(figure.get_size_inches()[1])
    figure.supylabel(
        with_log(label(found.metric), panels[0]), size=10, y=(height / 2 + 0.2) / total
    )
    return Drawing(figure, reading)


def _panel(
    axes: Axes,
    findings: Findings,
    dots: Sequence[Step],
    away: FloatArray,
    x: str,
    factor: float,
    end: float,
) -> None:
    found = findings.history
    last = end / factor

    def steps(line: tuple[Step, ...], colour: str, lw: float, zorder: int) -> None:
        at = [getattr(step, x) / factor for step in line]
        axes.plot([*at, last], [*(step.score for step in line), line[-1].score], color=colour,
                  lw=lw, drawstyle="steps-post", zorder=zorder)  # fmt: skip

    if _apart(found):
        steps(found.any_epoch, ORANGE, 1.1, 2)
    steps(found.compared, BLUE, 2.2, 4)
    shown = [dot for dot, out in zip(dots, away, strict=True) if not out]
    alpha = float(np.clip(60 / max(len(shown), 1), 0.15, 0.8))
    at = [getattr(dot, x) / factor for dot in shown]
    axes.plot(at, [dot.score for dot in shown], "o", ms=3.5, color=BLUE, alpha=alpha, mew=0,
              ls="none", zorder=3, rasterized=len(shown) > 500)  # fmt: skip
    best = found.compared[-1]
    axes.plot([getattr(best, x) / factor], [best.score], "o", ms=6.5, color=VERMILLION,
              mec="white", zorder=6)  # fmt: skip
    values = [step.score for step in (*found.any_epoch, *shown, *found.compared)]
    value_axis(axes, np.array(values), rising=findings.run.meta.mode == "max")
    axes.set_xlim(-0.02 * last, last * 1.02)
    axes.ticklabel_format(style="plain", axis="x")
    axes.locator_params(axis="x", nbins=6)
    inner_ticks(axes)
    names = [(best.score, f"epoch {found.epoch}", BLUE)]
    if _apart(found):
        names.append((found.any_epoch[-1].score, "any epoch", ORANGE))
    label_ends(axes, names, height=_PANEL)


def _apart(found: History) -> bool:
    """Whether the best after any epoch is another line than that at equal epochs."""
    lines = [[(s.epochs, s.score) for s in line] for line in (found.any_epoch, found.compared)]
    return lines[0] != lines[1]


def _away(findings: Findings, dots: Sequence[Step]) -> FloatArray:
    """Dots so bad that an axis that showed them would show nothing else: bool (dots,)."""
    losses = findings.run.meta.sign * np.array([dot.score for dot in dots])
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    return np.asarray(losses > q3 + 3 * (q3 - q1) if q3 > q1 else np.zeros(len(losses), dtype=bool))


def _reading(found: History) -> str:
    best = found.compared[-1]
    time = f", {clock(best.seconds)} after the start" if best.seconds is not None else ""
    share = round(100 * best.epochs / found.epochs)
    said = (f"Trial {best.number} set the final best of {number(best.score, found.metric)} when "
            f"{share} % of the epochs were spent{time}")  # fmt: skip
    gained = len(found.compared) - 1
    if not gained:
        return f"{said}; nothing before it had come as far." if best is found.arrived[0] and (
            len(found.arrived) == 1) else f"{said}; it was the first to come as far."  # fmt: skip
    if gained == 1:
        return f"{said}, the only improvement."
    return f"{said}, the last of {gained} improvements."
