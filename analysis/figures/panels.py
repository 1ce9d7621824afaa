"""Small multiples: panels placed in inches, axes in a parameter's own scale, thinned points.

Places are fixed, not solved for: a layout engine measures every text of every panel,
which takes longer than drawing them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.figures.choosing import OFF
from analysis.figures.style import GREY, WIDTH, log_ticks, short_name, text_width
from analysis.metrics import short_label
from searchspaces import Choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.parameters import FloatArray, Parameter

SIZE = 8.5
_LINE = 1.25 * SIZE  # points from one line of tick labels to the next
_BETWEEN, _ABOVE = 0.22, 0.12  # inches from panel to panel


@dataclass(frozen=True)
class Ticks:
    """What stands along an axis.

    Attributes:
        places: in [0, 1], or ``OFF``.
        labels: their texts.
        upright: whether texts along a horizontal axis are turned by 90 degrees.
        room: what the texts take beside the axis, in points.
    """

    places: tuple[float, ...]
    labels: tuple[str, ...]
    upright: bool
    room: float


def panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place given in inches from the lower left corner of the figure."""
    figure.set_layout_engine("none")
    wide, tall = figure.get_size_inches()
    return figure.add_axes((left / wide, bottom / tall, width / wide, height / tall))


def ticks_of(
    parameter: Parameter, length: float, *, off: bool, along: bool, most: float = 44
) -> Ticks:
    """Ticks of a parameter that do not touch each other.

    Args:
        parameter: whose axis it is.
        length: of the axis in inches.
        off: whether it has a place for trials in which the parameter is inactive.
        along: whether texts lie along the axis, as below a horizontal one.
        most: width of a text that does not lie along the axis, in points.
    """
    unit = length * 72 / (1.08 - (OFF - 0.08 if off else 0.0))  # points from 0 to 1
    upright = False
    if isinstance(parameter.domain, Choice):
        found = parameter.ticks()
        pitch = unit / len(found)
        upright = along and max(_width(text) for _, text in found) + 4 > pitch
        if not along or upright:
            found = [(place, _short(text, most)) for place, text in found]
            found = found[:: max(1, math.ceil(_LINE / pitch))]
    elif along:
        widest = max(_width(text) for _, text in parameter.ticks())
        found = parameter.ticks(apart=(1.5 * widest + 4) / unit)
        if len(found) < 2:
            found = parameter.ticks(apart=(widest + 2) / unit)
    else:
        found = parameter.ticks(apart=_LINE / unit)
    widest = max(_width(text) for _, text in found)
    room = widest if upright or not along else _LINE
    if off:
        # On a line of its own, so that it does not touch the lower bound.
        found = [(OFF, "\noff" if along and not upright else "off"), *found]
        room = room + _LINE if along and not upright else max(room, _width("off"))
    room += 8 if upright else 4
    return Ticks(tuple(p for p, _ in found), tuple(t for _, t in found), upright, room)


def scale(
    axes: Axes, which: Literal["x", "y"], ticks: Ticks, *, off: bool, labels: bool = True
) -> None:
    """Put ticks on an axis and set its limits; the outer texts stay within the panel."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    texts = ticks.labels if labels else [""] * len(ticks.labels)
    axis.set_ticks(ticks.places, texts)
    axis.set_tick_params(labelsize=SIZE, length=2.5, pad=2)
    limits = (OFF - 0.08 if off else -0.04, 1.04)
    if which == "y":
        axes.set_ylim(*limits)
        return
    axes.set_xlim(*limits)
    for place, text in zip(ticks.places, axes.get_xticklabels(), strict=True):
        if ticks.upright:
            text.set_rotation(90)
        elif place < 0.1:
            text.set_horizontalalignment("left" if place >= 0 else "center")
        elif place > 0.9:
            text.set_horizontalalignment("right")


def fit_across(axes: Axes, values: FloatArray, *, width: float, log: bool) -> None:
    """Fit the x axis to values, with ticks in few letters.

    Args:
        axes: whose x axis to set.
        values: finite ones.
        width: of the axes in inches.
        log: take logarithms where values are positive and span a factor of 4.
    """
    low, high = float(values.min()), float(values.max())
    if log and low > 0 and high / low > 4:
        margin = (high / low) ** 0.06
        axes.set_xscale("log")
        axes.set_xlim(low / margin, high * margin)
        ticks = log_ticks(low / margin, high * margin)
        ticks = ticks[:: max(1, math.ceil(len(ticks) / (width / 0.45)))]
        axes.set_xticks(ticks, [short(tick) for tick in ticks])
        axes.minorticks_off()
        return
    from matplotlib.ticker import MaxNLocator

    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.1
    axes.set_xlim(low - margin, high + margin)
    ticks = [t for t in MaxNLocator(4).tick_values(low, high) if low - margin <= t <= high + margin]
    axes.set_xticks(ticks, [short(tick) for tick in ticks])


def short(value: float) -> str:
    """A number of weights or seconds as on a tick: ``0.5``, ``20``, ``3k``, ``1.5M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def room_beyond(axes: Axes, share: float, *, rising: bool) -> None:
    """Room for names on the side of better values, where no trial can lie.

    Args:
        axes: with limits of y.
        share: of the height, to be added.
        rising: more is better.
    """
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        axes.set_ylim(low / (high / low) ** share, high)
        return
    more = share * (high - low)
    axes.set_ylim(*((low, high + more) if rising else (low - more, high)))


def name_lines(parameter: Parameter, width: float, most: int = 2) -> str:
    """A parameter's name over at most ``most`` lines of ``width`` points."""
    width *= SIZE / 9  # names are set in 9 points
    log = " (log)" if parameter.log else ""
    lines: list[str] = []
    for word in parameter.name.replace("-", "_").split("_"):
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_short(word, width))
    # The scale is the last word and is never shortened away.
    if log and (len(lines) >= most or _width(lines[-1] + log) <= width):
        room = width - _width(log)
        return "\n".join([*lines[: most - 1], _short(" ".join(lines[most - 1 :]), room) + log])
    if len(lines) > most:
        lines = [*lines[: most - 1], _short(" ".join(lines[most - 1 :]), width)]
    return "\n".join([*lines, *([log.strip()] * bool(log))])


def halo() -> list[Any]:
    """Path effects that keep a text apart from what it lies on."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="white")]


def shades(places: FloatArray) -> FloatArray:
    """Viridis without its pale end for places from 0, pale, to 1, dark: shape (n, 4)."""
    from matplotlib import colormaps

    return np.asarray(colormaps["viridis"](0.82 * (1 - np.asarray(places))))


def colour_key(
    figure: Figure, left: float, bottom: float, width: float, title: str, labels: Sequence[str]
) -> None:
    """A strip from pale to dark with a title above and labels below, at a place in inches.

    Args:
        figure: where to draw.
        left: of the strip.
        bottom: of the strip; its labels lie below.
        width: of the strip.
        title: what the colour says.
        labels: at the pale end, at even steps between, and at the dark end.
    """
    axes = panel(figure, left, bottom, width, 0.09)
    axes.imshow(shades(np.linspace(0, 1, 64))[None], extent=(0, 1, 0, 1), aspect="auto")
    axes.set_yticks([])
    axes.set_xticks(np.linspace(0, 1, len(labels)), labels)
    axes.tick_params(axis="x", length=2, pad=1.5, labelsize=SIZE)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.spines[:].set_visible(False)
    axes.set_title(title, size=SIZE, loc="left", pad=3, color=GREY)


def rank_key_title(metric: str) -> str:
    """The title of a colour key that ranks trials."""
    return f"{short_label(metric)}, by rank"


@lru_cache(maxsize=1024)
def _width(text: str) -> float:
    return text_width(text, SIZE)


@lru_cache(maxsize=1024)
def _short(text: str, width: float) -> str:
    return short_name(text, width)


class Grid:
    """Panels of the same size in rows, one a parameter, its scale along the bottom of each.

    Attributes:
        height: of all panels and their texts, in inches.
        columns: panels in a row.
        wide: width of a panel in inches.

    Args:
        parameters: one a panel.
        off: whether each has a place for inactive trials.
        tall: height of a panel in inches.
        left: room for the texts of the first panel's y axis, in inches.
        foot: room below everything, in inches.
        columns: panels in a row, at most.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        off: Sequence[bool],
        *,
        tall: float,
        left: float,
        foot: float = 0.0,
        columns: int = 3,
    ) -> None:
        self.parameters, self.off = parameters, off
        self.columns = min(columns, len(parameters))
        self._left, self._tall = left, tall
        self.wide = min((WIDTH - left - 0.12 + _BETWEEN) / self.columns - _BETWEEN, 2.6)
        self._ticks = [
            ticks_of(parameter, self.wide, off=gone, along=True)
            for parameter, gone in zip(parameters, off, strict=True)
        ]
        rows = -(-len(parameters) // self.columns)
        rooms = [
            max(ticks.room for ticks in self._ticks[row * self.columns : (row + 1) * self.columns])
            for row in range(rows)
        ]
        pitches = [tall + (room + 14) / 72 + _ABOVE for room in rooms]
        self.height = sum(pitches) + foot + 0.06
        self._bottoms = [
            self.height - sum(pitches[: row + 1]) + (rooms[row] + 14) / 72 for row in range(rows)
        ]

    def axes(self, figure: Figure, place: int) -> Axes:
        """The panel of a parameter, with the scale and name of its x axis."""
        row, column = divmod(place, self.columns)
        left = self._left + column * (self.wide + _BETWEEN)
        axes = panel(figure, left, self._bottoms[row], self.wide, self._tall)
        ticks = self._ticks[place]
        scale(axes, "x", ticks, off=self.off[place])
        axes.annotate(
            name_lines(self.parameters[place], self.wide * 72, 1), (0.5, 0), size=9,
            xytext=(0, -ticks.room - 1), textcoords="offset points",
            xycoords="axes fraction", ha="center", va="top",
        )  # fmt: skip
        return axes

    def free(self) -> tuple[float, float] | None:
        """Left and bottom, in inches, of the free panel in the last row; None if it is full."""
        column = len(self.parameters) % self.columns
        if not column:
            return None
        return self._left + column * (self.wide + _BETWEEN), self._bottoms[-1]
