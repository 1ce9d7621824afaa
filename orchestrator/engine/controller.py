"""The loop: follow the scheduler, lease trials to workers, journal what they report."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from orchestrator.engine.exploring import copy_of
from orchestrator.engine.helm import Helm
from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import Journal
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.observer import Observer
from orchestrator.engine.pool import Event, LeaseCancelled, Pool, WorkerLost
from orchestrator.engine.records import (
    Checkpoint,
    EpochReported,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    completed,
)
from orchestrator.engine.results import EpochResult, NoMore
from orchestrator.engine.room import Room
from orchestrator.engine.trial import FINAL, State, Trial
from orchestrator.engine.worker import Fault, Lease
from orchestrator.runs.checkpoints import CheckpointError, CheckpointStore
from orchestrator.schedulers import Clone, Prune, Resume, Start
from searchspaces.errors import OrchError

if TYPE_CHECKING:
    from orchestrator.engine.demand import Demand
    from orchestrator.engine.stopping import Stopping

TICK_SECONDS = 0.25
TABLE_SECONDS = 30.0
SLOW_SECONDS = 0.01
"""A suggestion that takes longer is the last before results are looked at."""
MAX_LOST = 3
"""Workers in a row that a trial may lose without an epoch in between."""

STOPPED = "stopped from outside"
YIELDED = "its worker was let go"


class Controller:
    """Runs a sweep to its end, from whatever state the ledger is in.

    Everything that happens goes through ``_record``: first the journal, then the ledger,
    then the observers. Only after that anything is done about it.

    Args:
        ledger: replayed, if the run is not new.
        journal: open for writing.
        pool: workers.
        room: how many workers there are to be.
        inbox: commands from outside.
        store: where checkpoints lie, to delete those not needed any more.
        name: folder of a trial's checkpoints, by its number.
        observers: told of every record.
        flush: writes the run's tables; called every half minute.
        demand: of the sweep, on machines that may become more or fewer; None elsewhere.
        stopping: stops the run by rules of its own, beside the time; one of the observers.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        journal: Journal,
        pool: Pool,
        room: Room,
        inbox: Inbox,
        store: CheckpointStore,
        name: Callable[[int], str],
        observers: list[Observer],
        flush: Callable[[], None],
        demand: Demand | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._pool = pool
        self._store = store
        self._name = name
        self._observers = observers
        self._flush = flush
        self._helm = Helm(
            ledger=ledger,
            pool=pool,
            room=room,
            inbox=inbox,
            record=self._record,
            prune=lambda trial: self._end(trial, "pruned", STOPPED),
            flush=self._write_tables,
            demand=demand,
            rules=stopping,
        )
        self._draining, self._next_tick = False, 0.0
        self._next_flush = time.monotonic() + TABLE_SECONDS

    def run(self, *, max_seconds: float | None = None) -> StopRun | None:
        """Run until nothing is left or somebody stops it.

        Args:
            max_seconds: time after which the run stops itself.

        Returns:
            what stopped it; None when it is finished.

        Raises:
            OrchError: the journal or a checkpoint cannot be written, or the objective is
                never reported.
        """
        self._helm.stop_after(max_seconds)
        while not self._ledger.finished:
            stop = self._tick()
            if stop is not None:
                self._drain()
                return stop
            more = self._fill()
            waiting = self._pool.busy or self._pool.starting or self._helm.paused
            if not waiting and not self._ledger.finished:
                raise OrchError(
                    f"{len(self._ledger.live)} trials wait for each other: "
                    f"the scheduler has nothing to run and is not finished."
                )
            for event in self._pool.events(0.0 if more else TICK_SECONDS):
                self._take(event)
        return None

    def _drain(self) -> None:
        """Write down what has come already; nothing new is begun."""
        self._draining = True
        while self._pool.busy and (events := list(self._pool.events(timeout=0))):
            for event in events:
                self._take(event)

    def _record(self, record: Record) -> None:
        self._journal.append(record)
        self._ledger.note(record)
        for observer in self._observers:
            observer.note(record)

    def _fill(self) -> bool:
        """Follow the scheduler while workers are free; whether to be called again, after a look."""
        while True:
            if self._ledger.orphans:
                if not self._pool.free:
                    return False
                self._rescue(self._ledger.live[self._ledger.orphans.popleft()])
                continue
            match self._ledger.propose():
                case Prune(number):
                    trial = self._ledger.live[number]
                    self._record(TrialPruned(number=number, at=time.time()))
                    self._forget(trial)
                case Clone() as clone:
                    self._clone(clone)
                case _ if not self._pool.free:
                    return False
                case Resume(number, until):
                    trial = self._ledger.live[number]
                    record = TrialResumed(number, trial.attempt, until, True, time.time())
                    self._record(record)
                    self._run(trial)
                case Start(bracket, until):
                    asked = time.monotonic()
                    started = self._ledger.draft(bracket, until)
                    self._record(started)
                    self._run(self._ledger.live[started.number])
                    if time.monotonic() - asked > SLOW_SECONDS:
                        return True
                case _:
                    self._pool.rest()
                    return False

    def _clone(self, clone: Clone) -> None:
        """Copy a trial's checkpoint for another, then write down that it has it.

        All are paused, so that nothing deletes the one that is copied; what is not written
        down is a file in the trial's folder, which goes when the trial is over.
        """
        trial = self._ledger.live[clone.number]
        old, attempt = trial.checkpoint, trial.attempt + 1
        source, config, copy = trial.number, trial.config, None
        found = copy_of(self._ledger, clone)
        if found is not None:
            kept = self._ledger.live[found[0]].checkpoint
            key = f"{self._name(trial.number)}/{attempt:03d}-{trial.epoch:06d}.safetensors"
            with suppress(CheckpointError):  # it cannot be read: the trial goes on as it is
                copy = self._store.copied(kept, key) if kept is not None else None
            if copy is not None:
                source, config = found
        self._record(TrialCloned(trial.number, source, attempt, dict(config), copy, time.time()))
        if copy is not None and old is not None:
            self._store.delete(old.key)

    def _rescue(self, trial: Trial) -> None:
        """Give a trial that has lost its worker to another."""
        self._helm.yielding.discard(trial.number)
        self._record(trial.again())
        self._run(trial)

    def _run(self, trial: Trial) -> None:
        """Give the trial to a worker that holds it, or from its newest checkpoint on."""
        self._pool.run(
            Lease(
                number=trial.number,
                attempt=trial.attempt,
                name=self._name(trial.number),
                config=trial.config,
                seed=trial.seed,
                epoch=trial.epoch,
                until=trial.until,
                checkpoint=trial.checkpoint,
            )
        )

    def _take(self, event: Event) -> None:
        """Write down what came from a worker, and act on it.

        What a worker still says of a trial that is over, or of an earlier attempt, is late.
        """
        lease = event.lease if isinstance(event, WorkerLost | LeaseCancelled) else event
        trial = self._ledger.live.get(lease.number)
        if trial is None or trial.attempt != lease.attempt or trial.state is not State.RUNNING:
            self._take_late(event)
            return
        match event:
            case EpochResult():
                self._take_result(event)
            case Fault(fatal=True):
                raise OrchError(f"{event.reason}. When that is mended: orch resume")
            case Fault(stale=True):
                self._lose(trial, event.reason, afresh=True)
            case Fault():
                infeasible = event.infeasible
                self._end(
                    trial, "infeasible" if infeasible else "failed", event.reason, event.detail
                )
            case NoMore():
                self._record(completed(event.number, event.reason, event.checkpoint))
                self._forget(trial)
            case WorkerLost():
                self._lose(trial, event.reason)
            case LeaseCancelled():
                self._lose(trial, "its lease was interrupted")

    def _take_late(self, event: Event) -> None:
        """Nobody asks for the checkpoint that a late result brings, or that was to come with it."""
        match event:
            case (
                EpochResult(checkpoint=Checkpoint(key=key)) | NoMore(checkpoint=Checkpoint(key=key))
            ):
                self._store.delete(key)
            case LeaseCancelled(lease) | WorkerLost(lease):
                if lease.number not in self._ledger.live:
                    self._store.clear(self._name(lease.number))

    def _take_result(self, result: EpochResult) -> None:
        trial = self._ledger.live[result.number]
        old = trial.checkpoint
        record = self._ledger.judge(result)
        self._record(record)
        if trial.state in FINAL:
            if isinstance(record, TrialEnded):
                self._pool.cancel(result.number)
            self._forget(trial)
            return
        if record.checkpoint is not None and old is not None:
            self._store.delete(old.key)
        if isinstance(record, EpochReported) and record.verdict is not None:
            self._act(trial)

    def _act(self, trial: Trial) -> None:
        """Follow the scheduler's decision about a trial."""
        match trial.state:
            case State.RUNNING:
                if trial.number in self._helm.stopping:
                    self._end(trial, "pruned", STOPPED)
                elif self._draining:
                    pass
                elif self._pool.free:
                    self._run(trial)
                else:  # its worker had to go
                    self._ledger.interrupt(trial.number, YIELDED)
            case State.PAUSED:
                self._pool.forget(trial.number)
                if trial.number in self._helm.stopping:
                    self._end(trial, "pruned", STOPPED)
            case _:
                raise RuntimeError(f"trial {trial.number} is {trial.state} after a decision")

    def _lose(self, trial: Trial, reason: str, *, afresh: bool = False) -> None:
        """A trial has no worker any more: another gets it, unless that happens too often."""
        if trial.number in self._helm.yielding:
            self._helm.yielding.discard(trial.number)
            reason = YIELDED
        else:
            trial.lost += 1
        if trial.number in self._helm.stopping:
            self._end(trial, "pruned", STOPPED)
        elif trial.lost >= MAX_LOST:
            self._end(trial, "failed", f"lost {trial.lost} workers in a row: {reason}")
        else:
            self._ledger.interrupt(trial.number, reason, afresh=afresh)

    def _end(
        self,
        trial: Trial,
        state: Literal["failed", "infeasible", "pruned"],
        reason: str,
        detail: str = "",
    ) -> None:
        self._record(
            TrialEnded(
                number=trial.number, state=state, reason=reason, detail=detail, at=time.time()
            )
        )
        self._forget(trial)

    def _forget(self, trial: Trial) -> None:
        """The trial is over: only the checkpoint of a completed one is kept."""
        self._helm.forget(trial.number)
        self._pool.forget(trial.number)
        self._store.clear(self._name(trial.number), keep=trial.kept)

    def _tick(self) -> StopRun | None:
        """A few times a second: commands, the clock, observers, tables."""
        now = time.monotonic()
        if now < self._next_tick and self._helm.due is None:
            return None
        self._next_tick = now + TICK_SECONDS
        for observer in self._observers:
            observer.tick()
        if now >= self._next_flush:
            self._write_tables()
        stop = self._helm.take()
        if stop is None:
            self._helm.look()
        return stop

    def _write_tables(self) -> None:
        self._flush()
        self._next_flush = time.monotonic() + TABLE_SECONDS
