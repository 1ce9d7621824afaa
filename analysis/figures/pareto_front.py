"""Figure: a sweep's objectives against each other, and the trials that no other beats in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.choosing import marks, thin
from analysis.figures.panels import fit_across, halo, panel, room_beyond
from analysis.figures.style import (
    BLUE,
    WIDTH,
    Drawing,
    Withheld,
    legible,
    new_figure,
    subtitle_of,
    value_axis,
    with_log,
)
from analysis.metrics import label, number, plural, short_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.parameters import FloatArray
    from analysis.pareto import Pareto

TITLE = "Pareto front"
_TALL, _LEFT, _BETWEEN, _BOTTOM, _ABOVE = 2.2, 0.85, 0.3, 0.62, 0.12  # inches
_POINT, _EARLIER = "#8f8f8f", "#d6d6d6"
_ROOM = 11  # points between two names
_NAME = 0.1  # of the height, for names


def concerns(findings: Findings) -> bool:
    """Only of several objectives."""
    return len(findings.run.meta.goals) > 1


def draw(findings: Findings) -> Drawing | Withheld:
    """A panel for each objective after the first; of two, a step line through the front."""
    found = findings.pareto
    if found.withheld:
        return Withheld(found.withheld)
    first, *others = found.goals
    subtitle = (f"{plural(found.compared, 'trial')} compared at epoch {found.epoch}, each at its "
                f"best {short_label(first.metric)}")  # fmt: skip
    if found.earlier:
        subtitle += f"; light, not compared: {found.earlier} that ended before"
    reading = _reading(found)
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings),
                        height=_BOTTOM + _TALL + _ABOVE)  # fmt: skip
    wide = (WIDTH - _LEFT - 0.15 - _BETWEEN * (len(others) - 1)) / len(others)
    for column in range(1, len(found.goals)):
        left = _LEFT + (column - 1) * (wide + _BETWEEN)
        axes = panel(figure, left, _BOTTOM, wide, _TALL)
        _scales(axes, found, column, wide)
        _points(axes, found, column)
        if column == 1:
            axes.set_ylabel(with_log(label(first.metric), axes))
        else:
            axes.tick_params(axis="y", labelleft=False)
    return Drawing(figure, reading)


def _scales(axes: Axes, found: Pareto, column: int, wide: float) -> None:
    """Both axes; scores far off, of which none is on the front, are left out."""
    first, goal = found.goals[0], found.goals[column]
    value_axis(axes, _near(found, 0), rising=first.mode == "max")
    room_beyond(axes, _NAME, rising=first.mode == "max")
    fit_across(axes, _near(found, column), width=wide, log=goal.mode == "min")
    better = f", {'more' if goal.mode == 'max' else 'less'} is better"
    axes.set_xlabel(with_log(label(goal.metric), axes, "x") + better * (len(found.goals) == 2))


def _near(found: Pareto, column: int) -> FloatArray:
    """Values of the compared trials without those far worse than most."""
    values = found.values[: found.compared, column]
    losses = found.goals[column].sign * values
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    kept = losses <= q3 + 3 * (q3 - q1)
    kept[list(found.on)] = True
    near: FloatArray = values[kept]
    return near


def _points(axes: Axes, found: Pareto, column: int) -> None:
    x, y = found.values[:, column], found.values[:, 0]
    compared = thin(found.compared, marks(2))
    earlier = found.compared + thin(found.earlier, marks(2), first=0)
    for chosen, colour, layer in ((earlier, _EARLIER, 1), (compared, _POINT, 2)):
        axes.scatter(x[chosen], y[chosen], s=12, color=colour, lw=0, zorder=layer,
                     rasterized=len(chosen) > 300)  # fmt: skip
    on = sorted(found.on, key=lambda place: x[place])
    if len(found.goals) == 2:
        _steps(axes, found, x[on], y[on])
    axes.plot(x[on], y[on], "o", ms=5.5 if len(on) < 25 else 3, color=BLUE, mec="white", zorder=5)
    _names(axes, found, on, column)


def _steps(axes: Axes, found: Pareto, x: FloatArray, y: FloatArray) -> None:
    """The edge of what the front beats, out to both axes."""
    first, second = found.goals
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    worst_x, worst_y = (
        left if second.mode == "max" else right,
        low if first.mode == "max" else high,
    )
    if second.mode == "max":
        x, y = x[::-1], y[::-1]
    axes.step([x[0], *x, worst_x], [worst_y, *y, y[-1]], where="post", color=BLUE, lw=1.6, zorder=3)


def _names(axes: Axes, found: Pareto, on: list[int], column: int) -> None:
    """Name the trials of the front where there is room, the ends first."""
    wide, tall = (axes.get_position().width * WIDTH * 72, _TALL * 72)
    first, goal = found.goals[0], found.goals[column]
    better = 1 if goal.mode == "max" else -1  # where no trial can lie
    up = 1 if first.mode == "max" else -1
    spots = {place: (found.values[place, column], found.values[place, 0]) for place in on}
    at = {place: axes.transAxes.inverted().transform(axes.transData.transform(spot)) * (wide, tall)
          for place, spot in spots.items()}  # fmt: skip
    taken: list[tuple[float, float, float]] = []
    for place in [on[0], *on[:0:-1]]:
        text = f"{int(found.numbers[place])}"
        half = 3 * len(text) + 2
        others = [(x, y, 6.0) for other, (x, y) in at.items() if other != place]
        for side in (better, -better):
            x, y = at[place][0] + side * (4 + half), at[place][1] + up * (4 + _ROOM / 2)
            inside = half < x < wide - half
            if inside and not any(abs(x - a) < half + room and abs(y - b) < _ROOM
                                  for a, b, room in [*taken, *others]):  # fmt: skip
                break
        else:
            continue
        taken.append((x, y, half))
        axes.annotate(text, spots[place], size=9, color=legible(BLUE), xytext=(4 * side, 4 * up),
                      textcoords="offset points", ha="left" if side > 0 else "right",
                      va="bottom" if up > 0 else "top", zorder=6,
                      path_effects=halo())  # fmt: skip


def _reading(found: Pareto) -> str:
    """Both ends of the front, in the first two objectives."""
    count = f"{len(found.on)} of {found.compared} trials are beaten by none in every objective"
    if len(found.on) == 1:
        return (f"Trial {int(found.numbers[found.on[0]])} is as good as or better than all "
                f"{found.compared} in every objective.")  # fmt: skip
    said = []
    for place in (found.on[0], found.on[-1]):
        values = ", ".join(
            f"{goal.metric} {number(value, goal.metric)}"
            for goal, value in zip(found.goals, found.values[place].tolist(), strict=True)
        )
        said.append(f"trial {int(found.numbers[place])} ({values})")
    return f"{count}, from {said[0]} to {said[1]}."
