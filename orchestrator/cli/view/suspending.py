"""Ctrl-Z, held back until the terminal has its cursor again."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

_STOP = getattr(signal, "SIGTSTP", None)


class Suspending:
    """Notes that the process is to be suspended; whoever paints does it between two paintings.

    Attributes:
        asked: somebody has pressed Ctrl-Z.
    """

    def __init__(self) -> None:
        self.asked = False
        mine = threading.current_thread() is threading.main_thread()
        self._held = bool(mine and _STOP and signal.getsignal(_STOP) is signal.SIG_DFL)
        self._hold()

    def suspend(self) -> None:
        """Stop this process until it is told to go on; from the main thread."""
        self.asked = False
        if _STOP:
            # The system's own way: it stops nothing that no shell could bring back.
            signal.signal(_STOP, signal.SIG_DFL)
            os.kill(os.getpid(), _STOP)
            self._hold()

    def close(self) -> None:
        """Give the signal back."""
        if self._held and _STOP:
            signal.signal(_STOP, signal.SIG_DFL)

    def _hold(self) -> None:
        if self._held and _STOP:
            signal.signal(_STOP, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
