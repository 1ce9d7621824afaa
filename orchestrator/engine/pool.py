"""Warm Ray actors and the streams of results that come out of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError

from orchestrator.engine.actors import Actors, Started
from orchestrator.engine.machines import identities
from orchestrator.engine.reasons import reason
from orchestrator.engine.results import EpochResult
from orchestrator.engine.worker import Blueprint, Fault, Lease, Report
from searchspaces.errors import OrchError
from trainables.outcomes import WorkersLostError


@dataclass(frozen=True)
class WorkerLost:
    """An actor is gone, with whatever its trial did since the last result.

    Attributes:
        lease: what it was doing.
        reason: in one line, as far as Ray knows it.
    """

    lease: Lease
    reason: str


@dataclass(frozen=True)
class LeaseCancelled:
    """An interrupted lease came to its end; the worker is free."""

    lease: Lease


Event = Report | WorkerLost | LeaseCancelled


_log = logging.getLogger(__name__)
MANY = 64
BREATH_SECONDS = 20e-6
"""Times the workers, if there are many: a look at all of them takes Ray 4 us each, so that it is
better to take in what comes in a while than to look for each result."""
RETRY_SECONDS = 30.0
"""Before a worker that could not be started is tried again, while others do the work."""
MOST_MISFIRES = 5
"""Workers in a row that do not start, after which none will."""


@dataclass(eq=False)
class _Slot:
    """A place for one worker, whichever actor fills it.

    Attributes:
        made: the actor.
        node: that it stands on; empty until it does.
        lease: what it runs; None when idle.
        stream: its results; None when idle.
        since: when it was last given work after having had none.
        retired: its actor ends with the present lease.
    """

    made: Started
    node: str = ""
    lease: Lease | None = None
    stream: Any = None
    since: float = field(default=0.0)
    retired: bool = False


Share = Callable[[int], tuple[float, float]]
"""Logical CPUs and part of a GPU that each of so many workers takes."""


class Pool:
    """So many workers, each at one lease at a time.

    A worker gets work once it stands: where a cluster has no room for it yet, nothing waits
    for it that another could do.

    Args:
        blueprint: of the sweep.
        data: a reference in the object store; all workers share it.
        size: number of workers.
        share: what each of them takes of the machine.

    Attributes:
        size: number of workers that there are to be; fewer may stand.
        worker_seconds: for how long workers had work or work was waiting for them.
        epoch_seconds: of that, spent inside epochs.
    """

    def __init__(self, blueprint: Blueprint, data: Any, *, size: int, share: Share) -> None:
        self._blueprint = blueprint
        self._actors = Actors(blueprint, data)
        self._share = share
        self._taken = share(size)
        self._starting: dict[Any, _Slot] = {}
        self._idle: list[_Slot] = []
        self._busy: dict[Any, _Slot] = {}
        self._misfires = self._missing = 0
        self._retry_at = 0.0
        self._by_number: dict[int, _Slot] = {}
        self.size = size
        self.worker_seconds = 0.0
        self.epoch_seconds = 0.0
        self._start(size)

    def resize(self, size: int) -> list[int]:
        """Have so many workers from now on; 0 lets all of them go, with their memory.

        Workers that have to go end with their lease, and new ones come at once: Ray keeps
        them waiting until there is room. Where more workers leave each a smaller share of the
        machine, all of them are made anew. Those whose node is gone are the first to go.

        Returns:
            trials whose leases should be interrupted, or it takes until these end.
        """
        share = self._share(size) if size else self._taken
        alive = {"", *identities()}
        gone = [slot for slot in self._slots if slot.node not in alive]
        staying = [slot for slot in self._slots if slot not in gone and not slot.retired]
        kept = staying[:size] if share == self._taken else []
        for slot in [*self._idle, *self._starting.values()]:
            if slot not in kept:
                self._end(slot)
        self._idle = [slot for slot in self._idle if slot in kept]
        self._starting = {ref: slot for ref, slot in self._starting.items() if slot in kept}
        going = [slot for slot in self._busy.values() if slot not in kept]
        for slot in going:
            slot.retired = True
        self.size, self._taken = size, share
        self._missing = 0
        self._start(size - len(kept))
        # What was lost with a node says so by itself.
        return [slot.lease.number for slot in going if slot.lease and slot not in gone]

    @property
    def _slots(self) -> list[_Slot]:
        """All workers, those at work first."""
        return [*self._busy.values(), *self._idle, *self._starting.values()]

    @property
    def free(self) -> bool:
        """A worker has nothing to do."""
        return bool(self._idle)

    @property
    def busy(self) -> int:
        """Workers at work."""
        return len(self._busy)

    @property
    def starting(self) -> int:
        """Workers that do not stand yet, or for which there is no room."""
        return len(self._starting) + self._missing

    def wait_until_ready(self) -> None:
        """Wait until a worker stands, so that a bad blueprint is told at once.

        Raises:
            OrchError: it cannot be made; the trial's own OrchError, if it raised one.
        """
        while not self._idle:
            ready, _ = ray.wait(list(self._starting), num_returns=1)
            self._stands(ready[0])

    def run(self, lease: Lease) -> None:
        """Give a lease to an idle worker, to the one that still holds the trial if it can."""
        slot = self._pick(lease.number)
        if not slot.since:
            slot.since = time.monotonic()
        slot.lease = lease
        slot.stream = slot.made.actor.run.options(num_returns="streaming").remote(lease)
        self._busy[slot.stream] = slot
        self._by_number[lease.number] = slot

    def rest(self) -> None:
        """No work is left for the idle workers at this moment: their clock stops."""
        now = time.monotonic()
        for slot in self._idle:
            if slot.since:
                self.worker_seconds += now - slot.since
                slot.since = 0.0

    def cancel(self, number: int) -> None:
        """Interrupt a trial's lease; it ends with its present epoch."""
        slot = self._by_number.get(number)
        if slot is not None and slot.lease is not None and slot.lease.number == number:
            # Not what the worker asked of others, such as a checkpoint on its way home.
            ray.cancel(slot.stream, recursive=False)

    def events(self, timeout: float) -> Iterator[Event]:
        """What came in; waits for the first of it at most ``timeout`` seconds."""
        if self._missing and time.monotonic() >= self._retry_at:
            missing, self._missing = self._missing, 0
            self._start(missing)
        refs = [*self._busy, *self._starting]
        if not refs:
            time.sleep(min(timeout, 0.05))
            return
        ready, _ = ray.wait(refs, num_returns=1, timeout=timeout)
        if ready and len(refs) > MANY:
            time.sleep(len(refs) * BREATH_SECONDS)
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            if ref in self._starting:
                self._stands(ref)
            elif ref in self._busy and (event := self._next(ref, self._busy[ref])) is not None:
                yield event

    def close(self) -> None:
        """End all workers at once."""
        for slot in self._slots:
            self._end(slot)
        self._idle, self._busy, self._starting = [], {}, {}
        self._actors.close()

    def _start(self, count: int) -> None:
        for _ in range(count):
            slot = _Slot(self._actors.start(self._taken))
            self._starting[slot.made.ready] = slot

    def _stands(self, ready: Any) -> None:
        """A worker has started, or cannot.

        Raises:
            OrchError: no worker can.
        """
        slot = self._starting.pop(ready)
        try:
            slot.node = ray.get(ready)
        except RayError as error:
            self._misfired(slot, error)
            return
        self._misfires = 0
        self._idle.append(slot)

    def _misfired(self, slot: _Slot, error: RayError) -> None:
        """Try again: at once where a node was lost, later where others do the work meanwhile.

        What one machine lacks, such as a module or a mount, must not end a sweep that runs on
        others; where none can be started, nothing would ever run.
        """
        cause = error.cause if isinstance(error, RayTaskError) else None
        self._misfires += 1
        alone = not self._idle and not self._busy
        final = cause is not None and not isinstance(cause, WorkersLostError)
        if alone and (final or self._misfires >= MOST_MISFIRES):
            if isinstance(cause, OrchError):
                raise cause from None
            raise OrchError(f"no worker could be started: {reason(error)}") from error
        slot.made.end()
        if alone:
            self._start(1)
            return
        _log.warning("a worker cannot be started, and others go on: %s", reason(error))
        self._missing += 1
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _end(self, slot: _Slot) -> None:
        """No work comes to this worker any more."""
        if slot.since:
            self.worker_seconds += time.monotonic() - slot.since
        slot.made.end()
        self._by_number = {
            number: other for number, other in self._by_number.items() if other is not slot
        }

    def _next(self, stream: Any, slot: _Slot) -> Event | None:
        lease = slot.lease
        if lease is None:
            raise RuntimeError("a busy worker has a lease")
        try:
            event: Report = ray.get(next(stream))
        except StopIteration:
            self._release(stream, slot)
            return LeaseCancelled(lease)
        except TaskCancelledError:
            self._release(stream, slot)
            return LeaseCancelled(lease)
        except RayError as error:
            self._release(stream, slot)
            self._replace(slot)
            cause = error.cause if isinstance(error, RayTaskError) else None
            known = isinstance(cause, WorkersLostError)
            return WorkerLost(lease, str(cause) if known else reason(error))
        if isinstance(event, EpochResult):
            self.epoch_seconds += event.seconds
        if not isinstance(event, EpochResult) or event.finished or event.epoch == lease.until:
            self._release(stream, slot)
            if isinstance(event, Fault) and self._blueprint.ranks:
                self._replace(slot)  # some of its processes may wait for others for ever
        return event

    def _release(self, stream: Any, slot: _Slot) -> None:
        del self._busy[stream]
        slot.lease = slot.stream = None
        if slot.retired:
            self._end(slot)
        else:
            self._idle.append(slot)

    def _replace(self, slot: _Slot) -> None:
        """A new worker for one that is lost."""
        if slot.retired:
            return
        self._idle.remove(slot)
        self._end(slot)
        self._start(1)

    def _pick(self, number: int) -> _Slot:
        preferred = self._by_number.get(number)
        if preferred is not None and preferred in self._idle:
            self._idle.remove(preferred)
            return preferred
        return self._idle.pop()

    def forget(self, number: int) -> None:
        """The trial is over or paused; which worker ran it does not matter any more."""
        slot = self._by_number.pop(number, None)
        if slot is not None and self._blueprint.trainable.costs_while_held:
            slot.made.actor.release.remote(number)
