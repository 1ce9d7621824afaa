"""One process's time with a run: replay the journal, get Ray and workers, loop, close."""

from __future__ import annotations

import importlib.metadata
import logging
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import Journal, JournalError
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import FINISHED, Closed, Opened, Record
from orchestrator.runs.checkpoints import CheckpointStore
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from searchspaces import DataFacts, JointSpace
from searchspaces.errors import ConfigurationError, OrchError

if TYPE_CHECKING:
    from orchestrator.engine.observer import Observer
    from orchestrator.engine.pool import Pool
    from trainables.trainable import TrialTrainable


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
        settings: keyword arguments of its ``setup``, but for the data.
        data: goes to the object store once.
        facts: of the data; None if constraints need none.
        split: how validation data were held out, in words.
        warning: why scores are to be taken with care; empty where they are honest.
        fingerprint: checksum of the data; a run goes on with the same data only.
        workers: trials at a time; None is one per core of this machine.
        checkpoint_seconds: training time between checkpoints, beside those at rungs.
        max_seconds: after which the run stops itself; None is never.
    """

    space: JointSpace
    searcher: Searcher
    scheduler: Scheduler
    objective: Objective
    trials: int
    max_epochs: int
    seed: int
    trainable: type[TrialTrainable]
    settings: Mapping[str, Any]
    data: object
    facts: DataFacts | None = None
    split: str = ""
    warning: str = ""
    fingerprint: str = ""
    workers: int | None = None
    checkpoint_seconds: float = 5.0
    max_seconds: float | None = None


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


def cores() -> int:
    """Logical CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
        OrchError: it cannot start or go on. Everything reported until then is kept.
    """
    ledger = Ledger(
        space=plan.space,
        searcher=plan.searcher,
        scheduler=plan.scheduler,
        objective=plan.objective,
        trials=plan.trials,
        max_epochs=plan.max_epochs,
        seed=plan.seed,
        facts=plan.facts,
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
    same_data(begun_with, plan.fingerprint)
    ledger.recover()
    tidy(ledger, place)

    def write(record: Opened | Closed) -> None:
        journal.append(record)
        for observer in observers:
            observer.note(record)

    spent = _Spent()
    try:
        write(_opened(plan))
        flush(journal.sequence)
        stop = None
        if not ledger.finished:
            settings = ledger.settings
            concurrency = settings.get("concurrency", plan.workers)
            with _workers(plan, place, spent, concurrency) as pool:
                from orchestrator.engine.controller import Controller

                stop = Controller(
                    ledger=ledger,
                    journal=journal,
                    pool=pool,
                    inbox=inbox,
                    store=place.store,
                    name=place.name,
                    observers=observers,
                    flush=lambda: flush(journal.sequence),
                ).run(max_seconds=settings.get("max_time", plan.max_seconds))
    except BaseException as error:
        # What went wrong is what counts: a journal that cannot be closed either adds nothing.
        with suppress(JournalError):
            write(spent.closed("failed" if isinstance(error, Exception) else "interrupted"))
        with suppress(JournalError):
            journal.close()
        raise
    try:
        write(spent.closed(stop.reason if stop else FINISHED))
    finally:
        journal.close()
    flush(journal.sequence)
    return stop


@dataclass
class _Spent:
    """Seconds of the workers in this process's time."""

    epochs: float = 0.0
    workers: float = 0.0

    def closed(self, reason: str) -> Closed:
        """The last record."""
        return Closed(
            at=time.time(),
            reason=reason,
            epoch_seconds=self.epochs,
            worker_seconds=self.workers,
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


@contextmanager
def _workers(plan: Plan, place: Place, spent: _Spent, concurrency: int | None) -> Iterator[Pool]:
    """A pool on a Ray of our own, or on the one this process is connected to."""
    size = concurrency or cores()
    with started_ray(max(size, cores())):
        import ray

        from orchestrator.engine.pool import Pool
        from orchestrator.engine.worker import Blueprint

        blueprint = Blueprint(
            trainable=plan.trainable,
            settings=plan.settings,
            threads=1,
            store=place.store,
            checkpoint_seconds=plan.checkpoint_seconds,
        )
        found = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's
        cpus = found.get("CPU", 1.0)
        wants_gpu = plan.settings.get("device") in {"auto", "cuda"}
        gpus = int(found.get("GPU", 0.0)) if wants_gpu else 0

        def share(workers: int) -> tuple[float, float]:
            """More trials at a time than there are CPUs share them."""
            return min(1.0, cpus / workers), gpu_share(gpus, workers)

        pool = Pool(blueprint, ray.put(plan.data), size=min(size, plan.trials), share=share)
        try:
            pool.wait_until_ready()
            yield pool
        finally:
            pool.close()
            spent.epochs, spent.workers = pool.epoch_seconds, pool.worker_seconds


def gpu_share(gpus: int, workers: int) -> float:
    """The part of a GPU that each worker takes, so that all of them find room; 0 without any."""
    # Ray counts resources in ten thousandths.
    return math.floor(10_000 / math.ceil(workers / gpus)) / 10_000 if gpus else 0.0


@contextmanager
def started_ray(cpus: int) -> Iterator[None]:
    """Ray for the time of the block; one that is there already is used and left alone.

    Raises:
        OrchError: it does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        ray.init(
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:
        raise OrchError(f"Ray does not start: {' '.join(str(error).split())}") from error
    try:
        yield
    finally:
        ray.shutdown()


def versions() -> dict[str, str]:
    """Of Python, orch and what computes."""
    names = ("orch-sweep", "ray", "torch", "numpy")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _opened(plan: Plan) -> Opened:
    facts = plan.facts
    return Opened(
        at=time.time(),
        host=platform.node(),
        pid=os.getpid(),
        versions=versions(),
        split=plan.split,
        facts={} if facts is None else asdict(facts),
        warning=plan.warning,
        fingerprint=plan.fingerprint,
    )
