"""``orch watch``: the live table of a run, from any shell that sees its folder."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.reaching import reach

if TYPE_CHECKING:
    from orchestrator.cli.onlooker import Onlooker
    from orchestrator.cli.view.closing import Told

LOOK_SECONDS = 0.5
"""Between two looks at the journal."""
FOOTER = "Ctrl-C ends this view; the sweep goes on"


@click.command()
@options.run_argument
@click.option("--once", is_flag=True, help="Print where the run stands now, and end.")
@options.runs_folder
@options.as_json
def watch(run: str, *, once: bool, runs: Path, as_json: bool) -> int:
    """Watch a run from another shell, while it runs.

    RUN is any unique part of its id, or its path; the latest run by default. Ends when the
    run does. Ctrl-C ends the watching and never the run. --json prints where it stands now.
    """
    from orchestrator.cli.onlooker import Onlooker
    from orchestrator.cli.view.outline import DEFAULT_RUNS
    from orchestrator.runs.folder import find_run

    folder = find_run(runs, run)
    onlooker = Onlooker(folder, nobody=reach(folder))
    onlooker.catch_up()
    latest = not run and runs.resolve() == Path(DEFAULT_RUNS).resolve()
    if as_json:
        click.echo(json.dumps(onlooker.document(), indent=2))
        return 0
    if onlooker.over() or once:
        _say(_standing(onlooker, latest=latest))
        return 0
    return _follow(onlooker, latest=latest)


def _follow(onlooker: Onlooker, *, latest: bool) -> int:
    """Show the run until it ends or nobody looks any more; the exit code."""
    from orchestrator.cli.view.choose import view_of

    with Signals() as signals:
        view = view_of(onlooker.progress.outline, progress=onlooker.progress, footer=FOOTER)
        try:
            view.tick()
            while not (signals.caught or view.lost or onlooker.over()):
                time.sleep(LOOK_SECONDS)
                for record in onlooker.news():
                    view.note(record)
                view.tick()
        finally:
            view.close()
    if view.lost:
        return 128 + signal.SIGPIPE
    if signals.caught:
        _say(_left(onlooker))
        return 128 + signals.caught
    _say(ending(onlooker, latest=latest))
    return 0


class Signals:
    """Notes that somebody wants the end, so that nothing is torn in the middle of a line."""

    def __init__(self) -> None:
        self.caught = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        for number in [getattr(signal, name) for name in names if hasattr(signal, name)]:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.caught = self.caught or number


def _width() -> int:
    from orchestrator.cli.view.choose import columns

    return columns(sys.stdout)


def _say(lines: list[str]) -> None:
    from orchestrator.cli.view.encoding import Speaker

    Speaker(sys.stdout).say(lines)


def _standing(onlooker: Onlooker, *, latest: bool) -> list[str]:
    """Where the run stands now, on as many lines as it takes."""
    from orchestrator.cli.view.table import standing, table

    progress, width = onlooker.progress, _width()
    if onlooker.over():
        return [*standing(progress, width), "", *ending(onlooker, latest=latest)]
    return table(progress, width=width, height=10_000, now=time.monotonic())


def ending(onlooker: Onlooker, *, latest: bool, told: Told = ()) -> list[str]:
    """The lines that stay when the run's process has let it go."""
    from orchestrator.cli.prospects import enough
    from orchestrator.cli.view.closing import closing
    from orchestrator.cli.view.table import best_lines
    from orchestrator.cli.view.words import block

    progress, width = onlooker.progress, _width()
    if progress.opened is None:
        return ["it has not begun, and no process runs it",
                *block("next", [progress.outline.resume])]  # fmt: skip
    lines = closing(
        progress, onlooker.stopped, width=width, now=time.monotonic(), latest=latest, told=told
    )
    stopped = onlooker.stopped
    if stopped is None or progress.best is None or enough(stopped.limit):
        return lines  # which have the best trial
    return [*best_lines(progress, width, sparks=False), *lines]


def _left(onlooker: Onlooker) -> list[str]:
    """The lines that stay when the watching was ended."""
    from orchestrator.cli.view.words import LABEL, block, fold

    short = onlooker.progress.outline.short
    commands = [f"orch watch {short}", f"orch show {short}"]
    return ["the sweep goes on", *block("next", fold(commands, _width() - LABEL, gap="    "))]
