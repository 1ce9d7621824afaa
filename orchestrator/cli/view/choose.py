"""Which view fits where the output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

import click

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.plain import PlainView
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.records import Record


class View(Protocol):
    """An observer of a run that shows it.

    Attributes:
        progress: where the run stands.
    """

    progress: Progress

    def note(self, record: Record) -> None:
        """A record is in the journal."""

    def tick(self) -> None:
        """Some time has passed."""

    def close(self) -> None:
        """The sweep is over: leave the terminal as it was."""


class SilentView:
    """Keeps count and shows nothing.

    Args:
        outline: of the run.
    """

    def __init__(self, outline: Outline) -> None:
        self.progress = Progress(outline)

    def note(self, record: Record) -> None:
        """Count it."""
        self.progress.note(record)

    def tick(self) -> None:
        """The past is told."""
        from time import monotonic

        self.progress.go_live(monotonic())

    def close(self) -> None:
        """Nothing has to be put back."""


def view_of(outline: Outline, *, as_json: bool, stopping: Callable[[], bool]) -> View:
    """A live table on a terminal, plain lines elsewhere; stdout is left alone for JSON.

    Args:
        outline: of the run.
        as_json: stdout is for one JSON document.
        stopping: whether somebody has asked for the end.
    """
    stream = sys.stderr if as_json else sys.stdout
    if is_terminal(stream):
        from rich.console import Console

        from orchestrator.cli.view.live import LiveView

        return LiveView(outline, Console(file=stream, highlight=False), stopping)
    if as_json:
        return SilentView(outline)
    return PlainView(outline, click.echo, stopping)


def is_terminal(stream: TextIO) -> bool:
    """Whether a table can be kept up to date there."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def columns(stream: TextIO) -> int:
    """Columns of the terminal, 80 where there is none."""
    if not stream.isatty():
        return 80
    import shutil

    return max(40, shutil.get_terminal_size().columns)
