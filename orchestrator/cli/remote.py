"""A sweep on a cluster, in front of a person: brought there, followed, fetched."""

from __future__ import annotations

import json
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.failures import say
from orchestrator.cli.forecast import forecast
from orchestrator.cli.onlooker import Onlooker
from orchestrator.cli.view.choose import columns, view_of
from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.outline import short_name
from orchestrator.cli.view.words import LABEL, block, plural, wrap
from orchestrator.cli.watch import Signals, ending
from orchestrator.cluster import launch
from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.following import Following
from orchestrator.cluster.link import ConnectionLost
from orchestrator.cluster.remote import Remote, Tell, remote_of
from orchestrator.engine.trial import State
from orchestrator.runs.whereabouts import Whereabouts, read_whereabouts
from searchspaces.errors import OrchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cluster.launch import Up
    from orchestrator.preflight import CheckReport
    from orchestrator.runs.folder import RunFolder
    from orchestrator.spec import SweepSpec
    from orchestrator.sweep import Sweep

LOOK_SECONDS = 0.25
"""Between two looks at the journal here."""
JOB_SECONDS = 5.0
"""Between two questions after the job, while no process has the run."""
SOON_SECONDS = 0.5
"""The same, when the run says that it has ended."""
FETCH_SECONDS = 300.0
"""For a lost connection to come back."""
NOTHING_COMPLETED = 3
FOOTER = "Ctrl-C detaches; the sweep goes on"


def begin(
    made: Sweep,
    file: Path,
    *,
    report: CheckReport | None,
    runs: Path,
    as_json: bool,
    down: bool,
) -> int:
    """Run a new sweep on the cluster of a file; the exit code.

    Raises:
        OrchError: something is wrong with the file, the cluster or the sweep.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.runs.folder import RunFolder
    from orchestrator.sweep import provenance

    there = Remote(read_cluster(file), teller(as_json=as_json))
    prepared = there.prepare(made.spec)
    there.check()

    planned = _tell_plan(there, launch.found(there.file), made.spec, report)
    with _costs_told(there):
        now = there.up()
        if not planned:
            _tell_plan(there, now, made.spec, report)
        folder = RunFolder.create(runs, made.spec, provenance())
        with folder.owned(follows=True):
            where = there.begin(folder, prepared)
        return follow(there, folder, where, as_json=as_json, down=down)


def resume(
    folder: RunFolder, file: Path, *, max_time: float | None, as_json: bool, down: bool
) -> int:
    """Go on with a run on the cluster of a file, wherever it ran before; the exit code.

    Raises:
        OrchError: as :func:`begin`; or it is running somewhere.
    """
    from orchestrator.cluster.file import read_cluster

    there = Remote(read_cluster(file), teller(as_json=as_json))
    with folder.owned(follows=True):  # nobody runs it here, and nobody follows it
        prepared = there.prepare(folder.spec())
    there.refuse_running(folder)
    there.check()

    with _costs_told(there):
        there.up()
        with folder.owned(follows=True):
            where = there.begin(folder, prepared, max_time=max_time)
        return follow(there, folder, where, as_json=as_json, down=down)


def _tell_plan(there: Remote, now: Up, spec: SweepSpec, report: CheckReport | None) -> bool:
    """Say what the sweep will take; whether that is known."""
    said = forecast(there.file, now, spec, report)
    if said:
        there.tell("expect", "; ".join(said))
    return bool(said)


@contextmanager
def _costs_told(there: Remote) -> Iterator[None]:
    """What costs money is told, whatever goes wrong once it was started."""
    try:
        yield
    except BaseException:
        with suppress(OrchError, KeyboardInterrupt):
            for line in _still_up(there):
                say(line)
        raise


def teller(*, as_json: bool) -> Tell:
    """What prints a step; on stderr where stdout is for JSON."""
    stream = sys.stderr if as_json else sys.stdout

    def tell(step: str, said: str) -> None:
        Speaker(stream).say(block(step, wrap(said, columns(stream) - LABEL)))

    return tell


def follow(
    there: Remote, folder: RunFolder, where: Whereabouts, *, as_json: bool, down: bool = False
) -> int:
    """Show a run of a cluster until it ends, then fetch it; the exit code.

    Raises:
        OrchError: the cluster cannot be reached, or the run has no folder there any more.
    """
    with Signals() as signals, Following(there.mirror(folder, where)) as following:
        onlooker = Onlooker(folder, elsewhere=True)
        onlooker.catch_up()
        progress = onlooker.progress
        view = view_of(progress.outline, as_json=as_json, progress=progress, footer=FOOTER)
        ended = _Ended(there, where, following)
        try:
            view.tick()
            while not (signals.caught or view.lost or ended(soon=progress.closed is not None)):
                time.sleep(LOOK_SECONDS)
                for record in onlooker.news():
                    view.note(record)
                while following.said:
                    view.remark(following.said.popleft())
                view.tick()
        finally:
            view.close()
    if following.error is not None:
        raise following.error
    if signals.caught or view.lost:
        if as_json:
            click.echo(json.dumps(onlooker.document(), indent=2))
        else:
            _say(_detached(there, folder))
        return 128 + signals.caught if signals.caught else 0
    try:
        _fetch(there, folder, where, ended.said)
    finally:
        if down:
            _down(there)
    for record in onlooker.news():
        progress.note(record)
    if not onlooker.over():
        onlooker.give_up()
    if as_json:
        click.echo(json.dumps(onlooker.document(), indent=2))
    else:
        _say(ending(onlooker, latest=False))
        if not down:
            _say(_still_up(there))
    return 0 if progress.counts[State.COMPLETED] else NOTHING_COMPLETED


def attach(folder: RunFolder, *, as_json: bool, down: bool) -> int:
    """Follow a run again that lives on a cluster; the exit code.

    Raises:
        UsageError: it lives here.
    """
    where = _where(folder)
    there = remote_of(where, teller(as_json=as_json))
    if where.home:
        raise UsageError(
            f"run {folder.id} has come home from cluster {where.name}. See: orch show "
            f"{short_name(folder)}"
        )
    return follow(there, folder, where, as_json=as_json, down=down)


@contextmanager
def reached(folder: RunFolder) -> Iterator[None]:
    """For the time of the block, letters in the folder of a far run go there.

    Nothing happens for a run that lives here, or that another process follows.
    """
    where = read_whereabouts(folder.path)
    if where is None or where.home or folder.is_owned(follows=True):
        yield
        return
    there = remote_of(where, lambda *_: None)
    with Following(there.mirror(folder, where)):
        yield


class _Ended:
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
        if self._following.error is not None:
            return True
        now = time.monotonic()
        if soon:
            self._next = min(self._next, now + SOON_SECONDS)
        if self._following.alive or now < self._next:
            return False
        self._next = now + (SOON_SECONDS if soon else JOB_SECONDS)
        try:
            job = self._there.job(self._where)
        except ClusterError:  # the following tells of a lost connection, and mends it
            return False
        # Ray that answers nothing once may be on its way up.
        self._unknown = 0 if job.state else self._unknown + 1
        self.said = job.said
        return job.over and self._unknown != 1


def _fetch(there: Remote, folder: RunFolder, where: Whereabouts, said: str) -> None:
    """Bring everything home, and say so in the folder.

    Raises:
        ClusterError: the job ended before the run began, or it cannot be fetched.
    """
    try:
        home = there.bring_home(folder, where, patience=FETCH_SECONDS)
    except ConnectionLost as error:
        raise ClusterError(
            f"{error} Fetch the rest later: orch attach {short_name(folder)}"
        ) from error
    there.tell("fetch", f"{home.files:,} files, {home.size / 1e6:,.1f} MB, verified")
    if not folder.journal.is_dir():
        why = said or f"job {where.job} has ended without a word"
        raise ClusterError(f"the sweep did not begin on cluster {where.name}: {why}")


def _down(there: Remote) -> None:
    # A host that does not answer is told too; the run is home whatever became of it.
    launch.down(there.file, lambda said: there.tell("down", said))


def _where(folder: RunFolder) -> Whereabouts:
    where = read_whereabouts(folder.path)
    if where is None:
        raise UsageError(f"run {folder.id} runs here, on no cluster. See: orch watch {folder.id}")
    return where


def _still_up(there: Remote) -> list[str]:
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


def _detached(there: Remote, folder: RunFolder) -> list[str]:
    short = short_name(folder)
    return [
        f"detached; the sweep goes on on cluster {there.file.name}",
        *block("next", [f"orch attach {short}    orch stop {short}"]),
    ]


def _say(lines: list[str]) -> None:
    Speaker(sys.stdout).say(lines)
