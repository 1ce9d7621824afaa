"""``orch rm``: delete runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.runs.distant import DistantStore


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option(
    "--leave-storage", is_flag=True, help="Leave alone what --storage put outside their folders."
)
@options.runs_folder
@options.as_json
def rm(
    parts: tuple[str, ...], *, yes: bool, leave_storage: bool, runs: Path, as_json: bool
) -> None:
    """Delete runs, with everything in their folders and their checkpoints elsewhere.

    RUN is any unique part of a run's id, or its path. A run that a process runs is not
    deleted. On a terminal you are asked first; elsewhere --yes is needed.
    """
    from orchestrator.cli.view.words import plural, size
    from orchestrator.runs.distant import StorageError
    from orchestrator.runs.folder import find_run
    from orchestrator.runs.removal import check_free, remove, size_elsewhere, size_of
    from orchestrator.runs.storage import elsewhere
    from orchestrator.runs.whereabouts import read_whereabouts
    from searchspaces.errors import UsageError

    found = {run.path: run for run in (find_run(runs, part) for part in parts)}
    away: dict[str, DistantStore | None] = {}
    there: dict[str, int] = {}
    for run in found.values():
        check_free(run)
        linked = run.path.is_symlink()  # only the link goes
        away[run.id] = None if leave_storage or linked else elsewhere(run.path, run.id)
        try:
            there[run.id] = size_elsewhere(away[run.id])
        except StorageError as error:
            problem = f"{error.problem.rstrip('.')}. Nothing is deleted; to delete the runs and "
            problem += "leave alone what is there: --leave-storage"
            raise StorageError(error.key, problem) from error
    if not yes:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"orch rm deletes {plural(len(found), 'run')} for good, and there is nobody to "
                f"ask here. Give --yes."
            )
        for path, run in found.items():
            click.echo(f"{run.id}  {size(size_of(path))}{_also(away[run.id], there[run.id])}")
        if not click.confirm(f"Delete {plural(len(found), 'run')} for good?"):
            click.echo("nothing was deleted")
            return
    rows: list[dict[str, object]] = []
    for run in found.values():
        store, outside = away[run.id], there[run.id]
        lived = None if run.path.is_symlink() else read_whereabouts(run.path)
        freed = remove(run, store)
        where = store.where if store else None
        copy = f"{lived.address}:{lived.path}" if lived else None
        row = {"run": run.id, "bytes": freed, "storage": where, "storage_bytes": outside}
        rows.append(row | ({"copy": copy} if copy else {}))
        if not as_json:
            click.echo(f"deleted {run.id}, {size(freed - outside)}{_also(store, outside)}")
            if lived and copy:
                click.echo(f"       what cluster {lived.name} has of it stays: {copy}")
    if as_json:
        click.echo(json.dumps(rows, indent=2))


def _also(store: DistantStore | None, outside: int) -> str:
    from orchestrator.cli.view.words import size

    return f", and {size(outside)} in {store.where}" if store is not None else ""
