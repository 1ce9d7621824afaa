"""Figure: share of the variance that parameters explain, alone and in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    Drawing,
    Withheld,
    new_figure,
    short_name,
    subtitle_of,
)  # fmt: skip
from analysis.metrics import plural

if TYPE_CHECKING:
    from analysis.findings import Findings
    from analysis.importance.effects import Importance

TITLE = "Importance of parameters (fANOVA)"
_MOST = 20
_PAIRS = 4


@dataclass(frozen=True)
class _Bar:
    """One row: its text, its share, and how it looks.

    Attributes:
        label: beside the axis.
        share: of the variance.
        colour: of the bar.
        edge: of its outline.
        spread: of the share; None where it is a rest.
        chance: what a pair reaches by chance; None for what is no pair.
    """

    label: str
    share: float
    colour: str
    edge: str
    spread: float | None = None
    chance: float | None = None


def draw(findings: Findings) -> Drawing | Withheld:
    """Bars, most important first, with their spread and the level that chance reaches."""
    found = findings.importance
    if found.withheld:
        return Withheld(found.withheld)
    bars = _bars(found)
    rows = len(bars)
    reading = _reading(findings)
    trials = plural(found.fidelity.trials, "trial")
    if found.used < found.fidelity.trials:
        trials = f"{found.used} of {trials}, drawn at random,"
    subtitle = (f"{trials} compared at epoch {found.fidelity.epoch}; forest explains "
                f"{found.r2:.2f} of the variance (out of bag)")  # fmt: skip
    if any(bar.chance is not None for bar in bars):
        subtitle += "; mark on a pair: its share where effects only add up"
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings), height=0.75 + 0.3 * rows)
    axes = figure.subplots()
    places = range(rows)
    shares = [bar.share for bar in bars]
    axes.barh(places, shares, height=0.66, color=[bar.colour for bar in bars],
              edgecolor=[bar.edge for bar in bars], lw=0.8, zorder=2)  # fmt: skip
    known = [(place, bar, bar.spread) for place, bar in enumerate(bars) if bar.spread is not None]
    lows = [min(spread, bar.share) for _, bar, spread in known]
    highs = [min(spread, 1 - bar.share) for _, bar, spread in known]
    axes.errorbar([bar.share for _, bar, _ in known], [place for place, _, _ in known],
                  xerr=[lows, highs], fmt="none", ecolor=INK, elinewidth=1.2, capsize=3,
                  zorder=3)  # fmt: skip
    for place, bar in enumerate(bars):
        if bar.chance is not None:
            axes.plot([bar.chance] * 2, [place - 0.4, place + 0.4], color=GREY, lw=1.4, zorder=5)
    ends = [min(bar.share + (bar.spread or 0.0), 1) for bar in bars]
    right = max(*ends, found.noise)
    for place, (bar, end) in enumerate(zip(bars, ends, strict=True)):
        # A number that would stand on the line of chance moves to its right.
        hidden = bar.chance is None and end < found.noise < end + 0.12 * right
        clear = found.noise if hidden and bar.spread is not None else end
        axes.annotate(f"{bar.share:.2f}", (clear, place), xytext=(5, 0), size=9,
                      textcoords="offset points", va="center")  # fmt: skip
    axes.set_xlim(0, max(right * 1.14, 0.1))
    if found.noise > 0:
        axes.plot([found.noise] * 2, [-0.55, len(found.effects[:_MOST]) - 0.5], color=GREY, lw=1,
                  ls=(0, (3, 2)), zorder=4)  # fmt: skip
        side = "center" if found.noise > 0.05 * right else "left"
        axes.annotate("chance", (found.noise, 1), xycoords=("data", "axes fraction"), size=9,
                      xytext=(0, 1), textcoords="offset points", color=GREY, ha=side,
                      va="bottom")  # fmt: skip
    axes.set_yticks(list(places), [bar.label for bar in bars])
    for bar, text in zip(bars, axes.get_yticklabels(), strict=True):
        text.set_color(GREY if bar.spread is None else INK)
    axes.set_ylim(rows - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= axes.get_xlim()[1]])
    axes.set_xlabel("share of variance (± resampled)")
    axes.grid(axis="x", color=PALE, lw=0.6, zorder=0)
    return Drawing(figure, reading)


def _bars(found: Importance) -> list[_Bar]:
    """Parameters, the strongest pairs above chance, and what is left."""
    bars = [
        _Bar(short_name(effect.name), effect.share, PALE if effect.noise else BLUE,
             GREY if effect.noise else BLUE, effect.spread)
        for effect in found.effects[:_MOST]
    ]  # fmt: skip
    shown = [pair for pair in found.pairs if not pair.noise][:_PAIRS]
    bars += [
        _Bar(f"{short_name(pair.a, 72)} x {short_name(pair.b, 72)}", pair.share, ORANGE, ORANGE,
             pair.spread, pair.chance)
        for pair in shown
    ]  # fmt: skip
    others = [pair.share for pair in found.pairs if pair not in shown]
    if others:
        label = "other pairs" if shown else "two together" if len(others) == 1 else "all pairs"
        bars.append(_Bar(label, sum(others), "white", GREY))
    if len(found.effects) > 2:
        bars.append(_Bar("three or more", found.together, "white", GREY))
    return bars


def _reading(findings: Findings) -> str:
    found = findings.importance
    loud = [effect for effect in found.effects if not effect.noise]
    pairs = [pair for pair in found.pairs if not pair.noise]
    if not loud and not pairs:
        return "No parameter explains more than chance would."
    if loud:
        said = f"{loud[0].name} alone makes {_percent(loud[0].share)} of what the forest sees "
        said += "between trials"
        if len(loud) > 1:
            said += f", {loud[1].name} {_percent(loud[1].share)}"
    else:
        said = "No parameter alone explains more than chance would"
    if pairs:
        best = pairs[0]
        said += f"; {best.a} and {best.b} together {'' if loud else 'make '}{_percent(best.share)}"
        said += " more" if loud else ""
    if len(loud) == len(found.effects) or not loud:
        return f"{said}."
    return f"{said}; grey bars cannot be told from chance."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
