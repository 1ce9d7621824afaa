"""``orch best``: the winning config, as a file for another program."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@options.run_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json", "toml"]),
    show_default="yaml",
    help="What to write it as.",
)
@options.runs_folder
@options.as_json
def best(run: str, *, form: str | None, runs: Path, as_json: bool) -> None:
    """Print the winning config of a run: its parameters and nothing else, groups nested.

    Of several objectives there is no winner: a table shows the trials that no other beats in
    all of them. With --format the best by the first objective is printed.

    RUN is any unique part of its id, or its path; the latest run by default.
    """
    from orchestrator.cli.judged import front_document, front_lines
    from orchestrator.cli.reading import config_of, read_results
    from orchestrator.cli.view.words import metric
    from searchspaces.as_yaml import as_yaml
    from searchspaces.config import nested

    reading = read_results(runs, run)
    if as_json:
        click.echo(json.dumps(front_document(reading), indent=2))
        return
    if form is None and "objectives" in reading.meta:
        from orchestrator.cli.view.choose import columns

        width = columns(sys.stdout) if sys.stdout.isatty() else None
        click.echo("\n".join(front_lines(reading, width)))
        return
    row = reading.best or {}
    config = config_of(row, reading.meta)
    if form == "json":
        click.echo(json.dumps(nested(config), indent=2))
        return
    name = str(reading.meta.get("metric", "objective"))
    of = reading.meta.get("max_epochs", row["epochs"])
    comments = [
        f"# run {reading.run.id}, trial {row['number']}, {row['state']}",
        f"# {name} {metric(row['objective'], name)} at epoch {row['best_epoch']} of {of}",
    ]
    if form == "toml":
        import tomli_w

        text = tomli_w.dumps(nested(config))
    else:
        text = as_yaml(config)
    click.echo("\n".join([*comments, text.rstrip()]))
