"""A far run followed in a thread: its folder here grows, and a lost connection comes back."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from orchestrator.cluster.link import ConnectionLost, waits
from orchestrator.cluster.mirror import Mirror
from searchspaces.errors import OrchError, raised

WAIT_SECONDS = 1.0
"""For something new, at most; the end of the block waits as long."""
GONE_SECONDS = 20.0
"""Without a connection for so long, ask whether the other end is gone; then again as often."""
PATIENCE_SECONDS = 600.0
"""Without a connection for so long, give up although nobody can tell."""


class Following:
    """Keeps a mirror up to date for the time of a ``with`` block.

    Args:
        mirror: of the run; this owns it.
        gone: says what ends the following once the other end is gone; None if it may come back.

    Attributes:
        said: what a person should hear, in the order in which it happened; taken by whoever
            says it.
        error: what ended the following; None while it lasts.
        alive: whether a process has the run there, as far as was heard.
        heard: when anything was heard last, by the monotonic clock; 0 before that.
    """

    def __init__(self, mirror: Mirror, gone: Callable[[], OrchError | None] = lambda: None) -> None:
        self._mirror = mirror
        self._gone = gone
        self._ended = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orch following", daemon=True)
        self.said: deque[str] = deque()
        self.error: OrchError | None = None
        self.alive = False
        self.heard = 0.0

    def __enter__(self) -> Self:
        """Begin, and wait until the connection has been made once.

        Raises:
            OrchError: it cannot be.
        """
        self._thread.start()
        self._begun.wait()
        if self.error is not None:
            self._thread.join()
            raise self.error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the run go; it goes on there."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._mirror:
                self._follow()
        except OrchError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  # a thread that ends must not end unheard
            self.error = OrchError(f"the run cannot be followed any more: {raised(error)}")
        finally:
            self._begun.set()

    def _follow(self) -> None:
        lost, pauses, ask = 0.0, waits(), 0.0
        while not self._ended.is_set():
            wait = 0.0 if lost or not self.heard else WAIT_SECONDS
            try:
                news = self._mirror.sync(wait)
            except ConnectionLost as error:
                if not self.heard:
                    raise
                if not lost:
                    lost = time.monotonic()
                    ask = lost + GONE_SECONDS
                    self.said.append(f"{error}")
                now = time.monotonic()
                if now > ask and not self._ended.is_set():
                    if (reason := self._gone()) is not None:
                        raise reason from error
                    ask = time.monotonic() + GONE_SECONDS
                if now > lost + PATIENCE_SECONDS:
                    raise
                self._ended.wait(min(next(pauses), max(0.5, ask - now)))
                continue
            if lost:
                self.said.append(f"connected again after {time.monotonic() - lost:.0f} s")
                lost, pauses = 0.0, waits()
            self.alive, self.heard = news.alive, time.monotonic()
            self._begun.set()
