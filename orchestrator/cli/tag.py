"""``orch tag``: words by which runs are found again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("tags", nargs=-1, metavar="[TAG]...")
@click.option("--remove", is_flag=True, help="Take these tags away; without any, all of them.")
@options.runs_folder
@options.as_json
def tag(run: str, *, tags: tuple[str, ...], remove: bool, runs: Path, as_json: bool) -> None:
    """Tag a run, or print its tags.

    RUN is any unique part of its id, or its path. A TAG is one word. Runs with a tag are
    listed by: orch runs --tag TAG
    """
    from orchestrator.runs.about import change_about, read_about
    from orchestrator.runs.folder import find_run

    folder = find_run(runs, run)
    if remove:
        about = change_about(folder, lambda known: known.untagged(*(tags or known.tags)))
    elif tags:
        about = change_about(folder, lambda known: known.tagged(*tags))
    else:
        about = read_about(folder)
    if as_json:
        click.echo(json.dumps({"run": folder.id, "tags": list(about.tags)}, indent=2))
    elif tags or remove:
        click.echo(f"run {folder.id}: {', '.join(about.tags) or 'no tags'}")
    else:
        for name in about.tags:
            click.echo(name)
