"""``orch resume``: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import limits, news, options, tracking
from orchestrator.cli.reaching import reach

if TYPE_CHECKING:
    from orchestrator.runs.folder import RunFolder


@click.command(cls=tracking.TrackingCommand)
@options.run_argument
@click.option(
    "--max-time", callback=options.duration_or_none, metavar="TIME",
    help="Stop after 90s, 10m, 2h or seconds from now; by default as the run did before.",
)  # fmt: skip
@limits.options
@options.cluster
@options.down
@tracking.options
@news.option
@options.runs_folder
@options.as_json
def resume(
    run: str,
    *,
    cluster: str,
    down: bool,
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

    rules = limits.changes_of(given)
    told_to = tracking.changes_of(given, new=False)
    folder = find_run(runs, run)
    there = options.is_cluster_file(cluster)
    if not there:
        reach(folder)
    if not there and folder.is_owned() and is_paused(folder):
        from orchestrator.cli.steer import end_pause

        end_pause(folder, rules, as_json=as_json)
        return 0
    _refuse_elsewhere(folder, cluster)
    options.refuse_pointless(cluster, down=down)
    with news.News(notify, folder.spec().title if notify else "") as told:
        if there:
            from orchestrator.cli.remote import resume as go_on_there

            return go_on_there(
                folder,
                Path(cluster),
                rules=rules,
                as_json=as_json,
                down=down,
                news=told,
                tracking=told_to,
            )
        return drive(
            lambda watch, inbox: go_on(
                folder,
                watch=watch,
                inbox=inbox,
                tracking=told_to,
                cluster=cluster,
                **rules,
            ),
            as_json=as_json,
            latest=False,
            elsewhere=bool(cluster),
            news=told,
        )


def _refuse_elsewhere(folder: RunFolder, cluster: str) -> None:
    """A run that lives on a cluster goes on there, unless it has come home.

    Raises:
        UsageError: it may be running there.
    """
    from orchestrator.runs.whereabouts import FILE, read_whereabouts
    from searchspaces.errors import UsageError

    where = read_whereabouts(folder.path)
    if where is None or options.is_cluster_file(cluster):
        return
    if not where.home:
        raise UsageError(
            f"run {folder.id} lives on cluster {where.name}. Follow it: orch attach {folder.suffix}"
            f"; if that cluster is gone: orch resume {folder.suffix} --cluster FILE, or delete "
            f"{folder.path / FILE} to go on here with what has come."
        )
    (folder.path / FILE).unlink()
