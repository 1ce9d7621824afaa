"""Figures of a comparison: incumbents and ranks over the epochs spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.comparison.compare import Comparison, Standing
from analysis.comparison.statistics import half_width
from analysis.comparison.words import at, repeats, verdict
from analysis.figures import Picture, check_names, write_pictures
from analysis.figures.shown import shown
from analysis.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Drawing,
    Withheld,
    epoch_ticks,
    label_ends,
    log_ticks,
    new_figure,
    short_name,
    value_axis,
)
from analysis.metrics import label, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.parameters import FloatArray

_HEIGHT = 2.9  # inches
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)
# Text needs more contrast than a line.
_TEXT = {ORANGE: "#9a6a00", SKY: "#2878a6", PURPLE: "#a8527f"}
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
_LOG = 30  # the axis of epochs is logarithmic where it spans more
_NAME = 90.0  # points, the widest that a label may be
_BAND = 3  # repeats from which a band is drawn; fewer are drawn themselves


def draw_incumbent(comparison: Comparison) -> Drawing | Withheld:
    """The best score so far: a thick mean a strategy, its interval as a band."""
    standings = comparison.standings
    reading = sentence(verdict(comparison))
    bands = any(standing.repeats >= _BAND for standing in standings)
    thin = any(1 < standing.repeats < _BAND for standing in standings)
    parts = [f"best trial at {at(comparison)}"]
    single = all(standing.repeats == 1 for standing in standings)
    parts.append("single runs, so no interval" if single else f"mean of {repeats(comparison)}")
    parts += ["band: 95 % interval of the mean"] * bands + ["thin: a repeat"] * thin
    figure = _figure(_TITLES["incumbent"], reading, parts, comparison)
    axes = figure.subplots()
    shown: list[FloatArray] = []
    for place, standing in enumerate(standings):
        shown += _curve(axes, comparison, standing, *_look(place))
    _budget_axis(axes, comparison, _first(comparison))
    value_axis(axes, np.concatenate([values.ravel() for values in shown]),
               rising=comparison.mode == "max")  # fmt: skip
    axes.set_ylabel(f"best {label(comparison.metric)}")
    _names(axes, [(standing, standing.mean) for standing in standings])
    return Drawing(figure, reading)


def draw_rank(comparison: Comparison) -> Drawing | Withheld:
    """The mean rank of each strategy, 1 at the top, and the interval of the last."""
    standings = comparison.standings
    if len(standings) < 2:
        return Withheld("there is one strategy, so there is no rank")
    if min(standing.repeats for standing in standings) < 2:
        return Withheld("a rank of single runs would show luck")
    ordered = sorted(standings, key=lambda standing: standing.rank)
    best = ordered[0]
    low, high = best.rank_interval or (best.rank, best.rank)
    reading = (f"{best.name} has the best rank after {plural(comparison.spent, 'epoch')}: "
               f"{best.rank:.1f} of {len(standings)} on average "
               f"(95 % interval {low:.1f}-{high:.1f}).")  # fmt: skip
    if best.rank == ordered[1].rank:
        reading = f"No strategy ranks first alone after {plural(comparison.spent, 'epoch')}."
    drawn = "of one seed" if comparison.paired else "drawn from each strategy"
    parts = [f"rank among {len(standings)} runs {drawn}, {repeats(comparison)}",
             "bars: 95 % interval at the end", f"best trial at {at(comparison)}"]  # fmt: skip
    figure = _figure(_TITLES["rank"], reading, parts, comparison)
    axes = figure.subplots()
    for place, standing in enumerate(standings):
        colour, dashes = _look(place)
        axes.plot(comparison.budgets, standing.ranks, drawstyle="steps-post", color=colour,
                  ls=dashes, lw=2)  # fmt: skip
    first = int(comparison.budgets[np.flatnonzero(np.isfinite(best.ranks))[0]])
    right = _budget_axis(axes, comparison, first, room=0.03 * (len(standings) + 1))
    log = axes.get_xscale() == "log"
    span = np.log(right / comparison.spent) if log else right - comparison.spent
    for place, standing in enumerate(standings):
        step = span * (place + 1) / (len(standings) + 1)
        x = comparison.spent * np.exp(step) if log else comparison.spent + step
        lower, upper = standing.rank_interval or (standing.rank, standing.rank)
        axes.plot([x, x], [lower, upper], color=_look(place)[0], lw=1.6, solid_capstyle="butt")
        axes.plot([x], [standing.rank], "o", ms=5, color=_look(place)[0])
    axes.set_ylim(len(standings) + 0.15, 0.85)
    axes.set_yticks(range(1, len(standings) + 1))
    axes.set_ylabel("mean rank (1 is best)")
    _names(axes, [(standing, standing.rank) for standing in standings])
    return Drawing(figure, reading)


_DRAW: dict[str, Callable[[Comparison], Drawing | Withheld]] = {
    "incumbent": draw_incumbent,
    "rank": draw_rank,
}
_TITLES = {"incumbent": "Best trial over epochs spent", "rank": "Mean rank over epochs spent"}
NAMES = tuple(_DRAW)
"""The figures of a comparison."""


def write_comparison(
    comparison: Comparison,
    folder: Path,
    formats: Sequence[str] = ("png", "svg"),
    *,
    only: Sequence[str] | None = None,
) -> tuple[Picture, ...]:
    """Draw the figures and write them into ``folder``, each file replaced as a whole.

    Args:
        comparison: what to draw.
        folder: made if there is none.
        formats: png, svg, pdf.
        only: of :data:`NAMES`; all by default.

    Raises:
        UnknownNameError: no such figure or format.
        UsageError: the folder cannot be written to.
    """
    names = check_names(formats, only, NAMES)
    return write_pictures(
        names,
        lambda name: shown(name, _TITLES[name], _DRAW[name](comparison)),
        folder,
        formats,
    )


def _figure(title: str, reading: str, parts: Sequence[str], comparison: Comparison) -> Figure:
    words = [*parts, *([comparison.data] if comparison.data else [])]
    return new_figure(title, reading, "; ".join(words), height=_HEIGHT + 0.5)


def _look(place: int) -> tuple[str, Any]:
    """Colour and dashes of the strategy at ``place``."""
    turn, index = divmod(place, len(_COLOURS))
    return _COLOURS[index], _DASHES[turn % len(_DASHES)]


def _first(comparison: Comparison) -> int:
    """The budget where the first curve begins."""
    known = np.any(
        [np.isfinite(standing.curves).all(axis=0) for standing in comparison.standings], axis=0
    )
    return int(comparison.budgets[np.flatnonzero(known)[0]])


def _curve(
    axes: Axes, comparison: Comparison, standing: Standing, colour: str, dashes: Any
) -> list[FloatArray]:
    """Draw one strategy; return the values that the axis must show."""
    budgets = comparison.budgets
    mean = standing.curves.mean(axis=0)  # NaN until every repeat has a score
    axes.plot(budgets, mean, drawstyle="steps-post", color=colour, ls=dashes, lw=2.2, zorder=4)
    axes.plot(budgets[-1:], mean[-1:], "o", ms=5, color=colour, zorder=5, clip_on=False)
    if standing.repeats == 1:
        return [mean]
    if standing.repeats < _BAND:
        thin = np.where(np.isfinite(mean), standing.curves, np.nan)
        axes.plot(budgets, thin.T, drawstyle="steps-post", color=colour, ls=dashes, lw=0.8,
                  alpha=0.6)  # fmt: skip
        return [mean, thin]
    half = half_width(standing.curves)
    alone = np.isfinite(mean).sum() == 1  # a band would have no width
    if alone:
        axes.errorbar(budgets[-1:], mean[-1:], yerr=half[-1:], color=colour, capsize=3, lw=1.4)
    else:
        axes.fill_between(budgets, mean - half, mean + half, step="post", color=colour,
                          alpha=0.18 if len(comparison.standings) < 4 else 0.11, lw=0)  # fmt: skip
    # A band may reach where no repeat ever was; that does not make it worth the room.
    known = np.where(np.isfinite(mean), standing.curves, np.nan)
    low, high = np.nanmin(known), np.nanmax(known)
    return [mean, np.clip(mean - half, low, high), np.clip(mean + half, low, high)]


def _budget_axis(axes: Axes, comparison: Comparison, first: int, *, room: float = 0.0) -> float:
    """Set the axis of epochs up to the common budget and ``room``, a share; return its end."""
    last = comparison.spent
    if last > _LOG * first:
        axes.set_xscale("log")
        right = float(last * (last / first) ** max(room, 0.01))
        ticks = [tick for tick in log_ticks(first, last) if tick < last / 1.4 and tick % 1 == 0]
        axes.set_xticks([*ticks, last], [f"{tick:g}" for tick in [*ticks, last]])
        axes.minorticks_off()
        axes.set_xlabel("epochs spent, of all trials (log)")
    else:
        right = last * (1 + max(room, 0.01))
        axes.set_xticks(epoch_ticks(last))
        axes.set_xlabel("epochs spent, of all trials")
    axes.set_xlim(first / 1.05 if last > _LOG * first else 0, right)
    return right


def _names(axes: Axes, ends: Sequence[tuple[Standing, float]]) -> None:
    """The name of each strategy beside its end, in its colour."""
    names = short_names([standing.name for standing, _ in ends])
    labels = []
    for place, (name, (_, value)) in enumerate(zip(names, ends, strict=True)):
        colour = _look(place)[0]
        labels.append((value, name, _TEXT.get(colour, colour)))
    label_ends(axes, labels, height=_HEIGHT)


def sentence(words: str) -> str:
    """Words with a full stop and, unless they begin with a strategy's name, a capital."""
    return f"{words[0].upper() if words.startswith('no winner') else words[0]}{words[1:]}."


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the words they all begin with, and with their middle left out if too long."""
    words = [name.split("-") for name in names]
    shared = 0
    while len(names) > 1 and len({tuple(each[: shared + 1]) for each in words}) == 1:
        shared += 1
        if shared == min(map(len, words)):
            break
    bare = ["-".join(each[shared:]) for each in words]
    if len(set(bare)) < len(names) or not all(bare):
        bare = list(names)
    short = [short_name(name, _NAME, least=6) for name in bare]
    return short if len(set(short)) == len(names) else bare
