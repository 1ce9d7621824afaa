"""Figure: how many trials entered each rung of the brackets, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    SKY,
    VERMILLION,
    Drawing,
    Withheld,
    legible,
    new_figure,
    subtitle_of,
    text_width,
)  # fmt: skip
from analysis.metrics import plural
from analysis.warnings.brackets import Stage, stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings

TITLE = "Rungs and brackets"
_ROW = 0.95  # inches
_ACROSS = 4.7 * 72  # points, roughly the width of a row
_PRUNED = "#b5b5b5"
_PARTS = (
    ("promoted", BLUE, "went on"),
    ("completed", GREEN, "completed"),
    ("stopped", _PRUNED, "pruned"),
    ("failed", VERMILLION, "failed"),
    ("waiting", SKY, "under way"),
)


def draw(findings: Findings) -> Drawing | Withheld:
    """A row a kind of bracket, a bar a rung: those who entered, parted by what came next."""
    found = stages(findings.run)
    rungs = sorted({stage.epoch for stage in found})
    if not found:
        return Withheld("no trial has finished an epoch")
    if len(rungs) < 2:
        return Withheld("nothing was pruned: trials were compared at one epoch only")
    kinds = sorted({stage.first for stage in found})
    reading = _reading(found)
    brackets = sum({stage.first: stage.brackets for stage in found}.values())
    silent = int((findings.run.trials["epochs"] == 0).sum())
    subtitle = f"{plural(len(findings.run.trials), 'trial')} in {plural(brackets, 'bracket')}; "
    subtitle += "numbers: entered → went on; each row to its own scale"
    subtitle += f"; {silent} without a result are left out" if silent else ""
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings),
                        height=0.85 + _ROW * len(kinds))  # fmt: skip
    panels = figure.subplots(len(kinds), 1, sharex=True, squeeze=False)[:, 0]
    place = {epoch: index for index, epoch in enumerate(rungs)}
    for axes, first in zip(panels, kinds, strict=True):
        _panel(axes, [stage for stage in found if stage.first == first], place)
    panels[-1].set_xticks(range(len(rungs)), [str(epoch) for epoch in rungs])
    panels[-1].set_xlabel("rung (epoch)")
    _legend(panels[0], found)
    return Drawing(figure, reading)


def _panel(axes: Axes, row: list[Stage], place: dict[int, int]) -> None:
    most = max(stage.entered for stage in row)
    wide = len(place) <= 5
    for stage in row:
        bottom = 0
        for part, colour, _ in _PARTS:
            count = getattr(stage, part)
            if count:
                axes.bar(place[stage.epoch], count, width=0.55, bottom=bottom, color=colour,
                         edgecolor="white", lw=0.6, zorder=2)  # fmt: skip
                bottom += count
        said = f"{stage.entered} → {stage.promoted}" if stage.promoted and wide else stage.entered
        lines = [(f"{stage.failed} failed", legible(VERMILLION))] * bool(stage.failed and wide)
        for line, (text, ink) in enumerate([*lines, (str(said), INK)]):
            axes.annotate(text, (place[stage.epoch], stage.entered), xytext=(0, 2 + 11 * line),
                          textcoords="offset points", size=9, color=ink, ha="center",
                          va="bottom")  # fmt: skip
    axes.set_xlim(-0.6, len(place) - 0.4)
    axes.set_ylim(0, most * 1.7)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    # A bracket that starts late leaves room to its left.
    first = row[0]
    if place[first.first]:
        words = f"from epoch {first.first}"
        if text_width(words, 9) > (place[first.first] + 0.2) * _ACROSS / len(place):
            words = words.replace("epoch ", "")
        times = f"\n{first.brackets} brackets" if first.brackets > 1 and wide else ""
        axes.text(-0.5, most * 0.08, words + times, size=9, color=GREY, ha="left",
                  va="bottom")  # fmt: skip


def _legend(axes: Axes, found: tuple[Stage, ...]) -> None:
    """The names of the parts in their colours, in a line over the top row."""
    x = 0.0
    width = 4.2 * 72  # points, roughly that of the axes
    for part, colour, word in _PARTS:
        if not any(getattr(stage, part) for stage in found):
            continue
        for text, ink, right in (("■", colour, 0), (word, INK, 11)):
            axes.annotate(text, (x, 1), xycoords="axes fraction", xytext=(right, 3), size=9,
                          textcoords="offset points", color=ink, ha="left",
                          va="bottom")  # fmt: skip
        x += (text_width(f"■ {word}", 9) + 14) / width


def _reading(found: tuple[Stage, ...]) -> str:
    started = sum(stage.entered for stage in found if stage.epoch == stage.first)
    last = max(stage.epoch for stage in found)
    came = sum(stage.completed for stage in found)
    failed = sum(stage.failed for stage in found)
    stopped = {stage.epoch: 0 for stage in found}
    for stage in found:
        stopped[stage.epoch] += stage.stopped
    epoch = max(stopped, key=lambda at: stopped[at])
    said = f"Of {plural(started, 'trial')} {came or 'none'} completed (full: epoch {last})"
    if stopped[epoch]:
        verb = "was" if stopped[epoch] == 1 else "were"
        said += f"; {stopped[epoch]} {verb} pruned at epoch {epoch}"
        others = [count for at, count in stopped.items() if at != epoch]
        said += ", more than at any other" if 0 < max(others) < stopped[epoch] else ""
    return f"{said}; {failed} failed." if failed else f"{said}."
