"""``orch analyze``: what a run found, and its figures."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@options.run_argument
@options.runs_folder
@options.as_json
def analyze(run: str, *, runs: Path, as_json: bool) -> None:
    """Say what a run found (best config, epochs, what matters) and draw its figures.

    RUN is any unique part of its id, or its path; the latest run by default.
    """
    from orchestrator.cli.reading import read_results

    reading = read_results(runs, run)

    from analysis import analyze as analyze_run

    found = analyze_run(reading.run.path)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2, default=str))
        return
    for line in found.lines:
        click.echo(line)
