"""When which process had a run, by its records, on the clock of whoever looks.

Records carry the time of the world, the view counts by a clock that only grows. Whoever looks
is the process that runs the sweep, or an onlooker: then the present process is one of those
that the journal tells of.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from orchestrator.engine.records import Closed, Opened


@dataclass(slots=True, kw_only=True)
class Timeline:
    """Processes that had a run, and for how long.

    Attributes:
        onlooker: another process runs the sweep, if any does.
        began: when the present process took the run, by the monotonic clock.
        created: when this object was made, by the clock of the world.
        sessions: processes that had the run before the present one.
        earlier: seconds that they had it.
        now_live: the past has been told, and the workers of the present process stand.
        since: from when on the present pace counts, by the monotonic clock.
        epochs: reported, of all trials together.
        epochs_before: epochs that were reported before ``since``.
        paused: a person has paused the run.
        opened: the record of the last process that took the run.
        closed: the record with which that process let it go.
    """

    onlooker: bool = False
    began: float = field(default_factory=time.monotonic)
    created: float = field(default_factory=time.time)
    sessions: int = 0
    earlier: float = 0.0
    now_live: bool = False
    since: float = 0.0
    epochs: int = 0
    epochs_before: int = 0
    paused: bool = False
    opened: Opened | None = None
    closed: Closed | None = None
    _offset: float = 0.0
    _opened_at: float = 0.0
    _last_at: float = 0.0
    _paused_at: float = 0.0

    def __post_init__(self) -> None:
        self._offset = self.began - self.created

    def at(self, world: float) -> float:
        """A time of the world by the monotonic clock."""
        return world + self._offset

    @property
    def in_hands(self) -> bool:
        """By the records a process has the run; one that was killed could not say so."""
        return not self.onlooker or bool(self._opened_at)

    def present(self, now: float) -> float:
        """``now``, or the last record: another machine's clock may be ahead of this one's."""
        return max(now, self.at(self._last_at)) if self.onlooker else now

    def elapsed(self, now: float) -> float:
        """Seconds that the run has taken so far, in all processes."""
        if not self.in_hands or (self.closed is not None and not self.now_live):
            return self.earlier
        return self.earlier + self.present(now) - self.began

    def go_live(self, now: float) -> None:
        """The past is told; what comes from here on happens in this process."""
        if self.now_live or self.onlooker:
            return
        self._end_session(self._last_at)
        self._begin_pace(now)

    def let_go(self) -> None:
        """No process has the run any more, though none said so: it was killed."""
        self._end_session(self._last_at)
        self.now_live = False

    def _begin_pace(self, now: float) -> None:
        """Workers stand, or there are more or fewer of them."""
        self.now_live = True
        self.since, self.epochs_before = now, self.epochs

    def _note_opened(self, record: Opened) -> bool:
        """A process took the run; whether it is another one than before."""
        self.opened, self.paused = record, False
        if not self.onlooker and record.pid == os.getpid() and record.at >= self.created:
            return False
        self._end_session(self._last_at)
        self._opened_at = self._last_at = record.at
        self.closed = None
        if self.onlooker:
            self.now_live, self.began = False, self.at(record.at)
        return True

    def _note_closed(self, record: Closed, last: float) -> None:
        self.closed = record
        earlier = self.onlooker or record.at < self.created
        self._end_session(record.at if earlier else last)
        if self.onlooker:
            self.now_live = False

    def _note_pause(self, world: float) -> None:
        if not self.paused:
            self.paused, self._paused_at = True, self.at(world)

    def _note_go_on(self, world: float) -> None:
        if self.paused:
            self.paused = False
            self.since += max(0.0, self.at(world) - self._paused_at)

    def _end_session(self, at: float) -> None:
        """A process let the run go, or was killed after ``at``."""
        if self._opened_at:
            self.sessions += 1
            self.earlier += max(0.0, at - self._opened_at)
        self._opened_at = 0.0
