"""Which view fits where the output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, Protocol, TextIO, cast

from orchestrator.cli.view.encoding import Speaker
from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.plain import PlainView
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.records import Record


class View(Protocol):
    """An observer of a run that shows it.

    Attributes:
        progress: where the run stands.
        lost: nobody can see it any more.
    """

    progress: Progress
    lost: bool

    def note(self, record: Record) -> None:
        """A record is in the journal."""

    def remark(self, text: str) -> None:
        """Something happened that no record tells."""

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
        self.lost = False

    def note(self, record: Record) -> None:
        """Count it."""
        self.progress.note(record)

    def remark(self, text: str) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """The past is told."""
        from time import monotonic

        self.progress.go_live(monotonic())

    def close(self) -> None:
        """Nothing has to be put back."""


def view_of(
    outline: Outline,
    *,
    as_json: bool = False,
    stopping: Callable[[], bool] = bool,
    progress: Progress | None = None,
    footer: str = "",
) -> View:
    """A live table on a terminal, plain lines elsewhere; stdout is left alone for JSON.

    Args:
        outline: of the run.
        as_json: stdout is for one JSON document.
        stopping: whether somebody has asked for the end.
        progress: where the run stands, if something is known of it already.
        footer: last line of the table.
    """
    stream = sys.stderr if as_json else sys.stdout
    if is_terminal(stream):
        from rich.console import Console

        from orchestrator.cli.view.live import LiveView
        from orchestrator.cli.view.unblocked import Unblocked

        console = Console(file=cast("IO[str]", Unblocked(stream)), highlight=False)
        return LiveView(outline, console, stopping, progress=progress, footer=footer)
    if as_json:
        return SilentView(outline)
    return PlainView(outline, Speaker(stream), stopping, progress=progress)


def is_terminal(stream: TextIO) -> bool:
    """Whether a table can be kept up to date there.

    A CI keeps what is printed as a log, also where it gives a terminal. TTY_INTERACTIVE says
    what is wanted (1 or 0) where this guess is wrong.
    """
    if not stream.isatty() or os.environ.get("TERM", "").lower() in {"dumb", "unknown"}:
        return False
    wanted = os.environ.get("TTY_INTERACTIVE", "")
    if wanted in {"0", "1"}:
        return wanted == "1"
    return os.environ.get("CI", "").lower() in {"", "0", "false"}


def columns(stream: TextIO) -> int:
    """Columns of the terminal, 80 where there is none."""
    if not stream.isatty():
        return 80
    import shutil

    return max(40, shutil.get_terminal_size().columns)
