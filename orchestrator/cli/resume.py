"""``orch resume``: go on with a run."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli import options


@click.command()
@options.run_argument
@click.option(
    "--max-time", callback=options.duration, metavar="TIME",
    help="Stop after 90s, 10m, 2h or seconds; by default the run's own limit, from now on.",
)  # fmt: skip
@options.runs_folder
@options.as_json
def resume(run: str, *, max_time: float | None, runs: Path, as_json: bool) -> int:
    """Go on with a run that was interrupted, in whatever way.

    RUN is any unique part of its id, or its path; the latest run by default. Finished
    trials stay; the others go on from their last checkpoint.
    """
    from orchestrator.cli.driving import drive
    from orchestrator.runs.folder import find_run
    from orchestrator.sweep import resume as go_on

    folder = find_run(runs, run)
    return drive(
        lambda watch, inbox: go_on(folder, watch=watch, inbox=inbox, max_time=max_time),
        as_json=as_json,
        latest=False,
    )
