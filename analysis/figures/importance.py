"""Figure: share of the variance that each parameter explains alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.epoch_optimum import plural
from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    PALE,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
    text_width,
)  # fmt: skip
from analysis.metrics import short_label

if TYPE_CHECKING:
    from analysis.findings import Findings

TITLE = "Importance of parameters (fANOVA)"
_MOST = 20


def draw(findings: Findings) -> Drawing | Withheld:
    """Bars, most important first, with their spread and the level that chance reaches."""
    found = findings.importance
    if found.withheld:
        return Withheld(found.withheld)
    effects = found.effects[:_MOST]
    rows = len(effects) + 1
    reading = _reading(findings)
    subtitle = (f"{short_label(findings.run.meta.metric)} at epoch {found.fidelity.epoch}, "
                f"{plural(found.fidelity.trials, 'trial')}; forest explains {found.r2:.2f} of the "
                f"variance (out of bag)")  # fmt: skip
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=0.75 + 0.3 * rows)
    axes = figure.subplots()
    places = range(rows)
    shares = [effect.share for effect in effects] + [found.together]
    colours = [PALE if effect.noise else BLUE for effect in effects] + ["white"]
    edges = [BLUE if colour == BLUE else GREY for colour in colours]
    axes.barh(places, shares, height=0.66, color=colours, edgecolor=edges, lw=0.8, zorder=2)
    spreads = [effect.spread for effect in effects]
    highs = [min(s, 1 - e.share) for s, e in zip(spreads, effects, strict=True)]
    lows = [min(s, e.share) for s, e in zip(spreads, effects, strict=True)]
    axes.errorbar(shares[:-1], list(places)[:-1], xerr=[lows, highs], fmt="none",
                  ecolor=INK, elinewidth=1.2, capsize=3, zorder=3)  # fmt: skip
    ends = [min(share + spread, 1) for share, spread in zip(shares, [*spreads, 0.0], strict=True)]
    right = max(ends)
    for place, (share, end) in enumerate(zip(shares, ends, strict=True)):
        # A number that would stand on the line of chance moves to its right.
        clear = found.noise if end < found.noise < end + 0.12 * right else end
        axes.annotate(f"{share:.2f}", (clear, place), xytext=(5, 0), size=9,
                      textcoords="offset points", va="center")  # fmt: skip
    axes.set_xlim(0, max(right * 1.14, 0.1))
    if found.noise > 0:
        axes.axvline(found.noise, color=GREY, lw=1, ls=(0, (3, 2)), zorder=4)
        side = "center" if found.noise > 0.05 * right else "left"
        axes.annotate("chance", (found.noise, 1), xycoords=("data", "axes fraction"), size=9,
                      xytext=(0, 1), textcoords="offset points", color=GREY, ha=side,
                      va="bottom")  # fmt: skip
    axes.set_yticks(list(places), [*(short_name(e.name) for e in effects), "several together"])
    axes.get_yticklabels()[-1].set_color(GREY)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= axes.get_xlim()[1]])
    axes.set_xlabel("share of variance (± resampled)")
    axes.grid(axis="x", color=PALE, lw=0.6, zorder=0)
    return Drawing(figure, reading)


def short_name(name: str, width: float = 130) -> str:
    """A name, shortened in its middle to ``width`` points of 9-point text."""
    kept = len(name)
    shown = name
    while text_width(shown, 9) > width and kept > 2:
        kept -= 1
        shown = f"{name[: kept - kept // 2]}…{name[len(name) - kept // 2 :]}"
    return shown


def _reading(findings: Findings) -> str:
    found = findings.importance
    loud = [effect for effect in found.effects if not effect.noise]
    if not loud:
        return "No parameter explains more than chance would."
    first = loud[0]
    said = f"{first.name} alone makes {first.share:.0%} of what the forest sees between trials"
    if len(loud) > 1:
        said += f", {loud[1].name} {loud[1].share:.0%}"
    if len(loud) == len(found.effects):
        return f"{said}."
    return f"{said}; grey bars cannot be told from chance."
