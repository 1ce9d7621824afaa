"""Figure: which share of the trials reaches which score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from analysis.fidelity import at_epoch
from analysis.figures.choosing import ranked
from analysis.figures.panels import halo
from analysis.figures.style import (
    VERMILLION,
    Drawing,
    Withheld,
    legible,
    log_ticks,
    new_figure,
    ordered_colours,
    subtitle_of,
)
from analysis.importance.effects import too_few
from analysis.metrics import label, listed, number, plural, short_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.fidelity import IntArray
    from analysis.findings import Findings
    from analysis.parameters import FloatArray

TITLE = "How many trials are how good"
FEW = 5
_MOST_LINES = 5
_HEIGHT = 2.5
_POINTS = 500  # steps of a line; more cannot be seen


def draw(findings: Findings) -> Drawing | Withheld:
    """A line an epoch at which trials are compared; a band around the one used elsewhere."""
    run, group = findings.run, findings.comparable
    rows, scores = ranked(run, group)
    if len(rows) < FEW:
        return Withheld(too_few(group, FEW))
    lines = {
        epoch: found for epoch in _epochs(findings) if len(found := _scores(findings, epoch)) >= FEW
    }
    lines[group.epoch] = scores
    lines = dict(sorted(lines.items()))
    subtitle = f"{plural(len(rows), 'trial')} compared at epoch {group.epoch}"
    if len(lines) > 1:
        counts = listed([str(len(found)) for found in lines.values()])
        subtitle = (f"{counts} trials that reached epochs {listed([str(e) for e in lines])}, "
                    f"each compared there; thick: epoch {group.epoch}")  # fmt: skip
    subtitle += "; band: 95 %, were trials drawn independently (DKW)"
    reading = _reading(findings, rows, scores)
    sign = run.meta.sign
    low, high, away = _limits([sign * found for found in lines.values()], sign)
    if away:
        subtitle += f"; {plural(away, 'score')} beyond the axis"
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=_HEIGHT + 0.55)
    axes = figure.subplots()
    _axes(axes, low, high, findings)
    edge = high if sign > 0 else low
    heights = np.linspace(0.3, 0.88, len(lines))
    for (epoch, found), colour, height in zip(
        lines.items(), ordered_colours(len(lines)), heights, strict=True
    ):
        main = epoch == group.epoch
        losses, shares = curve(sign * found)
        x = np.append(sign * losses, edge)
        shares = np.append(shares, 1.0)
        if main:
            half = band(len(found))
            axes.fill_between(x, np.clip(shares - half, 0, 1), np.clip(shares + half, 0, 1),
                              step="post", color=colour, alpha=0.18, lw=0, zorder=1)  # fmt: skip
        axes.step(x, shares, where="post", color=colour, lw=2 if main else 1.3, zorder=3)
        if len(lines) > 1:
            _label(axes, x, shares, height, f"epoch {epoch}", colour, sign)
    at = (float(scores[0]), 1 / len(scores))
    axes.plot(*at, "o", ms=6, color=VERMILLION, mec="white", zorder=5, clip_on=False)
    axes.annotate(f"trial {run.trials['number'][int(rows[0])]}", at, xytext=(sign * 6, 2), size=9,
                  textcoords="offset points", color=legible(VERMILLION), zorder=6,
                  ha="left" if sign > 0 else "right", va="bottom", path_effects=halo())  # fmt: skip
    return Drawing(figure, reading)


def curve(losses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The empirical distribution function as steps: losses, and the share up to and with each.

    Shapes (n + 1,), the first step at 0; long ones are thinned to steps that can be seen.
    """
    ordered = np.sort(losses)
    shares = np.arange(1, len(ordered) + 1) / len(ordered)
    if len(ordered) > _POINTS:
        kept = np.unique(np.linspace(0, len(ordered) - 1, _POINTS).round().astype(int))
        ordered, shares = ordered[kept], shares[kept]
    return np.concatenate([ordered[:1], ordered]), np.concatenate([[0.0], shares])


def band(trials: int, alpha: float = 0.05) -> float:
    """Half the height of the band that holds the whole true function with 1 - alpha.

    Source: Dvoretzky, Kiefer and Wolfowitz, Ann. Math. Stat. 27 (1956), with the constant
        of Massart, Ann. Probab. 18 (1990).
    """
    return math.sqrt(math.log(2 / alpha) / (2 * trials))


def _epochs(findings: Findings) -> list[int]:
    """Rungs to draw: if there are many, the first, the last and some between."""
    rungs = [epoch for epoch in findings.run.meta.rungs if epoch <= findings.ranking.epoch]
    if len(rungs) <= _MOST_LINES:
        return rungs
    return [rungs[k] for k in np.linspace(0, len(rungs) - 1, _MOST_LINES).round().astype(int)]


def _scores(findings: Findings, epoch: int) -> FloatArray:
    return ranked(findings.run, at_epoch(findings.run, epoch, "a rung"))[1]


def _limits(lines: list[FloatArray], sign: int) -> tuple[float, float, int]:
    """Where the axis begins and ends, and how many scores lie so far off that they are left out."""
    fences = []
    for losses in lines:
        q1, q3 = np.quantile(losses, [0.25, 0.75])
        fences.append(float(q3 + 3 * (q3 - q1)))
    every = np.concatenate(lines)
    worst = min(max(fences), float(every.max()))
    low, high = sorted((sign * float(every.min()), sign * worst))
    return low, high, int((every > worst).sum())


def _axes(axes: Axes, low: float, high: float, findings: Findings) -> None:
    from matplotlib.ticker import MaxNLocator

    name = label(findings.run.meta.metric)
    if findings.run.meta.mode == "min" and low > 0 and high / low > 4:
        margin = (high / low) ** 0.04
        low, high = low / margin, high * margin
        axes.set_xscale("log")
        ticks = log_ticks(low, high)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        name = name.replace(")", ", log)") if name.endswith(")") else f"{name} (log)"
    else:
        margin = 0.04 * (high - low) or 0.05 * abs(high) or 0.1
        low, high = low - margin, high + margin
        ticks = [float(tick) for tick in MaxNLocator(6).tick_values(low, high)]
        axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.set_xlim(low, high)
    axes.set_xlabel(name)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("share of trials\nas good or better")


def _label(
    axes: Axes,
    x: FloatArray,
    shares: FloatArray,
    height: float,
    text: str,
    colour: object,
    sign: int,
) -> None:
    """A line's name beside it at a share of the trials, on the side of worse scores."""
    at = float(x[int(np.searchsorted(shares, height))])
    axes.annotate(text, (at, height), xytext=(5 * sign, 0), size=9, color=legible(colour),
                  textcoords="offset points", ha="left" if sign > 0 else "right", va="center",
                  zorder=6, path_effects=halo())  # fmt: skip


def _reading(findings: Findings, rows: IntArray, scores: FloatArray) -> str:
    """What one in ten trials reaches, and how far the best is from that."""
    metric = findings.run.meta.metric
    name = short_label(metric)
    middle = float(np.median(scores))
    first = findings.run.trials["number"][int(rows[0])]
    best = number(float(scores[0]), metric)
    said = f"Half of the {len(scores)} trials at epoch {findings.comparable.epoch} reach a {name} "
    said += f"of {number(middle, metric)}"
    if len(scores) >= 20:
        tenth = float(scores[math.ceil(len(scores) / 10) - 1])
        said += f", one in ten {number(tenth, metric)}"
    return f"{said}; trial {first} is best with {best}."
