"""The figure: regret against full trainings, a panel per problem, and the mean rank."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.ticker import FuncFormatter

from benchmarks.search import score
from benchmarks.search.problems import problem

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
"""Okabe and Ito's, and grey; the first is the first method's."""
STYLES = ("-", "-", "-", "-", "--", "--", "--", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
COLUMNS = 3


def plot(rows: pl.DataFrame, methods: list[str], file: Path) -> None:
    """Draw the methods by epochs, with one worker if there are such runs.

    Args:
        rows: of the benchmark.
        methods: which, in the order of colours and legend.
        file: to write.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    workers = int(min(rows["workers"]))
    found = score.table(rows, by="epochs", workers=workers, methods=methods)
    if not found.methods:
        return
    panels = len(found.problems) + 1
    lines = math.ceil(panels / COLUMNS)
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, grid = plt.subplots(
        lines, COLUMNS, figsize=(10, 2.7 * lines + 0.7), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for axis in axes[panels:]:
        axis.set_visible(False)
    for index, name in enumerate(found.problems):
        _regret(axes[index], found, index, name)
    _mean_rank(axes[panels - 1], found)
    handles, labels = axes[panels - 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    seeds = int(np.isfinite(found.regrets[..., -1]).sum(axis=2).max())
    plural = "s" if workers > 1 else ""
    figure.suptitle(
        f"Regret of the best trial so far, by an unseen training seed; median of up to "
        f"{seeds} seeds, quartiles shaded, {workers} worker{plural}",
        fontsize=10,
    )
    part = file.with_suffix(".part.png")
    figure.savefig(part, dpi=150)
    part.replace(file)
    plt.close(figure)


def _regret(axis: Any, found: score.Table, index: int, name: str) -> None:
    """One problem: medians as lines, quartiles of the first method as a band."""
    trainings = np.arange(1, found.regrets.shape[-1] + 1)
    tops = []
    for m in range(len(found.methods)):
        values = np.maximum(found.regrets[index, m], 1e-4)  # (seeds, trainings)
        there = np.isfinite(found.regrets[index, m]).any(axis=0)
        if not there.any():
            continue
        quartiles = np.nanquantile(values[:, there], [0.25, 0.5, 0.75], axis=0)
        style = _style(m)
        every = there.all()
        drawn = {"drawstyle": "steps-post"} if every else {"marker": MARKS[m]}
        axis.plot(trainings[there], quartiles[1], **style, **drawn)
        tops.append(float(np.max(quartiles[1][trainings[there] >= 3], initial=0.0)))
        if m == 0:
            axis.fill_between(
                trainings[there], quartiles[0], quartiles[2],
                color=style["color"], alpha=0.15, lw=0, step="post",
            )  # fmt: skip
    axis.set_yscale("log")
    for which in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        which(FuncFormatter(_tick))
    axis.set_ylim(top=1.3 * max(tops))
    axis.set_xlim(0, trainings[-1])
    axis.set_title(f"{name} ({problem(name).use})", loc="left", fontsize=9)
    axis.set_xlabel("full trainings' worth of epochs")
    axis.set_ylabel("regret (log)")


def _tick(value: float, _position: int | None) -> str:
    """1, 2 and 5 of each power of ten, as people write them."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


def _mean_rank(axis: Any, found: score.Table) -> None:
    """Mean ranks over all problems, with intervals."""
    budgets = [b for b in (10, 25, 50, 100) if b <= found.regrets.shape[-1]]
    ranks = [score.ranks(found, budget) for budget in budgets]
    count = len(found.methods)
    for m in range(count):
        mean, low, high = (np.array([rank[k][m] for rank in ranks]) for k in range(3))
        at = np.arange(len(budgets)) + 0.5 * ((m + 0.5) / count - 0.5)
        axis.errorbar(
            at, mean, yerr=[mean - low, high - mean], label=found.methods[m], capsize=0,
            **{**_style(m), "linestyle": "", "marker": MARKS[m % 8]},
        )  # fmt: skip
    axis.set_xticks(range(len(budgets)), [str(budget) for budget in budgets])
    axis.set_title(f"mean rank among {count}, 1 is best", loc="left", fontsize=9)
    axis.set_xlabel("full trainings' worth of epochs")
    axis.set_ylabel("mean rank")
    axis.invert_yaxis()


def _style(index: int) -> dict[str, Any]:
    return {
        "color": COLOURS[index % 8],
        "linestyle": STYLES[index % 8],
        "linewidth": 1.6 if index == 0 else 1.1,
        "markersize": 4,
    }
