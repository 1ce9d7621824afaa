"""Parts of the engine put together without Ray: real workers in this process, in any order."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.engine import controller
from orchestrator.engine.controller import Controller
from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import Journal, read
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.objective import Objective
from orchestrator.engine.pool import Event, LeaseCancelled, WorkerLost
from orchestrator.engine.records import Record, Scaled
from orchestrator.engine.results import EpochResult
from orchestrator.engine.room import Node, Room
from orchestrator.engine.session import Place, tidy
from orchestrator.engine.stopping import Stopping
from orchestrator.engine.testing import Curve, curve_space
from orchestrator.engine.trial import State
from orchestrator.engine.worker import Blueprint, Lease, Report, Worker
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from orchestrator.strategies import scheduler_from, searcher_from

TRIALS, EPOCHS = 24, 9
NAME = "{:04d}".format


class Killed(BaseException):
    """The driver process is gone, in the middle of whatever it did."""


@dataclass(eq=False)
class Slot:
    worker: Worker
    lease: Lease | None = None
    stream: Iterator[Report] | None = None
    cancelled: bool = False
    retired: bool = False


class InProcessPool:
    """A pool of real workers in this process; which one is heard next is drawn at random.

    Args:
        blueprint: of the workers.
        size: how many.
        rng: draws everything.
        lost: probability that a worker is lost instead of heard.
    """

    def __init__(
        self, blueprint: Blueprint, size: int, rng: np.random.Generator, *, lost: float = 0.0
    ) -> None:
        self.blueprint = blueprint
        self.rng = rng
        self.lost = lost
        self.slots = [Slot(self.made()) for _ in range(size)]
        self.starting = 0

    def made(self) -> Worker:
        return Worker(self.blueprint, None)

    @property
    def free(self) -> bool:
        return any(slot.lease is None for slot in self.slots if not slot.retired)

    @property
    def busy(self) -> int:
        return sum(slot.lease is not None for slot in self.slots)

    def run(self, lease: Lease) -> None:
        assert all(slot.lease is None or slot.lease.number != lease.number for slot in self.slots)
        slot = next(slot for slot in self.slots if slot.lease is None and not slot.retired)
        slot.lease, slot.stream, slot.cancelled = lease, slot.worker.run(lease), False

    def cancel(self, number: int) -> None:
        for slot in self.slots:
            if slot.lease is not None and slot.lease.number == number:
                slot.cancelled = True

    @property
    def size(self) -> int:
        return len([slot for slot in self.slots if not slot.retired])

    def resize(self, size: int) -> list[int]:
        kept = sorted(self.slots, key=lambda slot: slot.lease is None)[:size]
        for slot in self.slots:
            slot.retired = slot not in kept
        self.slots = [slot for slot in self.slots if slot in kept or slot.lease is not None]
        self.slots += [Slot(self.made()) for _ in range(size - len(kept))]
        return [slot.lease.number for slot in self.slots if slot.retired and slot.lease]

    def rest(self) -> None: ...

    def forget(self, number: int) -> None: ...

    def events(self, timeout: float) -> Iterator[Event]:
        busy = [slot for slot in self.slots if slot.lease is not None]
        if not busy:
            return
        slot = busy[int(self.rng.integers(len(busy)))]
        lease, stream = slot.lease, slot.stream
        assert lease is not None
        assert stream is not None
        if self.rng.random() < self.lost:
            slot.worker, slot.lease = self.made(), None
            yield WorkerLost(lease, "its process died")
        elif slot.cancelled and self.rng.random() < 0.5:  # else one more result was on its way
            next(stream, None)
            slot.lease = None
            yield LeaseCancelled(lease)
        else:
            try:
                event = next(stream)
            except SystemExit:  # how a worker dies here
                slot.worker, slot.lease = self.made(), None
                yield WorkerLost(lease, "its process died")
                return
            if not isinstance(event, EpochResult) or event.finished or event.epoch == lease.until:
                assert next(stream, None) is None
                slot.lease = None
            yield event


@dataclass
class Bench:
    """A sweep without Ray.

    Attributes:
        folder: of its journal and checkpoints.
        searcher: kind or settings.
        scheduler: kind or settings.
        seed: of the order in which things happen.
        settings: of the trainable.
        lost: probability that a worker is lost instead of heard.
        snapshots: state after each record of this process.
        inbox: of the present process.
    """

    folder: Path
    searcher: Any = "random"
    scheduler: Any = "hyperband"
    objective: Objective = field(default_factory=lambda: Objective("valid_loss", "min"))
    trials: int = TRIALS
    epochs: int = EPOCHS
    workers: int = 3
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    lost: float = 0.0
    checkpoint_seconds: float = 0.0
    trainable: type[Curve] = Curve
    snapshots: list[Any] = field(default_factory=list)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.folder / "inbox")
        self.store = FolderStore(self.folder / "checkpoints")

    def ledger(self) -> Ledger:
        return Ledger(
            space=curve_space(),
            searcher=self.made_searcher(),
            scheduler=self.made_scheduler(),
            objective=self.objective,
            trials=self.trials,
            max_epochs=self.epochs,
            seed=5,
            facts=None,
        )

    def made_searcher(self) -> Searcher:
        return searcher_from(self.searcher)

    def made_scheduler(self) -> Scheduler:
        return scheduler_from(self.scheduler)

    def run(
        self,
        *,
        kill_after: int | None = None,
        snapshots: bool = False,
        seen: Callable[[Record, Ledger], None] | None = None,
        also: Sequence[Any] = (),
    ) -> StopRun | None:
        """One process's time with the run; ``Killed`` after so many records."""
        ledger = self.ledger()
        journal = Journal(self.folder / "journal", ledger.replay)
        ledger.recover()
        tidy(ledger, Place(self.folder / "journal", self.store, NAME))
        rng = np.random.default_rng([self.seed, journal.segment])
        blueprint = Blueprint(self.trainable, self.settings, 1, self.store, self.checkpoint_seconds)
        bench, count = self, 0

        class Watch:
            def note(self, record: Record) -> None:
                nonlocal count
                if isinstance(record, Scaled):  # how many workers there are is not in question
                    return
                count += 1
                if snapshots:
                    bench.snapshots.append(snapshot(ledger))
                if seen is not None:
                    seen(record, ledger)
                if count == kill_after:
                    raise Killed

            def tick(self) -> None: ...

        loop = Controller(
            ledger=ledger,
            journal=journal,
            pool=InProcessPool(blueprint, self.workers, rng, lost=self.lost),
            room=Room(lambda: [Node(64.0)], wanted=self.workers, trials=self.trials),
            inbox=self.inbox,
            store=self.store,
            name=NAME,
            observers=[Watch(), *also],
            flush=lambda: None,
            stopping=next((each for each in also if isinstance(each, Stopping)), None),
        )
        try:
            return loop.run()
        except Killed:
            return StopRun("killed")
        finally:
            journal.close()

    def records(self) -> list[Record]:
        records = (entry.record for entry in read(self.folder / "journal"))
        return [record for record in records if not isinstance(record, Scaled)]

    def files(self) -> list[str]:
        """Everything in the checkpoint folder, folders included."""
        root = self.store.folder
        return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def snapshot(ledger: Ledger) -> Any:
    """All that a ledger knows but what only a living process can: which workers are lost."""
    trials = {
        number: (
            trial.config,
            trial.seed,
            trial.until,
            State.RUNNING if trial.state is State.INTERRUPTED else trial.state,
            trial.attempt,
            trial.epoch,
            trial.best,
            trial.checkpoint,
            copy.deepcopy(trial.since),
        )
        for number, trial in ledger.live.items()
    }
    limit = ledger.searcher.limit(ledger.space)
    suggestion = list(ledger.enqueued) or None
    if suggestion is None and (limit is None or ledger.started < limit):
        suggestion = ledger.searcher.suggest(ledger.started)
    scheduler = copy.deepcopy(ledger.scheduler.__pydantic_private__)
    counts = dict(ledger.counts)
    return trials, counts, ledger.started, ledger.epochs, scheduler, suggestion, ledger.finished


@pytest.fixture
def state_of() -> Callable[[Ledger], Any]:
    """What to compare of two ledgers."""
    return snapshot


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    """Makes sweeps without Ray."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(controller, "TICK_SECONDS", 0.0)  # commands are heard at once

    def make(name: str = "run", **changes: Any) -> Bench:
        return Bench(tmp_path / name, **changes)

    return make
