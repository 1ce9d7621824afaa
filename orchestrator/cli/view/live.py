"""The live table on a terminal, painted a few times a second at most."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.text import Text

from orchestrator.cli.view.encoding import Encoding, mute
from orchestrator.cli.view.machine import Machine
from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.suspending import Suspending
from orchestrator.cli.view.table import standing, table
from orchestrator.cli.view.trials import Note
from orchestrator.cli.view.unblocked import Unblocked
from orchestrator.cli.view.words import LABEL
from orchestrator.engine.records import Record

START_SECONDS = 0.25
"""Between two paintings while the workers start."""
_LABELS = frozenset({
    "plan", "check", "split", "stops", "care", "space", "epochs", "trials", "best", "now", "done",
    "more", "busy", "failed", "note", "keys", "work", "run", "next",
})  # fmt: skip


class LiveView:
    """An observer that keeps a table up to date at the bottom of a terminal.

    Until the first tick, while workers start and earlier records are told, a thread paints.
    A terminal that is closed ends the painting and nothing else; one that takes nothing for a
    while has to wait, and nobody waits for it.

    Args:
        outline: of the run.
        console: of the terminal.
        stopping: whether somebody has asked for the end.
        clock: seconds that only grow.
        progress: where the run stands, if something is known of it already.
        footer: a last line.

    Attributes:
        progress: where the run stands.
        lost: the terminal is gone.
    """

    def __init__(
        self,
        outline: Outline,
        console: Console,
        stopping: Callable[[], bool] = bool,
        clock: Callable[[], float] = monotonic,
        *,
        progress: Progress | None = None,
        footer: str = "",
    ) -> None:
        self._console = console
        self._stopping = stopping
        self._clock = clock
        self._footer = footer
        self._encoding = Encoding(console.file)
        self._machine = Machine(clock)
        self.progress = progress or Progress(outline, began=clock())
        self.lost = False
        self._size = console.size
        self._painted = ""
        self._suspending = Suspending()
        self._live = self._table()
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._starter = threading.Thread(target=self._paint_start, daemon=True)
        with self._terminal():
            self._live.start(refresh=True)
        self._starter.start()

    def remark(self, text: str) -> None:
        """Show for a while what happened."""
        self.progress.notes.append(Note(self._clock(), text))

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
        if self._suspending.asked:
            self._suspend()
        self._paint()

    def close(self) -> None:
        """Leave what stays true, the plan and the rungs, and give the terminal back."""
        if not self._live.is_started:
            return
        self._end_start()
        self._suspending.close()
        self._live.transient = True
        with self._terminal():
            self._live.stop()
            lines = standing(self.progress, self._console.width)
            self._console.print(self._styled([*lines, ""]))
            if isinstance(self._console.file, Unblocked):
                self._console.file.finish()

    @contextmanager
    def _terminal(self) -> Iterator[None]:
        """A block that writes to the terminal, which may have been closed meanwhile."""
        try:
            yield
        except OSError:
            self.lost = True
            mute(self._console.file)

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
        if self.lost:
            return
        with self._terminal():
            if isinstance(self._console.file, Unblocked) and self._console.file.waiting:
                return
            size = self._console.size
            if size != self._size:
                # The terminal has folded the old table, or brought back what was above it.
                self._console.control(Control.clear(), Control.home())
                self._size, self._painted = size, ""
            frame = self._frame()
            if frame.plain != self._painted:
                self._painted = frame.plain
                self._live.update(frame, refresh=True)

    def _suspend(self) -> None:
        """Leave the table as it is, and begin another one below when the process goes on."""
        with self._terminal():
            self._live.stop()
        self._suspending.suspend()
        self._live = self._table()
        with self._terminal():
            self._live.start(refresh=True)

    def _table(self) -> Live:
        return Live(
            self._frame(), console=self._console, auto_refresh=False, vertical_overflow="crop"
        )

    def _frame(self) -> Text:
        width, height = self._console.size
        here = self.progress.opened is None or self.progress.opened.host == platform.node()
        return self._styled(
            table(
                self.progress,
                width=width,
                height=height,
                now=self._clock(),
                stopping=self._stopping(),
                machine=self._machine.line() if here else "",
                footer=self._footer,
            )
        )

    def _styled(self, lines: list[str]) -> Text:
        return styled([self._encoding.fit(line) for line in lines])


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
