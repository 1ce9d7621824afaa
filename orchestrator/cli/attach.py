"""``orch attach``: follow a run again that lives on a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@options.run_argument
@click.option("--down", is_flag=True, help="End the cluster when the run has ended.")
@options.runs_folder
@options.as_json
def attach(run: str, *, down: bool, runs: Path, as_json: bool) -> int:
    """Follow a run that goes on on a cluster, and fetch it when it has ended.

    RUN is any unique part of its id, or its path; the latest run by default. Ctrl-C detaches
    again. What was fetched before is not fetched twice.
    """
    from orchestrator.cli import remote
    from orchestrator.runs.folder import find_run

    return remote.attach(find_run(runs, run), as_json=as_json, down=down)
