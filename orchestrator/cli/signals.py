"""Ctrl-C and SIGTERM as commands to the sweep; a second one ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from orchestrator.engine.inbox import Inbox, StopRun

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h\n"


class SignalInbox(Inbox):
    """An inbox that signals reach, for the time of a ``with`` block.

    Letters are read once :meth:`attach` has said where they lie.
    """

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))
        self._before: dict[int, Any] = {}
        self.caught = 0

    def attach(self, folder: Path) -> None:
        """Read the letters of this folder too."""
        self._folder = folder

    def __enter__(self) -> SignalInbox:
        """Take the signals over."""
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """Take the signals again if somebody else did; Ray does when it starts."""
        for number in SIGNALS:
            if signal.getsignal(number) != self._handle:
                signal.signal(number, self._handle)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.caught:
            if sys.stdout.isatty() or sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(128 + number)
        self.caught = number
        self.put(stop_by(number))


def stop_by(number: int) -> StopRun:
    """The command that a signal means."""
    name = signal.Signals(number).name
    return StopRun("stopped by you" if number == signal.SIGINT else f"stopped by {name}", number)
