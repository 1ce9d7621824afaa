"""``orch resume``: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orchestrator.cli import news, options, tracking


@click.command(cls=tracking.TrackingCommand)
@options.run_argument
@click.option(
    "--max-time", callback=options.duration, metavar="TIME",
    help="Stop after 90s, 10m, 2h or seconds; by default the run's own limit, from now on.",
)  # fmt: skip
@tracking.options
@news.option
@options.runs_folder
@options.as_json
def resume(
    run: str,
    *,
    max_time: float | None,
    notify: tuple[str, ...],
    runs: Path,
    as_json: bool,
    **given: Any,
) -> int:
    """Go on with a run that was interrupted, in whatever way.

    RUN is any unique part of its id, or its path; the latest run by default. Finished
    trials stay; the others go on from their last checkpoint. A paused run goes on in its
    own process.
    """
    from orchestrator.cli.driving import drive
    from orchestrator.runs.folder import find_run
    from orchestrator.runs.letters import is_paused
    from orchestrator.sweep import resume as go_on

    told_to = tracking.changes_of(given, new=False)
    folder = find_run(runs, run)
    if folder.is_owned() and is_paused(folder):
        from orchestrator.cli.steer import end_pause

        end_pause(folder, as_json=as_json)
        return 0
    with news.News(notify, folder.spec().title if notify else "") as told:
        return drive(
            lambda watch, inbox: go_on(
                folder, watch=watch, inbox=inbox, max_time=max_time, tracking=told_to
            ),
            as_json=as_json,
            latest=False,
            news=told,
        )
