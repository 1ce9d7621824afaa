"""What people tell a running sweep, done: stop, pause, go on, and changes of the sweep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.engine.inbox import Change, Command, GoOn, Inbox, Pause, StopRun, StopTrial
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.pool import Pool
from orchestrator.engine.records import Commanded, Record, Scaled
from orchestrator.engine.room import Room
from orchestrator.engine.steering import judged
from orchestrator.engine.stopping import TIME_IS_UP
from orchestrator.engine.trial import State, Trial

if TYPE_CHECKING:
    from orchestrator.engine.demand import Demand
    from orchestrator.engine.stopping import Stopping

LOOK_SECONDS = 1.0
"""Between two looks at which machines there are."""


class Helm:
    """Follows commands between two results, each after the journal has it.

    Args:
        ledger: of the sweep.
        pool: its workers.
        room: how many there are to be.
        inbox: where commands come from.
        record: writes a record down.
        prune: ends a trial that has no worker.
        flush: writes the run's tables.
        demand: of the sweep, on machines that may become more or fewer; None elsewhere.
        rules: stop the sweep, beside the time; None where there are none.

    Attributes:
        stopping: running trials that end with their next result.
        yielding: running trials that are interrupted because their worker has to go.
        paused: nothing is to run until somebody says so.
        deadline: when the sweep stops itself, by the monotonic clock; None is never.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: Pool,
        room: Room,
        inbox: Inbox,
        record: Callable[[Record], None],
        prune: Callable[[Trial], None],
        flush: Callable[[], None],
        demand: Demand | None = None,
        rules: Stopping | None = None,
    ) -> None:
        self._ledger = ledger
        self._pool = pool
        self._room = room
        self._inbox = inbox
        self._record = record
        self._prune = prune
        self._flush = flush
        self._demand = demand
        self._rules = rules
        self._workers = 0
        self._next_look = 0.0
        self._paused_at = 0.0
        self.stopping: set[int] = set()
        self.yielding: set[int] = set()
        self.paused = False
        self.deadline: float | None = None

    @property
    def due(self) -> StopRun | None:
        """What stops the sweep by its own rules, from when on one does."""
        return None if self._rules is None else self._rules.stop

    def stop_after(self, seconds: float | None) -> None:
        """Have the sweep stop itself after so many seconds from now; None is never."""
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def take(self) -> StopRun | None:
        """Follow everything that came; what ends the sweep, if something does."""
        for command in self._inbox.take():
            if isinstance(command, StopRun):
                return command
            if not command.letter or command.letter not in self._ledger.letters:
                self._follow(command)
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return TIME_IS_UP if late and not self.paused else self.due

    def look(self) -> None:
        """Have as many workers as the machines have room for: nodes come and go."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if self.paused:
            return
        size = self._room.size()
        if size != self._workers:
            self._workers = size
            self._record(Scaled(at=time.time(), workers=size, nodes=self._room.nodes))
        self._have_workers(self._of_use(size))
        self._ask()

    def forget(self, number: int) -> None:
        """The trial is over."""
        self.stopping.discard(number)
        self.yielding.discard(number)

    def _follow(self, command: Command) -> None:
        match command:
            case StopTrial(number, letter):
                self._stop_trial(number, letter)
            case Pause(letter):
                self._note("pause", letter)
                self._pause()
            case GoOn(letter):
                self._note("go-on", letter)
                self._go_on()
            case Change():
                record = judged(self._ledger, command)
                self._record(record)
                if record.command == "set" and not record.refused:
                    self._set(record)
            case StopRun():
                raise RuntimeError("what ends the sweep is not followed here")

    def _note(
        self, command: str, letter: str, number: int | None = None, refused: str = ""
    ) -> None:
        self._record(Commanded(command, time.time(), number, refused=refused, letter=letter))

    def _stop_trial(self, number: int, letter: str) -> None:
        trial = self._ledger.live.get(number)
        if trial is None:
            ended = number < self._ledger.started
            refused = f"trial {number} {'is over' if ended else 'has not started'}"
            self._note("stop-trial", letter, number, refused)
            return
        self._note("stop-trial", letter, number)
        if trial.state is State.RUNNING:
            self.stopping.add(number)
            self._pool.cancel(number)
        else:
            if number in self._ledger.orphans:
                self._ledger.orphans.remove(number)
            self._prune(trial)

    def _pause(self) -> None:
        if not self.paused:
            self.paused, self._paused_at = True, time.monotonic()
            self._have_workers(0)
            self._ask()
        self._flush()

    def _go_on(self) -> None:
        if self.paused:
            self.paused = False
            if self.deadline is not None:
                self.deadline += time.monotonic() - self._paused_at
            self._have_workers(self._of_use(self._room.size()))
            self._ask()
        self._flush()

    def _set(self, record: Commanded) -> None:
        """What new settings mean for this process; the ledger has them for the next."""
        if "max_time" in record.values:
            self.stop_after(record.values["max_time"])
            self._paused_at = time.monotonic()  # of a pause, what is still to come does not count
        if "concurrency" in record.values:
            self._room.wanted = record.values["concurrency"]
            self._next_look = 0.0
            self.look()

    @property
    def _left(self) -> int:
        """Trials that are not over, those that have not started among them."""
        return self._ledger.trials - self._ledger.counts.total()

    def _ask(self) -> None:
        """Ask for room for the trials that find none now, and for none while nothing is to run.

        Workers that wait for their place come first: they ask by themselves.
        """
        if self._demand is not None:
            left = 0 if self.paused or self._pool.starting else self._left
            wanted = min(left, self._room.wanted or left)
            self._demand.ask(self._room.bundles(max(0, wanted - self._room.size())))

    def _of_use(self, size: int) -> int:
        """So many workers, or fewer where that lets go of machines: as many as trials are left."""
        saves = self._demand is not None and self._room.wanted is None
        return min(size, max(1, self._left)) if saves else size

    def _have_workers(self, count: int) -> None:
        """So many from now on; trials whose workers go wait for others."""
        if count != self._pool.size:
            for number in self._pool.resize(count):
                self.yielding.add(number)
                self._pool.cancel(number)
