"""Figure: how far the ranks of trials agree between every two rungs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.figures.style import (
    GREY,
    INK,
    PALE,
    VERMILLION,
    Drawing,
    Withheld,
    new_figure,
    subtitle_of,
)  # fmt: skip
from analysis.metrics import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.findings import Findings
    from analysis.warnings.pruning import Agreement, Pruning

TITLE = "Rank correlation between rungs (Spearman)"
_ROW = 0.62  # inches
_MOST_IN_FULL = 5  # rungs; with more a cell has room for the number alone


def draw(findings: Findings) -> Drawing | Withheld:
    """A cell a pair of rungs: the correlation, its interval, and the trials compared."""
    found = findings.pruning
    if found.unknown:
        return Withheld(found.unknown)
    if not any(agreement.correlation is not None for agreement in found.agreements):
        return Withheld("fewer than 4 trials reached a second rung")
    reading = _reading(found)
    full = len(found.rungs) <= _MOST_IN_FULL
    inside = "; small: 95 % interval; trials compared" if full else ""
    marked = any(a.picked and a.correlation is not None for a in found.agreements)
    told = any(not a.picked and a.correlation is not None for a in found.agreements)
    means = "among promoted trials, which lowers it"
    star = f"; *: {means}" if marked and told else f"; all {means}" if marked else ""
    started = plural(int((findings.run.trials["epochs"] > 0).sum()), "trial")
    subtitle = f"{started}{inside}{star}"
    cells = len(found.rungs) - 1
    figure = new_figure(TITLE, reading, subtitle_of(subtitle, findings),
                        height=0.6 + cells * (_ROW if full else 0.36))  # fmt: skip
    axes = figure.subplots()
    _cells(axes, found, full=full, star=marked and told)
    axes.set_xlim(-0.5, cells - 0.5)
    axes.set_ylim(cells - 0.5, -0.5)
    axes.set_xticks(range(cells), [str(epoch) for epoch in found.rungs[:-1]])
    axes.set_yticks(range(cells), [str(epoch) for epoch in found.rungs[1:]])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("ranks at epoch")
    axes.set_ylabel("against epoch")
    return Drawing(figure, reading)


def _cells(axes: Axes, found: Pruning, *, full: bool, star: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    column = {epoch: place for place, epoch in enumerate(found.rungs[:-1])}
    row = {epoch: place for place, epoch in enumerate(found.rungs[1:])}
    for cell in found.agreements:
        x, y = column[cell.early], row[cell.late]
        value = cell.correlation
        # Pale where ranks agree least, and so is anything below 0.
        colour = "white" if value is None else colormaps["viridis"](0.95 - 0.85 * max(value, 0))
        edge = VERMILLION if cell.harmful else PALE
        axes.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, facecolor=colour,
                                 edgecolor=edge, lw=2.5 if cell.harmful else 0.8))  # fmt: skip
        ink = GREY if value is None else INK if value < 0.62 else "white"
        axes.text(x, y - (0.22 if full else 0), _number(cell, star=star), ha="center",
                  va="center", size=10, color=ink,
                  weight="normal" if value is None else "bold")  # fmt: skip
        if not full:
            continue
        if cell.low is not None and cell.high is not None:
            span = f"{cell.low:.1f} to {cell.high:.1f}; {cell.trials}"
            axes.text(x, y + 0.2, span, ha="center", va="center", size=9, color=ink)
        else:
            axes.text(x, y + 0.2, plural(cell.trials, "trial"), ha="center", va="center",
                      size=9, color=ink)  # fmt: skip


def _number(cell: Agreement, *, star: bool) -> str:
    if cell.correlation is None:
        return "-"
    return f"{cell.correlation:.2f}{'*' if star and cell.picked else ''}"


def _reading(found: Pruning) -> str:
    if found.harmful:
        epochs = " and ".join(str(a.early) for a in found.harmful)
        return f"What a trial is worth at epoch {epochs} says too little to stop it there (framed)."
    told = found.judged
    if not told:
        return "No cut can be judged: no 8 trials came past a rung without being picked there."
    weakest = min(told, key=lambda agreement: agreement.correlation or 0.0)
    cautious = weakest.low is not None and weakest.low < 0.3
    word = "as far as so few trials can tell" if cautious else "so cuts there look harmless"
    return (f"Ranks at epoch {weakest.early} correlate with those at epoch {weakest.late} by "
            f"{weakest.correlation or 0.0:.2f}, {word}.")  # fmt: skip
