"""A comparison in words and as plain values."""

from __future__ import annotations

import math
from typing import Any

from analysis.comparison.compare import Comparison, Standing
from analysis.comparison.differences import SURE, Difference
from analysis.metrics import listed, number, plural

_COLUMNS = 70


def words(comparison: Comparison) -> tuple[str, ...]:
    """The verdict, a line a strategy, and what it takes to be surer."""
    return (verdict(comparison), *_table(comparison), *_more(comparison))


def verdict(comparison: Comparison) -> str:
    """One line: who is ahead, since when and how surely; or that nobody is."""
    leader, metric = comparison.leader, comparison.metric
    after = f"after {plural(comparison.spent, 'epoch')}"
    if len(comparison.standings) == 1:
        low, high = float(leader.finals.min()), float(leader.finals.max())
        return (f"{leader.name} {after}: {metric} {score(comparison, leader)}, repeats from "
                f"{number(low, metric)} to {number(high, metric)}")  # fmt: skip
    if comparison.winner is not None:
        return (f"{leader.name} is ahead{_since(comparison)} "
                f"({chance(comparison.closest)}, {_basis(comparison)})")  # fmt: skip
    closest = comparison.closest
    if closest is None or closest.p is None:
        better = "higher" if comparison.mode == "max" else "lower"
        if comparison.ahead_from is None:
            return f"no winner {after}: the best means are equal"
        return f"{leader.name} ends {better} {after}; single runs cannot tell that from luck"
    led = [pair for pair in comparison.differences if pair.better == leader.name]
    beaten = [pair.worse for pair in led if pair.adjusted is not None and pair.adjusted < SURE]
    unsure = [standing.name for standing in comparison.standings[1:]
              if standing.name not in beaten]  # fmt: skip
    if not beaten:
        return (f"no winner can be named {after}: chance alone may make such "
                f"differences ({chance(closest)}, {_basis(comparison)})")  # fmt: skip
    return (f"{leader.name} is ahead of {listed(beaten)}, but cannot be told apart from "
            f"{listed(unsure)} ({chance(closest)})")  # fmt: skip


def score(comparison: Comparison, standing: Standing) -> str:
    """A mean and its interval: ``0.171 ± 0.004``."""
    metric = comparison.metric
    half = standing.half
    if half is None:
        return number(standing.mean, metric)
    if not half:
        return f"{number(standing.mean, metric)} ± 0"
    if "accuracy" in metric:
        return f"{standing.mean:.3f} ± {half:.3f}"
    # Two digits of the interval; the mean has no more places than that.
    places = max(0, 1 - math.floor(math.log10(half)))
    digits = max(0, 3 - math.floor(math.log10(abs(standing.mean)))) if standing.mean else places
    places = min(places, digits)
    return f"{standing.mean:.{places}f} ± {half:.{places}f}"


def chance(difference: Difference | None) -> str:
    """``p 0.03``."""
    if difference is None or difference.p is None:
        return "p unknown"
    return "p < 0.001" if difference.p < 0.001 else f"p {difference.p:.2g}"


def repeats(comparison: Comparison) -> str:
    """``5 repeats each``, ``2 to 5 repeats``, ``single runs``."""
    counts = sorted({standing.repeats for standing in comparison.standings})
    if counts == [1]:
        return "single runs"
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} repeats"
    return f"{counts[0]} repeats" + (" each" if len(comparison.standings) > 1 else "")


def at(comparison: Comparison) -> str:
    """Of which trials the scores are: ``epoch 9 of 27``."""
    return f"epoch {comparison.epoch} of {comparison.max_epochs}"


def _since(comparison: Comparison) -> str:
    spent, since = comparison.spent, comparison.ahead_from
    if since is None or since == spent:
        return f" after {plural(spent, 'epoch')}"
    return f" from {since} epochs on, to {spent}"


def _basis(comparison: Comparison) -> str:
    counts = repeats(comparison)
    return f"{counts}, paired by seed" if comparison.paired else counts


def _table(comparison: Comparison) -> list[str]:
    """A line a strategy: score, rank, how often first."""
    if len(comparison.standings) == 1:
        return [f"its best trial at {at(comparison)}; ± 95 % interval of the mean"]
    interval = any(standing.half is not None for standing in comparison.standings)
    head = (f"{comparison.metric} after {plural(comparison.spent, 'epoch')}, best trial at "
            f"{at(comparison)}{'; ± 95 %' if interval else ''}:")  # fmt: skip
    even = len({standing.repeats for standing in comparison.standings}) == 1
    rows = []
    for standing in comparison.standings:
        cells = [standing.name, score(comparison, standing)]
        if not even:
            cells.append(plural(standing.repeats, "run"))
        bounds = standing.rank_interval
        if bounds is not None:
            cells.append(f"rank {standing.rank:.1f} ({bounds[0]:.1f}-{bounds[1]:.1f})")
        rows.append(cells)
    columns = [max(len(cells[k]) if k < len(cells) else 0 for cells in rows)
               for k in range(max(map(len, rows)))]  # fmt: skip
    lines = []
    for cells in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, columns, strict=False)]
        line = "  ".join(padded).rstrip()
        lines.append(line if len(line) + 2 <= _COLUMNS else " ".join(cells))
    return [head, *(f"  {line}" for line in lines)]


def _more(comparison: Comparison) -> list[str]:
    """Who got where how fast, how many repeats would tell, notes."""
    metric, lines = comparison.metric, []
    if len(comparison.standings) > 1:
        took = [f"{standing.name} {sum(standing.to_target) / standing.repeats:.0f}"
                for standing in comparison.standings]  # fmt: skip
        mean = " on average" if any(s.repeats > 1 for s in comparison.standings) else ""
        lines.append(f"epochs until {metric} {number(comparison.target, metric)}, which all runs "
                     f"reached: {', '.join(took)}{mean}")  # fmt: skip
    closest = comparison.closest
    if comparison.winner is None and closest is not None:
        needed = closest.repeats_needed
        if closest.p is None:
            seeds = {seed for standing in comparison.standings for seed in standing.seeds}
            typed = "" if None in seeds else ": orch sweep NAME --seed 1 (and 2, 3, 4)"
            lines.append(f"repeat with other seeds{typed}")
        elif needed is not None and needed <= 100:
            lines.append(f"about {needed} repeats each would tell {closest.better} from "
                         f"{closest.worse}, if the gap of {closest.gap:.2g} is real")  # fmt: skip
        elif needed is not None:
            lines.append(f"{closest.better} and {closest.worse} look as good as equal: it would "
                         f"take more than 100 repeats to tell them apart")  # fmt: skip
    return [*lines, *comparison.notes]


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """Plain values, for JSON."""
    return {
        "metric": comparison.metric,
        "mode": comparison.mode,
        "data": comparison.data,
        "epoch": comparison.epoch,
        "max_epochs": comparison.max_epochs,
        "spent": comparison.spent,
        "paired": comparison.paired,
        "winner": comparison.winner,
        "ahead_from": comparison.ahead_from,
        "target": comparison.target,
        "verdict": verdict(comparison),
        "strategies": [
            {
                "name": standing.name,
                "runs": list(standing.runs),
                "seeds": list(standing.seeds),
                "scores": [float(value) for value in standing.finals],
                "mean": standing.mean,
                "half_interval": standing.half,
                "rank": standing.rank,
                "rank_interval": None if standing.rank_interval is None
                else list(standing.rank_interval),
                "first": standing.first,
                "epochs_to_target": list(standing.to_target),
                "budgets": comparison.budgets.tolist(),
                "incumbents": [
                    [None if math.isnan(value) else value for value in curve]
                    for curve in standing.curves.tolist()
                ],
            }
            for standing in comparison.standings
        ],
        "differences": [
            {
                "better": pair.better,
                "worse": pair.worse,
                "gap": pair.gap,
                "p": pair.p,
                "p_adjusted": pair.adjusted,
                "repeats_needed": pair.repeats_needed,
            }
            for pair in comparison.differences
        ],
        "notes": list(comparison.notes),
    }  # fmt: skip
