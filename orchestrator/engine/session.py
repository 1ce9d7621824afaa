"""One process's time with a run: replay the journal, get Ray and workers, loop, close."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import Journal, JournalError
from orchestrator.engine.knowledge import NOTHING, Knowledge
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.machines import Joined, cores, started_ray
from orchestrator.engine.objective import Objective
from orchestrator.engine.opening import opened
from orchestrator.engine.records import FINISHED, Closed, Commanded, Opened, Record
from orchestrator.engine.room import Room
from orchestrator.engine.steering import settings_left
from orchestrator.engine.stopping import Stopping, StopRules
from orchestrator.runs.checkpoints import CheckpointStore, FolderStore
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from searchspaces import DataFacts, JointSpace
from searchspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from orchestrator.engine.demand import Demand
    from orchestrator.engine.observer import Observer
    from orchestrator.engine.pool import Pool
    from trainables.trial import Trial


@dataclass(frozen=True)
class Plan:
    """Everything the engine needs to know about a sweep; nothing in it is a name.

    Attributes:
        space: where configs come from.
        searcher: which one comes next.
        scheduler: how far each trial runs.
        objective: what to minimise.
        trials: how many.
        max_epochs: of a trial that is never stopped.
        seed: of the searcher and the trials.
        trainable: what runs in the workers.
        settings: keyword arguments of its ``prepare``, but for the data.
        data: goes to the object store once.
        facts: of the data; None if constraints need none.
        split: how validation data were held out, in words.
        warning: why scores are to be taken with care; empty where they are honest.
        fingerprint: checksum of the data; a run goes on with the same data only.
        workers: trials at a time; None is as many as there is room for.
        cpus: logical ones that a trial takes; None is one, or less where more trials than
            that are to run at a time. A trial has as many threads.
        gpus: that a trial takes; None is an equal part of what is there.
        ranks: processes of a trial, each of which takes that; 0 is the worker's own.
        cluster: of Ray's, to run on; None is a Ray of the sweep's own.
        checkpoint_seconds: training time between checkpoints, beside those at rungs.
        max_seconds: after which the run stops itself; None is never.
        rules: what else stops it.
        knowledge: what people know before the first trial.
        changes: settings that a begun sweep goes on with from here on, as of ``orch set``.
    """

    space: JointSpace
    searcher: Searcher
    scheduler: Scheduler
    objective: Objective
    trials: int
    max_epochs: int
    seed: int
    trainable: type[Trial]
    settings: Mapping[str, Any]
    data: object
    facts: DataFacts | None = None
    split: str = ""
    warning: str = ""
    fingerprint: str = ""
    workers: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    ranks: int = 0
    cluster: Joined | None = None
    checkpoint_seconds: float = 5.0
    max_seconds: float | None = None
    rules: StopRules = field(default_factory=StopRules)
    knowledge: Knowledge = NOTHING
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a run's things lie.

    Attributes:
        journal: folder of the journal.
        store: of checkpoints.
        name: folder of a trial's checkpoints in the store, by its number.
    """

    journal: Path
    store: CheckpointStore
    name: Callable[[int], str]


def run(
    plan: Plan,
    place: Place,
    *,
    inbox: Inbox,
    observers: list[Observer],
    flush: Callable[[int], None],
) -> StopRun | None:
    """Run a sweep to its end, new or begun; the caller owns its folder.

    Args:
        plan: the sweep.
        place: its folders.
        inbox: commands from outside.
        observers: told of every record, those of earlier processes first.
        flush: writes the tables up to a sequence number of the journal; called at the start,
            every half minute, and at an orderly end. After an error they may be behind.

    Returns:
        what stopped it; None when it is finished.

    Raises:
        LimitReachedError: it has come to one of its limits before.
        OrchError: it cannot start or go on. Everything reported until then is kept.
    """
    stopping = Stopping(plan.rules, plan.objective, plan.max_epochs)
    observers = [*observers, stopping]
    ledger = Ledger(
        space=plan.space,
        searcher=plan.searcher,
        scheduler=plan.scheduler,
        objective=plan.objective,
        trials=plan.trials,
        max_epochs=plan.max_epochs,
        seed=plan.seed,
        facts=plan.facts,
        knowledge=plan.knowledge,
    )

    last: Record | None = None
    begun_with = ""

    def take_over(record: Record) -> None:
        nonlocal last, begun_with
        if isinstance(record, Opened):
            begun_with = begun_with or record.fingerprint
        ledger.replay(record)
        for observer in observers:
            observer.note(record)
        last = record

    journal = Journal(place.journal, take_over)
    if ledger.finished and isinstance(last, Closed) and last.reason == FINISHED:
        flush(journal.sequence)
        return None
    left = settings_left(ledger, inbox)
    if not ledger.finished:
        for values in (*(record.values for record in left if not record.refused), plan.changes):
            stopping.change(values)
        stopping.refuse()
    same_data(begun_with, plan.fingerprint)
    ledger.recover()
    tidy(ledger, place)

    def write(record: Opened | Commanded | Closed) -> None:
        journal.append(record)
        ledger.note(record)
        for observer in observers:
            observer.note(record)

    spent = _Spent()
    try:
        write(_opened(plan))
        for record in left:  # before what this process was told, which is younger
            write(record)
        if plan.changes:
            write(Commanded("set", time.time(), values=dict(plan.changes)))
        flush(journal.sequence)
        stop = None
        if not ledger.finished:
            settings = ledger.settings
            concurrency = settings.get("concurrency", plan.workers)
            with _crew(plan, place, spent, concurrency) as crew:
                from orchestrator.engine.controller import Controller

                stop = Controller(
                    ledger=ledger,
                    journal=journal,
                    pool=crew.pool,
                    room=crew.room,
                    inbox=inbox,
                    store=place.store,
                    name=place.name,
                    observers=observers,
                    flush=lambda: flush(journal.sequence),
                    demand=crew.demand,
                    stopping=stopping,
                ).run(max_seconds=settings.get("max_time", plan.max_seconds))
    except BaseException as error:
        # What went wrong is what counts: a journal that cannot be closed either adds nothing.
        with suppress(JournalError):
            write(spent.closed("failed" if isinstance(error, Exception) else "interrupted"))
        with suppress(JournalError):
            journal.close()
        raise
    try:
        write(spent.closed(stop.reason, stop.limit) if stop else spent.closed(FINISHED))
    finally:
        journal.close()
    flush(journal.sequence)
    return stop


@dataclass
class _Spent:
    """Seconds of the workers in this process's time."""

    epochs: float = 0.0
    workers: float = 0.0

    def closed(self, reason: str, limit: str = "") -> Closed:
        """The last record."""
        return Closed(
            at=time.time(),
            reason=reason,
            epoch_seconds=self.epochs,
            worker_seconds=self.workers,
            limit=limit,
        )


def same_data(begun_with: str, fingerprint: str) -> None:
    """Refuse to mix results from two states of the data.

    Args:
        begun_with: fingerprint of the data that the run began with; may be empty.
        fingerprint: of those it would go on with; may be empty.

    Raises:
        ConfigurationError: they differ.
    """
    if begun_with and fingerprint and begun_with != fingerprint:
        raise ConfigurationError(
            f"the data have changed since this run began (fingerprint {fingerprint}, not "
            f"{begun_with}). Put them back as they were, or start a new sweep.",
            place="dataset",
        )


def tidy(ledger: Ledger, place: Place) -> None:
    """Remove the checkpoints of a trial that ended with the last record, but for the kept one.

    Everything is journaled before it is done, so a process that is killed may have left
    this to the next one; that can only be so of the last record.
    """
    if ledger.ended is not None:
        place.store.clear(place.name(ledger.ended.number), keep=ledger.ended.kept)


@dataclass(frozen=True)
class _Crew:
    """Workers, and what says how many there are to be and asks for machines."""

    pool: Pool
    room: Room
    demand: Demand | None


@contextmanager
def _crew(plan: Plan, place: Place, spent: _Spent, concurrency: int | None) -> Iterator[_Crew]:
    """Workers on a Ray of our own, or on a cluster."""
    own = cores() if plan.cpus else max((concurrency or 0) * max(1, plan.ranks), cores())
    with started_ray(own, plan.cluster) as machines, ExitStack() as stack:
        import ray

        from orchestrator.engine.demand import Demand
        from orchestrator.engine.home import HomeStore
        from orchestrator.engine.pool import Pool
        from orchestrator.engine.worker import Blueprint

        cluster = plan.cluster
        room = Room(
            machines,
            # On machines of others, and where more will come, trials do not share a CPU unasked.
            cpus=plan.cpus or (1.0 if cluster else None),
            gpus=plan.gpus,
            wants_gpu=plan.settings.get("device") in {"auto", "cuda"},
            wanted=concurrency,
            trials=plan.trials,
            largest=cluster.largest if cluster else None,
            ranks=plan.ranks,
        )
        size = room.size()
        share = room.share(size)
        store = place.store
        demand = None
        if cluster is not None:
            if isinstance(store, FolderStore):
                store = stack.enter_context(HomeStore.open(store))
            demand = stack.enter_context(closing(Demand()))
        blueprint = Blueprint(
            trainable=plan.trainable,
            settings=plan.settings,
            threads=max(1, int(share[0])),
            store=store,
            checkpoint_seconds=plan.checkpoint_seconds,
            ranks=plan.ranks,
        )
        pool = Pool(blueprint, ray.put(plan.data), size=size, share=room.share)
        try:
            if cluster is None:  # elsewhere it may take long, and people want to be heard
                pool.wait_until_ready()
            yield _Crew(pool, room, demand)
        finally:
            pool.close()
            spent.epochs, spent.workers = pool.epoch_seconds, pool.worker_seconds


def _opened(plan: Plan) -> Opened:
    return opened(plan.facts, split=plan.split, warning=plan.warning, fingerprint=plan.fingerprint)
