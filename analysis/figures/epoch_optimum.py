"""Figure: mean curves of the best full trials, their optimum and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.fidelity import ended, full
from analysis.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    Drawing,
    Withheld,
    epoch_ticks,
    label_ends,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)  # fmt: skip
from analysis.figures.timeline import inner_ticks
from analysis.metrics import guess_mode, label, plural, short_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.parameters import FloatArray

TITLE = "Epoch optimum"
_MAIN, _SECOND = 2.3, 1.5  # inches


def draw(findings: Findings) -> Drawing | Withheld:
    """Curves over epochs: the objective above, the second metric below."""
    optimum, run = findings.optimum, findings.run
    if optimum.epoch is None or optimum.curve is None:
        return Withheld(optimum.unknown)
    used = len(optimum.used)
    reading = _reading(findings)
    early = bool((ended(run)[full(run).rows] < optimum.max_epochs).any())
    ran = f"ran all {optimum.max_epochs} epochs" + early * " or were complete before"
    whose = "the" if used == optimum.full_trials else f"best {used} of"
    subtitle = (f"{whose} {plural(optimum.full_trials, 'trial')} that {ran}; thick: their "
                f"smoothed mean")  # fmt: skip
    if used == 1:
        subtitle = f"the one trial that {ran.replace('were', 'was')}; thick: smoothed"
    second = optimum.curve.second
    ratios = [_MAIN, _SECOND] if second is not None else [_MAIN]
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=sum(ratios) + 0.5)
    panels = figure.subplots(
        len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios}
    )[:, 0]
    rows = full(run).rows[:used]
    epochs = optimum.max_epochs
    _panel(panels[0], run.curves(run.meta.metric)[rows, :epochs], optimum.curve.objective, BLUE,
           train=optimum.curve.train, height=_MAIN, rising=run.meta.mode == "max")  # fmt: skip
    name = label(optimum.metric)
    # With the training curve beside it the axis is that of both.
    both = name if optimum.curve.train is None else name.removeprefix("validation ")
    panels[0].set_ylabel(with_log(both, panels[0]))
    _mark(panels[0], optimum.epoch, optimum.curve.objective, BLUE)
    if optimum.low is not None and optimum.high is not None:
        panels[0].axvspan(optimum.low - 0.5, optimum.high + 0.5, color=SKY, alpha=0.25, lw=0)
    if second is not None and optimum.second_metric is not None and optimum.second_epoch:
        _panel(panels[1], run.curves(optimum.second_metric)[rows, :epochs], second, GREEN,
               height=_SECOND, rising=guess_mode(optimum.second_metric) == "max")  # fmt: skip
        name = with_log(label(optimum.second_metric), panels[1])
        panels[1].set_ylabel(name.replace("validation ", "validation\n"))
        _mark(panels[1], optimum.second_epoch, second, GREEN)
    panels[-1].set_xlabel("epoch")
    panels[-1].set_xlim(0.5, epochs + 0.5)
    panels[-1].set_xticks(epoch_ticks(epochs))
    for axes in panels:
        inner_ticks(axes)
    figure.align_ylabels(panels)
    return Drawing(figure, reading)


def _reading(findings: Findings) -> str:
    optimum = findings.optimum
    metric = short_label(optimum.metric)
    if optimum.improving:
        return (f"The {metric} still improves at epoch {optimum.epoch}, the last: "
                f"the optimum lies beyond.")  # fmt: skip
    if optimum.low is not None:
        said = f"Train {optimum.epoch} epochs"
        said += f" (95 % interval {optimum.low}-{optimum.high}, shaded)"
    else:
        said = f"{plural(len(optimum.used), 'trial')} can only suggest about {optimum.epoch} epochs"
    if optimum.second_epoch is not None:
        name = short_label(optimum.second_metric or "")
        same = optimum.second_epoch == optimum.epoch
        said += f"; {name} {'says the same' if same else f'would say {optimum.second_epoch}'}"
    if optimum.flat_after is not None and optimum.flat_after < (optimum.epoch or 0):
        said += f"; from epoch {optimum.flat_after} on the curve is flat"
    return f"{said}."


def _panel(
    axes: Axes,
    curves: FloatArray,
    mean: FloatArray,
    colour: str,
    *,
    height: float,
    rising: bool,
    train: FloatArray | None = None,
) -> None:
    epochs = np.arange(1, len(mean) + 1)
    axes.plot(epochs[: curves.shape[1]], curves.T, color=colour, alpha=0.35, lw=0.8)
    axes.plot(epochs, mean, color=colour, lw=2.2)
    ends = [(float(mean[-1]), "validation", colour)]
    shown = [curves.ravel(), mean]
    if train is not None:
        axes.plot(epochs, train, color=ORANGE, lw=1.8, ls=(0, (4, 2)))
        # A training loss that vanishes must not flatten what is to be read here.
        least = float(np.nanmin(curves))
        shown.append(np.maximum(train, least / 10) if least > 0 else train)
    value_axis(axes, np.concatenate(shown), rising=rising)
    if train is not None:
        below = train[-1] < axes.get_ylim()[0]
        ends.append((float(train[-1]), "training ↓" if below else "training", ORANGE))
        label_ends(axes, ends, height=height)


def _mark(axes: Axes, epoch: int, mean: FloatArray, colour: str) -> None:
    """A line at the optimum with its epoch above it, and a dot on the curve."""
    axes.axvline(epoch, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1)
    axes.plot([epoch], [mean[epoch - 1]], "o", ms=6, color=colour, mec="white", zorder=5,
              clip_on=False)  # fmt: skip
    axes.annotate(f"epoch {epoch}", (epoch, 1), xycoords=("data", "axes fraction"), size=9,
                  xytext=(0, 1), textcoords="offset points", ha="center", va="bottom")  # fmt: skip
