"""``orch note``: what a person wants to remember of a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("text", required=False, metavar="[TEXT]")
@options.runs_folder
@options.as_json
def note(run: str, *, text: str | None, runs: Path, as_json: bool) -> None:
    """Note something about a run, or print its note.

    RUN is any unique part of its id, or its path. TEXT takes the place of an earlier note;
    an empty one, '', takes it away.
    """
    from orchestrator.runs.about import change_about, read_about
    from orchestrator.runs.folder import find_run

    folder = find_run(runs, run)
    if text is None:
        about = read_about(folder)
    else:
        about = change_about(folder, lambda known: known.noted(text))
    if as_json:
        click.echo(json.dumps({"run": folder.id, "note": about.note}, indent=2))
    elif text is not None:
        click.echo(f"run {folder.id}: {'noted' if about.note else 'no note'}")
    elif about.note:
        click.echo(about.note)
