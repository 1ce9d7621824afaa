"""``orch runs``: the runs in a folder, newest last."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.cli.reading import Reading
    from orchestrator.runs.folder import RunFolder


@click.command()
@click.option(
    "--tag", "tags", multiple=True, metavar="NAME",
    help="Only runs with this tag; may come several times. See: orch tag --help",
)  # fmt: skip
@options.runs_folder
@options.as_json
def runs(*, tags: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """List the runs in a folder, newest last."""
    from orchestrator.runs.folder import RunNotFoundError, all_runs

    found = all_runs(runs)
    if not found and not as_json:
        raise RunNotFoundError("", runs, [])
    rows = [_row(run) for run in found if set(tags) <= set(_tags(run))]
    if tags and not rows and not as_json:
        click.echo(f"no run is tagged {' and '.join(tags)}")
        return
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from orchestrator.cli.columns import Column, lay_out
    from orchestrator.cli.prospects import state_words
    from orchestrator.cli.view.choose import columns
    from orchestrator.cli.view.words import metric

    width = columns(sys.stdout) if sys.stdout.isatty() else None
    best = ["-" if row["best"] is None else
            f"{row['metric']} {metric(row['best'], row['metric'])}" for row in rows]  # fmt: skip
    table = [
        Column("run", [row["run"] for row in rows], right=False),
        Column(
            "state", [state_words(row["state"], row["limit"] or "") for row in rows], right=False
        ),
        Column(
            "trials",
            ["-" if row["trials"] is None else f"{row['done']} of {row['trials']}" for row in rows],
        ),
        Column("best", best, right=False),
        *(
            [Column("tags", [", ".join(row["tags"]) or "-" for row in rows], right=False, rank=2)]
            if any(row["tags"] for row in rows)
            else []
        ),
        Column("started", [_when(row["started"]) for row in rows], right=False, rank=1),
    ]
    problems = [f"{row['state']}: {row['problem']}" for row in rows if row["problem"]]
    for line in [*lay_out(table, width), *problems]:
        click.echo(line)


def _row(run: RunFolder) -> dict[str, Any]:
    """A run in a line; one that cannot be read says so and hides no other."""
    from orchestrator.cli.prospects import why
    from orchestrator.cli.reading import absent, read
    from orchestrator.runs.about import read_about
    from searchspaces.errors import OrchError

    row: dict[str, Any] = {"run": run.id, "path": str(run.path), "state": "damaged", "done": 0,
                           "trials": None, "metric": None, "best": None, "started": None,
                           "stopped": None, "limit": None, "problem": None,
                           "tags": [], "note": ""}  # fmt: skip
    try:
        row["started"] = run.provenance().get("created")
        reading = read(run, ["state", "objective"])
        best = reading.best
        row |= {"done": reading.done, "best": best and best["objective"]}
        row |= _planned(reading)
        row["state"] = reading.state
        row |= {"stopped": why(reading.meta) or None, "limit": reading.meta.get("limit") or None}
    except OrchError as error:
        row["problem"] = str(error)
        if absent(run):
            row["state"] = "unreadable"
    try:
        about = read_about(run)
        row |= {"tags": list(about.tags), "note": about.note}
    except OrchError as error:
        row["problem"] = row["problem"] or str(error)
    return row


def _tags(run: RunFolder) -> tuple[str, ...]:
    """A run's tags; what damages them is said in its row, where all runs are listed."""
    from orchestrator.runs.about import read_about
    from searchspaces.errors import OrchError

    try:
        return read_about(run).tags
    except OrchError:
        return ()


def _planned(reading: Reading) -> dict[str, Any]:
    """What the tables say of the plan, which needs nothing but them; without any the spec."""
    if reading.meta:
        return {key: reading.meta.get(key) for key in ("trials", "metric")}
    spec = reading.run.spec()
    return {"trials": spec.planned_trials, "metric": spec.metric}


def _when(text: str | None) -> str:
    """A time in the time zone of whoever reads it."""
    if not text:
        return "-"
    return datetime.fromisoformat(str(text)).astimezone().strftime("%Y-%m-%d %H:%M")
