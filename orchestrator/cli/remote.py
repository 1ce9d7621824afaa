"""A sweep on a cluster, in front of a person: brought there, followed, fetched."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.failures import say as warn
from orchestrator.cli.forecast import forecast
from orchestrator.cli.onlooker import Onlooker
from orchestrator.cli.remote_end import Ended, end_cluster, fetch, say, say_lost, still_up, told
from orchestrator.cli.view.choose import columns, view_of
from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.outline import short_name
from orchestrator.cli.view.words import LABEL, block, wrap
from orchestrator.cli.watch import Signals, ending
from orchestrator.cluster import launch
from orchestrator.cluster.following import Following
from orchestrator.cluster.link import ConnectionLost
from orchestrator.cluster.lost import HeadLostError, lost, refuse_running
from orchestrator.cluster.remote import Remote, Tell, remote_of
from orchestrator.engine.trial import State
from orchestrator.runs.whereabouts import Whereabouts, read_whereabouts
from searchspaces.errors import OrchError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orchestrator.cli.news import News
    from orchestrator.cluster.launch import Up
    from orchestrator.preflight import CheckReport
    from orchestrator.runs.folder import RunFolder
    from orchestrator.spec import SweepSpec
    from orchestrator.sweep import Sweep

LOOK_SECONDS = 0.25
"""Between two looks at the journal here."""
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
    news: News,
) -> int:
    """Run a new sweep on the cluster of a file; the exit code.

    Raises:
        OrchError: something is wrong with the file, the cluster or the sweep.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.sweep import new_run

    there = Remote(read_cluster(file), teller(as_json=as_json))
    prepared = there.prepare(made.spec, notify=news.urls)
    there.check()

    planned = _tell_plan(there, launch.found(there.file), made.spec, report)
    with _costs_told(there):
        now = there.up()
        if not planned:
            _tell_plan(there, now, made.spec, report)
        folder = new_run(made.spec, runs, made.data if made.spec.warm_start else None)
        with folder.owned(follows=True):
            where = there.begin(folder, prepared)
        news.told_elsewhere()
        return follow(there, folder, where, as_json=as_json, down=down)


def resume(
    folder: RunFolder,
    file: Path,
    *,
    rules: dict[str, Any],
    as_json: bool,
    down: bool,
    news: News,
    tracking: Mapping[str, Any],
) -> int:
    """Go on with a run on the cluster of a file, wherever it ran before; the exit code.

    Raises:
        OrchError: as :func:`begin`; or it is running somewhere.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.rules import changes, refuse_reached

    there = Remote(read_cluster(file), teller(as_json=as_json))
    with folder.owned(follows=True):  # nobody runs it here, and nobody follows it
        spec = folder.spec()
        refuse_reached(folder, changes(spec, rules))  # before a machine is started for nothing
        prepared = there.prepare(spec, tracking=tracking, notify=news.urls)
    refuse_running(folder, there.tell)
    there.check()

    with _costs_told(there):
        there.up()
        with folder.owned(follows=True):
            where = there.begin(folder, prepared, rules=rules)
        news.told_elsewhere()
        return follow(there, folder, where, as_json=as_json, down=down, tracking=tracking)


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
    except HeadLostError:
        raise
    except BaseException:
        with suppress(OrchError, KeyboardInterrupt):
            for line in still_up(there):
                warn(line)
        raise


def teller(*, as_json: bool) -> Tell:
    """What prints a step; on stderr where stdout is for JSON."""
    stream = sys.stderr if as_json else sys.stdout

    def tell(step: str, said: str) -> None:
        Speaker(stream).say(block(step, wrap(said, columns(stream) - LABEL)))

    return tell


def follow(
    there: Remote,
    folder: RunFolder,
    where: Whereabouts,
    *,
    as_json: bool,
    down: bool = False,
    tracking: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Show a run of a cluster until it ends, then fetch it; the exit code.

    Args:
        there: the cluster.
        folder: of the run here.
        where: it lives.
        as_json: print one JSON document at the end and nothing else on stdout.
        down: end the cluster then.
        tracking: what was changed in where it is told about.

    Raises:
        OrchError: the cluster cannot be reached, or the run has no folder there any more.
    """

    def gone() -> HeadLostError | None:
        return lost(there, where, short_name(folder))

    with Signals() as signals, Following(there.mirror(folder, where), gone) as following:
        onlooker = Onlooker(folder, elsewhere=True)
        onlooker.catch_up()
        progress = onlooker.progress
        view = view_of(progress.outline, as_json=as_json, progress=progress, footer=FOOTER)
        ended = Ended(there, where, following)
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
        if isinstance(following.error, HeadLostError):
            say_lost(there, onlooker, as_json=as_json, down=down)
        raise following.error
    if signals.caught or view.lost:
        if as_json:
            click.echo(json.dumps(onlooker.document(), indent=2))
        else:
            say(_detached(there, folder))
        return 128 + signals.caught if signals.caught else 0
    try:
        fetch(there, folder, where, ended.said, gone)
    finally:
        if down:
            end_cluster(there)
    for record in onlooker.news():
        progress.note(record)
    if not onlooker.over():
        onlooker.give_up()
    if as_json:
        click.echo(json.dumps(onlooker.document(), indent=2))
    else:
        say(ending(onlooker, latest=False, told=told(folder, tracking)))
        if not down:
            say(still_up(there))
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
    try:
        return follow(there, folder, where, as_json=as_json, down=down)
    except ConnectionLost as error:
        raise lost(there, where, short_name(folder)) or error from error


@contextmanager
def reached(folder: RunFolder) -> Iterator[Callable[[], bool] | None]:
    """For the time of the block, letters in the folder of a far run go there.

    The block gets what says whether nobody runs it there any more. For a run that lives here,
    or that another process follows, nothing happens.

    Raises:
        HeadLostError: at the end of the block, where the head got lost meanwhile.
    """
    where = read_whereabouts(folder.path)
    if where is None or where.home or folder.is_owned(follows=True):
        yield None
        return
    there = remote_of(where, lambda *_: None)

    def gone() -> HeadLostError | None:
        return lost(there, where, short_name(folder))

    with Following(there.mirror(folder, where), gone) as following:
        yield Ended(there, where, following).now
    if following.error is not None:
        raise following.error


def _where(folder: RunFolder) -> Whereabouts:
    where = read_whereabouts(folder.path)
    if where is None:
        raise UsageError(f"run {folder.id} runs here, on no cluster. See: orch watch {folder.id}")
    return where


def _detached(there: Remote, folder: RunFolder) -> list[str]:
    short = short_name(folder)
    return [
        f"detached; the sweep goes on on cluster {there.file.name}",
        *block("next", [f"orch attach {short}    orch stop {short}"]),
    ]
