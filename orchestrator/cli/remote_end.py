"""The end of a sweep on a cluster: when it is, what is fetched then, what is up still."""

from __future__ import annotations

import json
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.tracking import closing_items
from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.outline import short_name
from orchestrator.cli.view.words import block, plural
from orchestrator.cli.watch import ending
from orchestrator.cluster import launch
from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.following import Following
from orchestrator.cluster.link import ConnectionLost
from orchestrator.cluster.lost import HeadLostError
from orchestrator.cluster.remote import Remote
from orchestrator.runs.folder import SPEC
from orchestrator.runs.whereabouts import Whereabouts
from orchestrator.spec_file import read_mapping
from orchestrator.tracking.settings import changed, tracking_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.cli.onlooker import Onlooker
    from orchestrator.runs.folder import RunFolder

JOB_SECONDS = 5.0
"""Between two questions after the job, while no process has the run."""
SOON_SECONDS = 0.5
"""The same, when the run says that it has ended."""
FETCH_SECONDS = 300.0
"""For a lost connection to come back."""


class Ended:
    """Whether the job of a run has ended, and with it all that was to be written.

    That the run says so is not enough: it may be that of an earlier process, and tables and
    tracking come after.

    Attributes:
        said: the last line of the job.
    """

    def __init__(self, there: Remote, where: Whereabouts, following: Following) -> None:
        self._there = there
        self._where = where
        self._following = following
        self._next = time.monotonic() + JOB_SECONDS
        self._unknown = 0
        self.said = ""

    def __call__(self, *, soon: bool) -> bool:
        """Whether it has; asked seldom, and soon where the run says so itself."""
        if self._following.error is not None:
            return True
        now = time.monotonic()
        if soon:
            self._next = min(self._next, now + SOON_SECONDS)
        if self._following.alive or now < self._next:
            return False
        self._next = now + (SOON_SECONDS if soon else JOB_SECONDS)
        return self.now()

    def now(self) -> bool:
        """The same, asked at once."""
        if self._following.error is not None:
            return True
        if self._following.alive:
            return False
        try:
            job = self._there.job(self._where)
        except ClusterError:  # the following tells of a lost connection, and mends it
            return False
        # Ray that answers nothing once may be on its way up.
        self._unknown = 0 if job.state else self._unknown + 1
        self.said = job.said
        return job.over and self._unknown != 1


def fetch(
    there: Remote,
    folder: RunFolder,
    where: Whereabouts,
    said: str,
    gone: Callable[[], HeadLostError | None],
) -> None:
    """Bring everything home, and say so in the folder.

    Raises:
        ClusterError: the job ended before the run began, or it cannot be fetched.
    """
    try:
        home = there.bring_home(folder, where, patience=FETCH_SECONDS, gone=gone)
    except ConnectionLost as error:
        raise ClusterError(
            f"{error} Fetch the rest later: orch attach {short_name(folder)}"
        ) from error
    there.tell("fetch", f"{home.files:,} files, {home.size / 1e6:,.1f} MB, verified")
    if not folder.journal.is_dir():
        why = said or f"job {where.job} has ended without a word"
        raise ClusterError(f"the sweep did not begin on cluster {where.name}: {why}")


def say_lost(there: Remote, onlooker: Onlooker, *, as_json: bool, down: bool) -> None:
    """Where a run stands that has lost its machine, and what may still cost."""
    onlooker.catch_up()
    onlooker.give_up("the head of its cluster is lost")
    outline = onlooker.progress.outline
    onlooker.progress.outline = replace(outline, go_on=f"{outline.resume} --cluster FILE")
    if as_json:
        click.echo(json.dumps(onlooker.document(), indent=2))
    else:
        say(ending(onlooker, latest=False))
    if down:
        with suppress(ClusterError):  # that of the head is told in the end
            end_cluster(there)
    elif not as_json:
        others = f"other nodes of cluster {there.file.name} may be up still"
        path = shlex.quote(str(there.file.path))
        say(block("up", [others, f"end them with: orch cluster down {path}"]))


def end_cluster(there: Remote) -> None:
    """End a cluster of which nothing is needed any more."""
    # A host that does not answer is told too; the run is home whatever became of it.
    launch.down(there.file, lambda said: there.tell("down", said))


def still_up(there: Remote) -> list[str]:
    """What still costs, and how to end it."""
    from orchestrator.cluster.prices import estimate, running_nodes

    nodes = len(launch.status(there.file).nodes)
    if not nodes:
        return []
    kinds = running_nodes(there.file, nodes)
    costs = estimate(there.file, 3600.0, nodes=kinds) if kinds else ""
    path = shlex.quote(str(there.file.path))
    items = [f"{plural(nodes, 'node')} of cluster {there.file.name}", costs]
    return block("up", [*filter(None, items), f"end it with: orch cluster down {path}"])


def told(folder: RunFolder, changes: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Where else a run is to be seen.

    Args:
        folder: of the run.
        changes: of where it is told about, against its spec.
    """
    values, _ = read_mapping(folder.path / SPEC)
    tracking = changed(tracking_from(values.get("tracking") or {}), changes)
    return closing_items(folder, tracking) if tracking.on else []


def say(lines: list[str]) -> None:
    """Print lines for a person."""
    Speaker(sys.stdout).say(lines)
