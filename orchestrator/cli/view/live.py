"""The live table on a terminal, painted a few times a second at most."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.text import Text

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import data_lines, header, rungs, space_lines, table
from orchestrator.cli.view.words import LABEL
from orchestrator.engine.records import Record

START_SECONDS = 0.25
"""Between two paintings while the workers start."""
_LABELS = frozenset({
    "plan", "check", "split", "care", "space", "epochs", "trials", "best", "now", "done",
    "failed", "note", "work", "run", "next",
})  # fmt: skip


class LiveView:
    """An observer that keeps a table up to date at the bottom of a terminal.

    Until the first tick, while workers start and earlier records are told, a thread paints.

    Args:
        outline: of the run.
        console: of the terminal.
        stopping: whether somebody has asked for the end.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        outline: Outline,
        console: Console,
        stopping: Callable[[], bool] = bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._console = console
        self._stopping = stopping
        self._clock = clock
        self.progress = Progress(outline, began=clock())
        self._size = console.size
        self._painted = ""
        self._live = Live(
            self._frame(),
            console=console,
            auto_refresh=False,
            vertical_overflow="crop",
        )
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._starter = threading.Thread(target=self._paint_start, daemon=True)
        self._live.start(refresh=True)
        self._starter.start()

    def note(self, record: Record) -> None:
        """Take in a record; it is painted with the next tick."""
        if self._started.is_set():
            self.progress.note(record)
            return
        with self._lock:
            self.progress.note(record)

    def tick(self) -> None:
        """Paint what has changed."""
        if not self._started.is_set():
            self._end_start()
            self.progress.go_live(self._clock())
        self._paint()

    def close(self) -> None:
        """Leave what stays true, the plan and the rungs, and give the terminal back."""
        if not self._live.is_started:
            return
        self._end_start()
        width = self._console.width
        outline = self.progress.outline
        data = data_lines(self.progress.split, self.progress.warning, width)
        lines = [*header(outline, width), *data, *space_lines(outline, width)]
        if self.progress.epochs:
            lines += ["", *rungs(self.progress, width)]
        self._live.transient = True
        self._live.stop()
        self._console.print(styled([*lines, ""]))

    def _paint_start(self) -> None:
        while not self._started.wait(START_SECONDS):
            with self._lock:
                if not self._started.is_set():
                    self._paint()

    def _end_start(self) -> None:
        with self._lock:
            self._started.set()
        self._starter.join()

    def _paint(self) -> None:
        size = self._console.size
        if size != self._size:
            if size.width < self._size.width:
                # The terminal has folded the old table: wipe it away.
                self._console.control(Control.clear(), Control.home())
            self._size = size
        frame = self._frame()
        if frame.plain != self._painted:
            self._painted = frame.plain
            self._live.update(frame, refresh=True)

    def _frame(self) -> Text:
        width, height = self._console.size
        return styled(
            table(
                self.progress,
                width=width,
                height=height,
                now=self._clock(),
                stopping=self._stopping(),
            )
        )


def styled(lines: list[str]) -> Text:
    """Lines with quiet labels and a bold title; nothing is said by style alone."""
    text = Text(no_wrap=True, overflow="crop", end="")
    for index, line in enumerate(lines):
        word = line.partition(" ")[0]
        start = len(text)
        text.append(line + ("\n" if index + 1 < len(lines) else ""))
        if index == 0:
            text.stylize("bold", start, start + len(line.rsplit("  ", 1)[0].rstrip()))
        elif word in _LABELS or word == "bracket":
            text.stylize("red" if word == "failed" else "dim", start, start + LABEL)
    return text
