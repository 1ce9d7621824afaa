"""Following a run's journal for a sink, until the process that runs the sweep is gone."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from orchestrator.engine.follow import Follower
from orchestrator.runs.folder import RunFolder
from orchestrator.tracking.feed import Feed, SinkFailed, SinkGone
from orchestrator.tracking.figures import draw
from orchestrator.tracking.settings import tracking_from
from orchestrator.tracking.sink import Sink, TrackedRun
from orchestrator.tracking.sinks import Maker, sinks_of
from orchestrator.tracking.status import Status
from searchspaces.errors import OrchError

LOCK = "tracking.lock"
POLL_SECONDS = 0.25
STUCK_SECONDS = 600.0
"""Of a sink that takes nothing; then the process ends without it."""
MOST_STARTS = 20
"""In an hour; a sink that is lost more often is given up."""
KEEPS_FIGURES = frozenset({"wandb", "mlflow"})
_log = logging.getLogger(__name__)


@contextmanager
def alone(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Be the only process that tells of a run; wait for another to end.

    Args:
        path: of the run's folder.
        waiting: called where there is one to wait for.
    """
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        lock.release()


def tell(path: Path, tracking: Any, gone: threading.Event, *, afterwards: bool = False) -> bool:
    """Tell of the run in a folder, from its first record on.

    Args:
        path: of the run's folder.
        tracking: what is asked for, in plain values.
        gone: set once nobody writes to the journal any more.
        afterwards: see :func:`orchestrator.tracking.sinks.sinks_of`.

    Returns:
        whether every sink has everything.
    """
    folder = RunFolder(path)
    spec = folder.spec().model_copy(update={"tracking": tracking_from(tracking)})
    command = str(folder.provenance().get("command", ""))
    return tell_all(TrackedRun(folder, spec, command), gone, afterwards=afterwards)


def tell_all(run: TrackedRun, gone: threading.Event, *, afterwards: bool = False) -> bool:
    """Tell every sink that the run's spec asks for; return when all have everything.

    Args:
        run: the run.
        gone: set once nobody writes to the journal any more.
        afterwards: see :func:`orchestrator.tracking.sinks.sinks_of`.

    Returns:
        whether all have everything.
    """
    status = Status(run.folder.path)
    makers = sinks_of(run, afterwards=afterwards)
    tellers = [_Teller(run, name, make, gone, status) for name, make in makers.items()]
    for teller in tellers:
        teller.start()
    while any(teller.is_alive() for teller in tellers):
        time.sleep(0.05)
        if gone.is_set() and time.monotonic() - status.beat > STUCK_SECONDS:
            stuck = ", ".join(teller.name for teller in tellers if teller.is_alive())
            _log.warning("%s: has taken nothing for %d s; given up", stuck, STUCK_SECONDS)
            return False
    return all(teller.whole for teller in tellers)


class _Teller(threading.Thread):
    """Tells one sink, at its own pace."""

    def __init__(
        self, run: TrackedRun, name: str, make: Maker, gone: threading.Event, status: Status
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._run = run
        self._make = make
        self._gone = gone
        self._status = status
        self.whole = False

    def run(self) -> None:
        try:
            self._go()
        except SinkFailed as error:
            self._fail(str(error))
        except OrchError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001  # the other sinks are told on
            _log.exception("%s", self.name)
            self._fail(f"{type(error).__name__}: {error}")

    def _go(self) -> None:
        lost: deque[float] = deque(maxlen=MOST_STARTS)
        while True:
            try:
                self._follow()
            except SinkGone as error:
                lost.append(time.monotonic())
                if len(lost) == MOST_STARTS and lost[-1] - lost[0] < 3600:
                    raise SinkFailed(f"begun anew {MOST_STARTS} times in an hour") from error
                _log.warning("%s: begun anew (%s)", self.name, error.__cause__ or "it was lost")
            else:
                return

    def _follow(self) -> None:
        sink = self._make()
        feed = Feed(self._run, sink, lambda line: _log.warning("%s: %s", self.name, line))
        follower = Follower(self._run.folder.journal)
        self._note(sink, feed)
        while True:
            last = self._gone.is_set()  # asked first: what was written before is read below
            for entry in follower.news():
                feed.note(entry.record)
                self._status.alive()
            if last:
                break
            feed.tick()
            self._note(sink, feed)
            self._gone.wait(POLL_SECONDS)
        if self.name in KEEPS_FIGURES and feed.ending().finished:
            draw(self._run.folder)
        feed.close()
        self.whole = True
        self._note(sink, feed, done=True)
        _log.info("%s: has all of %d trials, %d epochs", self.name, feed.told, feed.epochs)

    def _note(self, sink: Sink, feed: Feed, *, done: bool = False) -> None:
        standing = getattr(sink, "standing", {})
        self._status.note(self.name, **standing, trials=feed.told, epochs=feed.epochs, done=done)

    def _fail(self, why: str) -> None:
        _log.warning("%s: %s. It is told of nothing more; later: orch sync", self.name, why)
        self._status.note(self.name, trouble=why, done=True)
