"""One look for all figures: palette, fonts, header, direct labels.

Figures are drawn 5 inches wide with 10-point text, so that in a two-column paper
(3.5 inches) the text is still 7 points. Colours are those of Okabe and Ito;
ordered values take viridis without its pale end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analysis.findings import Findings
    from analysis.parameters import FloatArray

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, INK, GREY, PALE = "#56B4E9", "#CC79A7", "#1a1a1a", "#5f5f5f", "#d9d9d9"
WIDTH = 5.0
_MARGIN = 0.09  # inches

_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "figure.dpi": 100,
    "savefig.dpi": 220,
    "svg.hashsalt": "orch",  # the same run gives the same file
    "svg.fonttype": "path",
    "text.parse_math": False,  # a $ in a name is a $
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Drawing:
    """A figure that was drawn.

    Attributes:
        figure: a matplotlib figure that belongs to no pyplot state.
        reading: one sentence: what it shows in this run.
    """

    figure: Figure
    reading: str


@dataclass(frozen=True)
class Withheld:
    """A figure that would mislead; its place says why.

    Attributes:
        reason: why it is not drawn.
    """

    reason: str


@contextmanager
def style() -> Iterator[None]:
    """Draw and save within this, so that every figure looks the same and nothing stays set."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # a notebook or a matplotlibrc may have a look of its own
        mpl.rcParams.update(_RC)  # type: ignore[arg-type]  # its keys are literals there
        yield


def new_figure(
    title: str, reading: str, subtitle: str, *, height: float, width: float = WIDTH
) -> Figure:
    """A figure with its header written and room below it.

    Args:
        title: what kind of figure it is.
        reading: the sentence under the title.
        subtitle: number of trials, the epoch they are compared at, data set and split.
        height: of the part below the header, in inches.
        width: in inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    room = (width - 2 * _MARGIN) * 72 * 0.96  # hinting makes text a little wider than measured
    lines = [
        *((line, 11.5, "bold", INK) for line in wrap(title, 11.5, room, weight="bold")),
        *((line, 10.0, "normal", INK) for line in wrap(reading, 10.0, room)),
        *((line, 9.0, "normal", GREY) for line in wrap(subtitle, 9.0, room)),
    ]
    header = sum(size * 1.35 for _, size, _, _ in lines) / 72 + 2 * _MARGIN
    figure = Figure(figsize=(width, height + header))
    FigureCanvasAgg(figure)
    total = height + header
    top = total - _MARGIN
    for text, size, weight, colour in lines:
        figure.text(_MARGIN / width, top / total, text, size=size, weight=weight, color=colour,
                    va="top", ha="left")  # fmt: skip
        top -= size * 1.35 / 72
    figure.set_layout_engine(
        "constrained", rect=(0, 0, 1, height / total), w_pad=_MARGIN, h_pad=_MARGIN / 2
    )
    return figure


def subtitle_of(text: str, findings: Findings) -> str:
    """``text`` with the data set and how its validation part was held out."""
    data = findings.run.meta.data
    return f"{text}; {data}" if data else text


def placeholder(title: str, reason: str) -> Figure:
    """What stands in the place of a figure that would mislead."""
    return new_figure(title, f"Not drawn: {reason}.", "", height=0.1)


def wrap(text: str, size: float, width: float, *, weight: str = "normal") -> list[str]:
    """Break ``text`` into lines of at most ``width`` points, measured in its font."""
    lines: list[str] = []
    # No line begins with the % of the number before it.
    for word in text.replace(" %", "\u00a0%").split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight=weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def text_width(text: str, size: float, *, weight: str = "normal") -> float:
    """Width of a text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def short_name(name: str, width: float = 130, *, least: int = 2) -> str:
    """A name, shortened in its middle to ``width`` points of 9-point text.

    Args:
        name: to shorten.
        width: in points.
        least: letters that are kept, however narrow.
    """
    kept = len(name)
    shown = name
    while text_width(shown, 9) > width and kept > least:
        kept -= 1
        shown = f"{name[: kept - kept // 2]}…{name[len(name) - kept // 2 :]}"
    return shown


def ordered_colours(count: int) -> list[tuple[float, float, float]]:
    """Colours for ``count`` ordered values, pale to dark."""
    from matplotlib import colormaps

    places = np.linspace(0.82, 0.0, count) if count > 1 else np.array([0.25])
    return [(red, green, blue) for red, green, blue, _ in colormaps["viridis"](places).tolist()]


def legible(colour: Any) -> tuple[float, float, float]:
    """A colour, darkened until text in it can be read on white: a contrast of 4.5 to 1.

    Source: WCAG 2.2, success criterion 1.4.3 and its definition of relative luminance.
    """
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    while contrast((red, green, blue)) < 4.5:
        red, green, blue = 0.96 * red, 0.96 * green, 0.96 * blue
    return red, green, blue


def contrast(colour: tuple[float, float, float]) -> float:
    """How far a colour stands out from white, from 1 to 21."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in colour]  # fmt: skip
    return 1.05 / (float(np.dot(linear, (0.2126, 0.7152, 0.0722))) + 0.05)


def with_log(text: str, axes: Axes, which: Literal["x", "y"] = "y") -> str:
    """An axis label that says so where its scale is logarithmic: ``loss (nats, log)``."""
    scale = axes.get_xscale() if which == "x" else axes.get_yscale()
    if scale != "log":
        return text
    return f"{text[:-1]}, log)" if text.endswith(")") else f"{text} (log)"


def label_ends(
    axes: Axes, labels: Sequence[tuple[float, str, Any]], *, height: float, size: float = 9
) -> None:
    """Write labels to the right of the axes, each at its value of y and none over another.

    Args:
        axes: with final limits and scale.
        labels: (value of y, text, colour).
        height: of the axes in inches, roughly.
        size: of the text in points.
    """
    if not labels:
        return
    gap = size * 1.25 / (height * 72)
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"
    places = sorted((_fraction(y, low, high, log=log), text, colour) for y, text, colour in labels)
    at = [min(max(place, 0.0), 1.0) for place, _, _ in places]
    for _ in range(50):  # push neighbours apart until none touch
        for i in range(len(at) - 1):
            lack = gap - (at[i + 1] - at[i])
            if lack > 1e-6:
                at[i], at[i + 1] = at[i] - lack / 2, at[i + 1] + lack / 2
    for y, (_, text, colour) in zip(at, places, strict=True):
        axes.text(1.02, y, text, transform=axes.transAxes, size=size, color=legible(colour),
                  va="center", ha="left")  # fmt: skip


def value_axis(axes: Axes, values: FloatArray, *, rising: bool = False) -> None:
    """Fit the y axis to values: logarithmic where they are positive and span a factor of 4.

    Args:
        axes: whose y axis to set.
        rising: more is better, as of an accuracy: what matters is near the top, which a
            logarithm would crowd.
        values: of any shape; what is not finite is left out.
    """
    shown = values[np.isfinite(values)]
    low, high = float(shown.min()), float(shown.max())
    if not rising and low > 0 and high / low > 4:
        margin = (high / low) ** 0.05
        axes.set_yscale("log")
        axes.set_ylim(low / margin, high * margin)
        ticks = log_ticks(low / margin, high * margin)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.yaxis.set_minor_locator(_none())
        return
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.1
    axes.set_ylim(low - margin, high + margin)


def log_ticks(low: float, high: float) -> list[float]:
    """At least three round numbers between two bounds of a log axis, and about six at most."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for mantissas in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [float(f"{m}e{k}") for k in decades for m in mantissas]
        found = [tick for tick in found if low <= tick <= high]
        if len(found) >= 3:
            break
    return found[:: max(1, math.ceil(len(found) / 7))]


def epoch_ticks(last: int) -> list[int]:
    """Whole epochs for an axis from 1 to ``last``: the first, round ones, the last."""
    if last <= 6:
        return list(range(1, last + 1))
    step = next(s * 10**k for k in range(9) for s in (1, 2, 5) if last / (s * 10**k) <= 6)
    inner = [tick for tick in range(step, last, step) if last - tick > 0.6 * step]
    return [1, *(tick for tick in inner if tick - 1 > 0.6 * step or step == 1), last]


def _fraction(y: float, low: float, high: float, *, log: bool) -> float:
    if log:
        y, low, high = math.log(max(y, 1e-300)), math.log(low), math.log(high)
    return (y - low) / (high - low)


def _none() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
