"""A sweep on a cluster, in front of a person: brought there, followed, fetched."""

from __future__ import annotations

import json
import shlex
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from orchestrator.cli.onlooker import Onlooker
from orchestrator.cli.view.choose import columns, view_of
from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.words import LABEL, block, plural, wrap
from orchestrator.cli.watch import Signals, ending
from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.following import Following
from orchestrator.cluster.remote import Remote, Tell, remote_of
from orchestrator.engine.trial import State
from orchestrator.runs.errors import RunBusyError
from orchestrator.runs.whereabouts import Whereabouts, read_whereabouts, write_whereabouts
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.runs.folder import RunFolder
    from orchestrator.spec import SweepSpec
    from orchestrator.sweep import Sweep

LOOK_SECONDS = 0.25
"""Between two looks at the journal here."""
JOB_SECONDS = 5.0
"""Between two questions after the job, while no process has the run."""
CLOSING_SECONDS = 60.0
"""For the job to end when its run has."""
NOTHING_COMPLETED = 3
FOOTER = "Ctrl-C detaches; the sweep goes on"


def begin(made: Sweep, file: Path, *, runs: Path, as_json: bool, down: bool) -> int:
    """Run a new sweep on the cluster of a file; the exit code.

    Raises:
        OrchError: something is wrong with the file, the cluster or the sweep.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.runs.folder import RunFolder
    from orchestrator.sweep import provenance

    there = Remote(read_cluster(file), teller(as_json=as_json))
    there.check()
    there.up()
    folder = RunFolder.create(runs, made.spec, provenance())
    return _run_there(there, folder, made.spec, as_json=as_json, down=down)


def resume(
    folder: RunFolder, file: Path, *, max_time: float | None, as_json: bool, down: bool
) -> int:
    """Go on with a run on the cluster of a file, wherever it ran before; the exit code.

    Raises:
        OrchError: as :func:`begin`.
    """
    from orchestrator.cluster.file import read_cluster

    there = Remote(read_cluster(file), teller(as_json=as_json))
    there.check()
    there.up()
    return _run_there(there, folder, folder.spec(), as_json=as_json, down=down, max_time=max_time)


def teller(*, as_json: bool) -> Tell:
    """What prints a step; on stderr where stdout is for JSON."""
    stream = sys.stderr if as_json else sys.stdout

    def tell(step: str, said: str) -> None:
        Speaker(stream).say(block(step, wrap(said, columns(stream) - LABEL)))

    return tell


def _run_there(
    there: Remote,
    folder: RunFolder,
    spec: SweepSpec,
    *,
    as_json: bool,
    down: bool,
    max_time: float | None = None,
) -> int:
    """Have a run go on a cluster that is up, and follow it; the exit code."""
    there.begin(folder, spec, max_time=max_time)
    where = read_whereabouts(folder.path)
    if where is None:
        raise RuntimeError("a run that was submitted has its whereabouts")
    return follow(there, folder, where, as_json=as_json, down=down)


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
        try:
            view.tick()
            ended = _Ended(there, where, following)
            while not (signals.caught or view.lost or onlooker.over() or ended()):
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
        if not as_json:
            _say(_detached(there, folder))
        return 128 + signals.caught if signals.caught else 0
    if not onlooker.over():
        onlooker.give_up()
    _fetch(there, folder, where, onlooker, ended.said)
    if as_json:
        _print_json(onlooker)
    else:
        _say(ending(onlooker, latest=False))
    if down:
        _down(there)
    elif not as_json:
        _say(_still_up(there))
    return 0 if onlooker.progress.counts[State.COMPLETED] else NOTHING_COMPLETED


def attach(folder: RunFolder, *, as_json: bool, down: bool) -> int:
    """Follow a run again that lives on a cluster; the exit code.

    Raises:
        UsageError: it lives here.
    """
    where = _where(folder)
    there = remote_of(where, teller(as_json=as_json))
    return follow(there, folder, where, as_json=as_json, down=down)


@contextmanager
def reached(folder: RunFolder) -> Iterator[None]:
    """For the time of the block, letters in the folder of a far run go there.

    Nothing happens for a run that lives here, or that another process follows.
    """
    where = read_whereabouts(folder.path)
    if where is None or where.home or _is_followed(folder):
        yield
        return
    there = remote_of(where, lambda *_: None)
    with Following(there.mirror(folder, where)):
        yield


def _is_followed(folder: RunFolder) -> bool:
    try:
        with folder.owned(follows=True):
            return False
    except RunBusyError:
        return True


class _Ended:
    """Whether a run has ended without a word: its process was killed, or could not begin.

    Attributes:
        said: the last line of its job.
    """

    def __init__(self, there: Remote, where: Whereabouts, following: Following) -> None:
        self._there = there
        self._where = where
        self._following = following
        self._next = time.monotonic() + JOB_SECONDS
        self.said = ""

    def __call__(self) -> bool:
        if self._following.error is not None:
            return True
        now = time.monotonic()
        if self._following.alive or now < self._next:
            return False
        self._next = now + JOB_SECONDS
        try:
            job = self._there.job(self._where)
        except ClusterError:  # the following tells of a lost connection, and mends it
            return False
        self.said = job.said
        return job.over


def _fetch(
    there: Remote, folder: RunFolder, where: Whereabouts, onlooker: Onlooker, said: str
) -> None:
    """Bring everything home once the job has ended, and say so in the folder.

    Raises:
        ClusterError: the job ended before it began.
    """
    until = time.monotonic() + CLOSING_SECONDS
    while not (job := there.job(where)).over and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    if onlooker.progress.opened is None:
        why = job.said or said or f"job {where.job} has ended without a word"
        raise ClusterError(f"the sweep did not begin on cluster {where.name}: {why}")
    with there.mirror(folder, where) as mirror:
        home = mirror.finish()
    write_whereabouts(folder.path, replace(where, home=True))
    there.tell("fetch", f"{home.files:,} files, {home.size / 1e6:,.1f} MB, verified")


def _down(there: Remote) -> None:
    from orchestrator.cluster import launch

    # A host that does not answer is told too; the run is home whatever became of it.
    launch.down(there.file, lambda said: there.tell("down", said))


def _where(folder: RunFolder) -> Whereabouts:
    where = read_whereabouts(folder.path)
    if where is None:
        raise UsageError(f"run {folder.id} runs here, on no cluster. See: orch watch {folder.id}")
    return where


def _still_up(there: Remote) -> list[str]:
    """What still costs, and how to end it."""
    from orchestrator.cluster import launch
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
    short = folder.suffix
    return [
        f"detached; the sweep goes on on cluster {there.file.name}",
        *block("next", [f"orch attach {short}    orch stop {short}"]),
    ]


def _print_json(onlooker: Onlooker) -> None:
    from orchestrator.cli.view.document import present

    stopped = onlooker.stopped
    document = present(
        onlooker.progress,
        onlooker.state,
        stopped=stopped.reason if stopped else None,
        path=str(onlooker.run.path),
        now=time.monotonic(),
    )
    click.echo(json.dumps(document, indent=2))


def _say(lines: list[str]) -> None:
    Speaker(sys.stdout).say(lines)
