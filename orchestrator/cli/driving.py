"""Run or resume a sweep in front of a person: view, signals, closing lines, exit code."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from orchestrator.cli.signals import SignalInbox, stop_by
from orchestrator.cli.view.choose import View, columns, view_of
from orchestrator.cli.view.closing import closing
from orchestrator.cli.view.document import document
from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.outline import outline_of
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.records import Record
from orchestrator.engine.trial import State
from orchestrator.result import Result
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec
from orchestrator.sweep import Watch

if TYPE_CHECKING:
    from orchestrator.cli.news import News
    from orchestrator.preflight import CheckReport
    from searchspaces import DataFacts

NOTHING_COMPLETED = 3
Start = Callable[[Watch, Inbox], Result]


def drive(
    start: Start,
    *,
    as_json: bool,
    latest: bool,
    elsewhere: bool = False,
    checked: CheckReport | None = None,
    news: News | None = None,
    facts: Callable[[], DataFacts | None] = lambda: None,
) -> int:
    """Run a sweep and show it.

    Args:
        start: starts or resumes it, with that observer and that inbox.
        as_json: print one JSON document at the end and nothing else on stdout.
        latest: commands that name no run mean this one.
        elsewhere: it runs on a cluster.
        checked: what a check found before.
        news: told how it ended.
        facts: of the data, asked for once they are loaded; a resumed run's journal has them.

    Returns:
        the exit code: 0, 3 without a completed trial, 130 or 143 after a signal.

    Raises:
        OrchError: it cannot start or go on.
    """
    with SignalInbox() as inbox:
        watcher = _Watcher(
            inbox, as_json=as_json, elsewhere=elsewhere, checked=checked, facts=facts
        )
        try:
            result: Result | None = start(watcher.watch, inbox)
            stopped = result.stopped if result else None
        except SystemExit as error:
            # Ray's own handler of SIGTERM, before ours was back in place.
            if error.code != signal.SIGTERM or watcher.view is None:
                raise
            result, stopped = None, stop_by(signal.SIGTERM)
        finally:
            watcher.close()
            if news is not None and watcher.view is not None:
                news.outline = watcher.view.progress.outline
        view = watcher.view
        if view is None:
            raise RuntimeError("a sweep came back that nobody watched")
        width = columns(sys.stdout)
        lines = closing(
            view.progress, stopped, width=width, now=time.monotonic(), latest=latest,
            told=watcher.told(),
        )  # fmt: skip
        if news is not None:
            news.ended(stopped, lines)
        if as_json:
            path = str(result.run.path) if result else view.progress.outline.path
            said = document(view.progress, stopped, path=path, now=time.monotonic())
            click.echo(json.dumps(said, indent=2))
        else:
            if stopped is None and not view.progress.now_live:
                lines.insert(0, "nothing was left to do")
            Speaker(sys.stdout).say(lines)
        return _code(view.progress, stopped)


class _Watcher:
    """Makes the view once the run has a folder, and keeps the signals."""

    def __init__(
        self,
        inbox: SignalInbox,
        *,
        as_json: bool,
        elsewhere: bool,
        checked: CheckReport | None = None,
        facts: Callable[[], DataFacts | None],
    ) -> None:
        self._elsewhere = elsewhere
        self._inbox = inbox
        self._as_json = as_json
        self._checked = checked
        self._facts = facts
        self.view: View | None = None
        self._run: tuple[RunFolder, SweepSpec] | None = None

    def watch(self, folder: RunFolder, spec: SweepSpec) -> _Watcher:
        self._run = (folder, spec)
        self._inbox.attach(folder.inbox)
        outline = outline_of(spec, folder, elsewhere=self._elsewhere, facts=self._facts())
        if self._checked is not None:
            from orchestrator.cli.view.checked import in_short

            seconds, most = self._checked.sweep_seconds, spec.max_time
            estimate = seconds if seconds is None or most is None else min(seconds, most)
            outline = replace(outline, check=in_short(self._checked), estimate=estimate)
        self.view = view_of(
            outline,
            as_json=self._as_json,
            stopping=lambda: bool(self._inbox.caught),
        )
        return self

    def note(self, record: Record) -> None:
        if self.view is not None:
            self.view.note(record)

    def tick(self) -> None:
        self._inbox.hold()
        if self.view is not None:
            self.view.tick()

    def close(self) -> None:
        if self.view is not None:
            self.view.close()

    def told(self) -> list[tuple[str, list[str]]]:
        """Where else the run is to be seen."""
        if self._run is None or not self._run[1].tracking.on:
            return []
        from orchestrator.cli.tracking import closing_items

        folder, spec = self._run
        return closing_items(folder, spec.tracking)


def _code(progress: Progress, stopped: StopRun | None) -> int:
    if stopped is not None:
        return 128 + stopped.signal if stopped.signal else 0
    return 0 if progress.counts[State.COMPLETED] else NOTHING_COMPLETED
