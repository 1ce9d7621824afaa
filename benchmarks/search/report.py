"""The tables in markdown and the figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.search import score
from benchmarks.search.methods import METHODS
from benchmarks.search.problems import problem
from benchmarks.search.replay import BUDGETS
from benchmarks.search.results import Results

HEADLINE = (
    "auto", "hyperopt-asha", "optuna-tpe-asha", "optuna-tpe-hyperband", "discard-1-3",
    "syne-asha", "optuna-tpe", "orch-random",
)  # fmt: skip
"""The eight that are ranked against each other, as far as they were run."""

Floats = score.Floats


def write_report(folder: Path, problems: list[str], ranked: list[str]) -> str:
    """Write ``report.md`` and ``report.png`` beside the results.

    Args:
        folder: of the results.
        problems: which to report on.
        ranked: methods that are ranked against each other; by default the eight of the
            headline.

    Returns:
        the tables, in markdown.
    """
    from benchmarks.search.plot import plot

    rows = Results(folder).all().filter(pl.col("problem").is_in(problems))
    if rows.is_empty():
        return f"no results in {folder}. Run the benchmark first.\n"
    ranked = ranked or list(HEADLINE)
    parts = [_head(rows)]
    for workers in sorted(rows["workers"].unique()):
        for by in ("epochs", "seconds"):
            some = score.table(rows, by=by, workers=workers, methods=ranked)
            if some.methods:
                parts.append(_ranks(some, _said(by, workers)))
    for workers in sorted(rows["workers"].unique()):
        everything = score.table(rows, by="epochs", workers=workers)
        parts.extend(
            _regrets(everything, budget, workers)
            for budget in _budgets(everything)
        )  # fmt: skip
        parts.append(_reached(everything, workers))
    parts.append(_costs(rows))
    parts.append(_skipped(rows))
    text = "\n\n".join(part for part in parts if part) + "\n"
    file = folder / "report.md"
    file.write_text(text)
    plot(rows, ranked, folder / "report.png")
    return text + f"\n{file}\n{folder / 'report.png'}\n"


def _said(by: str, workers: int) -> str:
    return f"by {by}, {workers} worker{'s' if workers > 1 else ''}"


def _budgets(found: score.Table) -> list[int]:
    return [budget for budget in BUDGETS if budget <= found.regrets.shape[-1]]


def _head(rows: pl.DataFrame) -> str:
    names = sorted(rows["problem"].unique())
    lines = [
        f"- `{name}` ({problem(name).use}): {problem(name).about}"
        + ("" if problem(name).exact else "; regret against the best that a long search found")
        for name in names
    ]
    seeds = rows.group_by("method").agg(pl.col("seed").n_unique())["seed"].to_list()
    return (
        f"{len(names)} problems, {min(seeds)} to {max(seeds)} seeds a method. Regret of the "
        f"best trial so far, by a training seed the searcher did not see.\n\n" + "\n".join(lines)
    )


def _markdown(title: str, head: Sequence[str], lines: list[list[str]]) -> str:
    rows = [list(head), ["---", *["---:"] * (len(head) - 1)], *lines]
    return f"**{title}**\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _ranks(found: score.Table, said: str) -> str:
    budgets = _budgets(found)
    ranks = [score.ranks(found, budget) for budget in budgets]
    order = np.argsort(np.nan_to_num(ranks[-1][0], nan=99.0), kind="stable")
    lines = [
        [found.methods[index], *(_interval(rank, int(index)) for rank in ranks)] for index in order
    ]
    problems = int(score.shared(found, budgets[-1]).sum())
    title = (
        f"Mean rank among {len(found.methods)} on the {problems} problems that all were run on, "
        f"95 % interval, {said}"
    )
    return _markdown(title, ["trainings", *map(str, budgets)], lines)


def _interval(rank: tuple[Floats, Floats, Floats], index: int) -> str:
    mean, low, high = (float(values[index]) for values in rank)
    return "-" if np.isnan(mean) else f"{mean:.2f} ({low:.2f}-{high:.2f})"


def _regrets(found: score.Table, budget: int, workers: int) -> str:
    median = found.median(budget)
    lines = [
        [name, *(_number(median[p, m]) for p in range(len(found.problems)))]
        for m, name in enumerate(found.methods)
    ]
    least = np.nanmin(median, axis=1)
    for m, line in enumerate(lines):
        for p in range(len(found.problems)):
            if median[p, m] == least[p]:
                line[p + 1] = f"**{line[p + 1]}**"
    title = f"Median regret after {budget} full trainings, {_said('epochs', workers)}"
    return _markdown(title, ["method", *found.problems], lines)


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3g}"


def _reached(found: score.Table, workers: int) -> str:
    goals = [("optuna-tpe-asha", 50), ("orch-random", 100)]
    goals = [(m, b) for m, b in goals if m in found.methods and b <= found.regrets.shape[-1]]
    lines = []
    for name in found.methods:
        line = [name]
        for goal, budget in goals:
            after = score.reached(found, name, goal, budget)
            line += [_trainings(float(np.median(after))), _trainings(float(after.max()))]
        lines.append(line)
    head = ["method"]
    for goal, budget in goals:
        head += [f"{goal} at {budget}: median problem", "worst problem"]
    title = f"Full trainings until another's median regret is reached, {_said('epochs', workers)}"
    return _markdown(title, head, lines) if goals else ""


def _trainings(value: float) -> str:
    return "not" if np.isinf(value) else f"{value:.0f}"


def _costs(rows: pl.DataFrame) -> str:
    known = (
        rows.filter(pl.col("by") == "epochs")
        .group_by("method")
        .agg(
            pl.len().alias("runs"), pl.col("suggest_ms").median(), pl.col("cpu").median(),
            pl.col("cpu").max().alias("most"), pl.col("trials").median(), pl.col("full").median(),
        )
        .sort("method")
    )  # fmt: skip
    lines = [
        [
            row["method"], str(row["runs"]), f"{row['suggest_ms']:.1f}", f"{row['trials']:.0f}",
            f"{row['full']:.0f}", f"{row['cpu']:.2f}", f"{row['most']:.2f}",
        ]
        for row in known.iter_rows(named=True)
    ]  # fmt: skip
    head = ["method", "runs", "ms a trial", "trials", "trained fully", "cpu s a run", "most"]
    return _markdown("What a run takes (the method's own time, medians)", head, lines)


def _skipped(rows: pl.DataFrame) -> str:
    ran = set(rows["method"].unique())
    reason: Callable[[str], str] = lambda name: next(  # noqa: E731  # one use, below
        known.missing() or "not run yet" for known in METHODS if known.name == name
    )
    lines = [[known.name, reason(known.name)] for known in METHODS if known.name not in ran]
    return _markdown("Not in these tables", ["method", "why"], lines) if lines else ""
