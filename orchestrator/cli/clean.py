"""``orch clean``: free what runs do not need any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.runs.cleaning import Waste
    from orchestrator.runs.folder import RunFolder


@click.command()
@click.argument("run", default="", metavar="[RUN]")
@click.option("--dry-run", is_flag=True, help="Say what would be freed; delete nothing.")
@click.option(
    "--keep-best",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Of how many of the best completed trials a finished run keeps the checkpoint.",
)
@options.runs_folder
@options.as_json
def clean(run: str, *, dry_run: bool, keep_best: int, runs: Path, as_json: bool) -> None:
    """Free the disk of checkpoints and leftovers that runs do not need any more.

    RUN is any unique part of a run's id, or its path; all runs by default. Of a finished run
    every checkpoint goes but that of the best trial, or of the best --keep-best. Of a run that
    can be resumed only those go that no trial would go on from. Half-written files of processes
    that were killed go too. Results, tables and figures stay, and a run that a process runs is
    left alone. Checkpoints that --storage put elsewhere go there.
    """
    from orchestrator.runs.folder import all_runs, find_run
    from orchestrator.runs.removal import leftovers
    from searchspaces.errors import OrchError

    rows = []
    for folder in [find_run(runs, run)] if run else all_runs(runs):
        row = _row(folder.id)
        rows.append(row)
        try:
            waste = _cleaned(folder, keep_best, dry_run=dry_run)
        except OrchError as error:
            if run:
                raise
            row["problem"] = str(error)
            continue
        row |= {"checkpoints": len(waste.checkpoints), "others": len(waste.others),
                "bytes": waste.size, "storage": getattr(waste.store, "where", None)}  # fmt: skip
    for path in [] if run else list(leftovers(runs)):
        row = _row(path.name)
        rows.append(row)
        try:
            row |= _freed(path, dry_run=dry_run)
        except OrchError as error:
            row["problem"] = str(error)
    total = sum(row["bytes"] for row in rows)
    if as_json:
        document = {"dry_run": dry_run, "bytes": total, "runs": rows}
        click.echo(json.dumps(document, indent=2))
        return
    for line in _lines(rows, total, dry_run=dry_run):
        click.echo(line)


def _row(name: str) -> dict[str, Any]:
    return {"run": name, "checkpoints": 0, "others": 0, "bytes": 0, "storage": None,
            "problem": None}  # fmt: skip


def _freed(path: Path, *, dry_run: bool) -> dict[str, Any]:
    """What a leftover takes; it is gone, unless this is a rehearsal."""
    from orchestrator.runs.removal import free, leftover_store, size_elsewhere, size_of

    store = leftover_store(path)
    found = {"others": 1, "bytes": size_of(path) + size_elsewhere(store),
             "storage": store.where if store else None}  # fmt: skip
    if not dry_run:
        free(path, store)
    return found


def _cleaned(run: RunFolder, keep: int, *, dry_run: bool) -> Waste:
    """What can go of a run; it is gone, unless this is a rehearsal."""
    from orchestrator.cli.reading import read
    from orchestrator.engine.journal import position
    from orchestrator.engine.trial import State
    from orchestrator.runs.cleaning import waste_of
    from orchestrator.runs.errors import RunBusyError, UnwritableError

    reading = read(run, ["number", "state"])
    ranked = [] if reading.trials is None else [
        (row["number"], State(row["state"])) for row in reading.trials.iter_rows(named=True)
    ]  # fmt: skip
    with run.owned():
        told = (reading.meta.get("journal") or {}).get("sequence", 0)
        if run.journal.is_dir() and position(run.journal) != told:
            raise RunBusyError(run.id)  # somebody had it in between
        waste = waste_of(run, ranked, finished=reading.state == "finished", keep=keep)
        if not dry_run:
            try:
                waste.delete()
            except OSError as error:
                raise UnwritableError(run.path, error) from error
    return waste


def _lines(rows: list[dict[str, Any]], total: int, *, dry_run: bool) -> list[str]:
    from orchestrator.cli.view.words import plural, size

    lines = []
    for row in rows:
        what = [plural(row["checkpoints"], "checkpoint")] if row["checkpoints"] else []
        what += [plural(row["others"], "leftover")] if row["others"] else []
        if what:
            where = f" in {row['storage']}" if row["storage"] and row["checkpoints"] else ""
            lines.append(f"{row['run']}  {', '.join(what)}, {size(row['bytes'])}{where}")
        elif row["problem"]:
            lines.append(f"{row['run']}  left alone: {row['problem']}")
    done = "would free" if dry_run else "freed"
    return [*lines, f"{done} {size(total)}" if total or lines else "nothing to free"]
