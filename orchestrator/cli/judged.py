"""What a run is judged by beside its metric, for the commands that show it: limits, the front."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.cli.columns import Column, lay_out
from orchestrator.cli.reading import config_of, metrics_of
from orchestrator.cli.view.words import metric, plural, scalar
from trainables.limits import limit

if TYPE_CHECKING:
    from orchestrator.cli.reading import Reading


def judged_columns(
    reading: Reading, rows: Sequence[Mapping[str, Any]], shown: Collection[str]
) -> list[Column]:
    """Columns of a table of trials: further metrics that count, the front, kept limits.

    Args:
        reading: what the run's tables say.
        rows: of the trials that are shown.
        shown: metrics that the table has already.
    """
    meta, found = reading.meta, []
    if not rows:
        return []
    for name in _metrics(meta):
        key = f"metric.{name}"
        if name not in shown and key in rows[0]:
            found.append(Column(name, [metric(row[key], name) for row in rows]))
    for key, wanted in (("keeps", "outcomes"), ("front", "objectives")):
        if wanted in meta and key in rows[0]:
            cells = [_YES_NO[row[key]] for row in rows]
            found.append(Column(key, cells, right=False, rank=1))
    return found


def front_lines(reading: Reading, width: int | None) -> list[str]:
    """The Pareto front as a table, the best by the first objective on top."""
    meta, rows = reading.meta, reading.front
    head = f"{plural(len(rows), 'trial')} of run {reading.run.id} that no completed trial beats "
    goals = ", ".join(f"{each['metric']} {each['mode']}" for each in meta["objectives"])
    limits = ", ".join(meta.get("outcomes", []))
    keeping = f", keeping {limits}" if limits else ""
    lines = [f"{head}in {goals}{keeping}"]
    if not rows:
        return [*lines, "no trial has completed yet, or none that compares"]
    columns = [Column("trial", [str(row["number"]) for row in rows])]
    for each in meta["objectives"]:
        name = each["metric"]
        cells = [metric(row[f"metric.{name}"], name) for row in rows]
        columns.append(Column(name, cells))
    columns.append(Column("epoch", [str(row["best_epoch"]) for row in rows], rank=2))
    for key, domain in meta.get("parameters", {}).items():
        cells = ["-" if (value := config_of(row, meta).get(key)) is None else scalar(value)
                 for row in rows]  # fmt: skip
        if domain.get("kind") != "constant":
            columns.append(Column(key, cells))
    return [*lines, "", *lay_out(columns, width)]


def front_document(reading: Reading) -> dict[str, Any]:
    """What the best trials are, for programs: the front, or the winner where there is no front."""
    meta = reading.meta
    winner = [] if reading.best is None else [reading.best]
    several = "objectives" in meta
    one = [{"metric": meta.get("metric"), "mode": meta.get("mode")}]
    return {
        "run": reading.run.id,
        "objectives": meta["objectives"] if several else one,
        "outcomes": meta.get("outcomes", []),
        "best": [
            {
                "trial": row["number"],
                "state": row["state"],
                "epoch": row["best_epoch"],
                "metrics": metrics_of(row),
                "config": config_of(row, meta),
            }
            for row in (reading.front if several else winner)
        ],
    }


_YES_NO = {True: "yes", False: "no", None: "-"}


def _metrics(meta: Mapping[str, Any]) -> list[str]:
    """Metrics of the objectives, then of the limits, once each."""
    goals = [str(each["metric"]) for each in meta.get("objectives", [])]
    limits = [limit(text).metric for text in meta.get("outcomes", [])]
    return list(dict.fromkeys([*goals, *limits]))
