"""``orch rm``: delete runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@options.runs_folder
@options.as_json
def rm(parts: tuple[str, ...], *, yes: bool, runs: Path, as_json: bool) -> None:
    """Delete runs, with everything in their folders.

    RUN is any unique part of a run's id, or its path. A run that a process runs is not
    deleted. On a terminal you are asked first; elsewhere --yes is needed.
    """
    from orchestrator.cli.view.words import plural, size
    from orchestrator.runs.folder import find_run
    from orchestrator.runs.removal import check_free, remove, size_of
    from searchspaces.errors import UsageError

    found = {run.path: run for run in (find_run(runs, part) for part in parts)}
    for run in found.values():
        check_free(run)
    if not yes:
        if not sys.stdin.isatty() or as_json:
            raise UsageError(
                f"orch rm deletes {plural(len(found), 'run')} for good, and there is nobody to "
                f"ask here. Give --yes."
            )
        for path, run in found.items():
            click.echo(f"{run.id}  {size(size_of(path))}")
        if not click.confirm(f"Delete {plural(len(found), 'run')} for good?"):
            click.echo("nothing was deleted")
            return
    freed = {}
    for run in found.values():
        freed[run.id] = remove(run)
        if not as_json:
            click.echo(f"deleted {run.id}, {size(freed[run.id])}")
    if as_json:
        rows = [{"run": name, "bytes": count} for name, count in freed.items()]
        click.echo(json.dumps(rows, indent=2))
