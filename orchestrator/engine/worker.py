"""What runs in a Ray actor: one warm object that is leased to one trial after another."""

from __future__ import annotations

import math
import platform
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.engine.records import Checkpoint, Metrics
from orchestrator.engine.results import EpochResult, NoMore
from orchestrator.runs.checkpoints import CheckpointError, CheckpointStore, StoreError
from orchestrator.runs.distant import require
from searchspaces import Config
from searchspaces.errors import raised
from trainables.outcomes import EpochFailed, NothingLeft, WorkersLostError

if TYPE_CHECKING:
    from trainables.trial import Trial


REASON, DETAIL = 500, 20_000
"""Characters of an error that the journal keeps, and of its traceback."""


@dataclass(frozen=True)
class Blueprint:
    """What every worker of a sweep needs to train any of its trials.

    Attributes:
        trainable: subclass of :class:`trainables.trial.Trial`.
        settings: keyword arguments of its ``prepare``, but for the data.
        threads: of torch and of the libraries under it, per worker.
        store: where checkpoints go.
        checkpoint_seconds: training time after which one is written between rungs.
        ranks: processes of a trial beside the worker's; 0 is none.
    """

    trainable: type[Trial]
    settings: Mapping[str, Any]
    threads: int
    store: CheckpointStore
    checkpoint_seconds: float
    ranks: int = 0


@dataclass(frozen=True)
class Lease:
    """A worker's order: run this trial to ``until``.

    Attributes:
        number: the trial.
        attempt: goes into the names of its checkpoints, so that an orphaned worker of an
            earlier attempt cannot overwrite them.
        name: folder of its checkpoints in the store.
        config: as its space made it.
        seed: of everything random in the trial.
        epoch: the last one reported; 0 for a new trial. A worker that still holds the trial
            there goes on at once.
        until: the last one to run; a checkpoint is written after it.
        checkpoint: what any other worker goes on from; None to start from the beginning.
    """

    number: int
    attempt: int
    name: str
    config: Config
    seed: int
    epoch: int
    until: int
    checkpoint: Checkpoint | None


@dataclass(frozen=True)
class Fault:
    """A trial cannot go on; the worker can.

    Attributes:
        number: the trial.
        attempt: of the lease.
        reason: one line.
        detail: the traceback, if something was raised.
        stale: the checkpoint could not be used; the trial may start over.
        fatal: no trial can go on; the sweep stops.
        infeasible: the config cannot run on this machine, such as out of memory.
    """

    number: int
    attempt: int
    reason: str
    detail: str = ""
    stale: bool = False
    fatal: bool = False
    infeasible: bool = False


Report = EpochResult | NoMore | Fault
"""What a lease yields."""


class Worker:
    """Holds what trains between leases, so that a trial costs no process and no imports.

    Args:
        blueprint: of the sweep.
        data: what ``prepare`` takes as ``data``; shared memory, read only.
        more: settings that are this worker's alone.
    """

    def __init__(
        self, blueprint: Blueprint, data: object, more: Mapping[str, Any] | None = None
    ) -> None:
        self._blueprint = blueprint
        self._settings = {**blueprint.settings, **(more or {})}
        self._data = data
        self._node = platform.node()
        self._holds: tuple[int, int, int] | None = None
        self._frozen = 0
        self._trainable: Trial | None = None

    def ready(self) -> None:
        """Make what trains.

        Raises:
            StoreError: checkpoints cannot reach their place from this machine.
            Exception: whatever that raises when it is made.
        """
        blueprint = self._blueprint
        require(blueprint.store)
        self._trainable = blueprint.trainable.bare(data=self._data, **self._settings)
        _limit_threads(blueprint.threads)

    def run(self, lease: Lease) -> Iterator[Report]:
        """Run a lease; one item per epoch, and a :class:`Fault` or :class:`NoMore` as the last.

        Whatever the trial raises ends that trial and not the worker.

        Raises:
            WorkersLostError: the trial's processes are gone; another worker has others.
            Exception: what trains cannot be made; another worker may succeed.
        """
        if self._trainable is None:
            self.ready()
        if self._trainable is None:
            raise RuntimeError("ready() makes what trains")
        try:
            yield from self._epochs(lease, self._trainable)
        except CheckpointError as error:
            yield Fault(lease.number, lease.attempt, str(error), stale=True)
        except StoreError as error:
            yield Fault(lease.number, lease.attempt, str(error), fatal=True)
        except WorkersLostError:
            raise
        except Exception as error:  # noqa: BLE001  # a user's network may raise anything
            detail = _clean(traceback.format_exc())[-DETAIL:]
            yield Fault(lease.number, lease.attempt, _clean(raised(error))[:REASON], detail)
        finally:
            # Also when the lease is interrupted, which ends this generator at a yield.
            if self._holds is None:
                self._trainable.release()

    def release(self, number: int) -> None:
        """Trial ``number`` is over: if it is held, nothing of it goes on running."""
        if self._trainable is not None and self._holds is not None and self._holds[0] == number:
            self._holds = None
            self._trainable.release()

    def _epochs(self, lease: Lease, trainable: Trial) -> Iterator[Report]:
        begun_at = self._take(lease, trainable)
        self._holds = None
        saved = time.monotonic()
        for epoch in range(begun_at + 1, lease.until + 1):
            begun = time.perf_counter()
            done = trainable.run_epoch()
            if isinstance(done, EpochFailed):
                yield Fault(
                    lease.number,
                    lease.attempt,
                    _clean(done.reason),
                    _clean(done.detail)[-DETAIL:],
                    infeasible=done.infeasible,
                )
                return
            if isinstance(done, NothingLeft):
                checkpoint = self._save(lease, epoch - 1, trainable)
                yield NoMore(lease.number, lease.attempt, done.reason, checkpoint)
                return
            seconds = time.perf_counter() - begun
            checkpoint = None
            now = time.monotonic()
            last = epoch == lease.until or bool(done.finished)
            if last or now - saved >= self._blueprint.checkpoint_seconds:
                checkpoint = self._save(lease, epoch, trainable)
                saved = now
            if last and not done.finished:
                self._holds = (lease.number, lease.attempt, epoch)
            yield EpochResult(
                number=lease.number,
                attempt=lease.attempt,
                epoch=epoch,
                metrics=_finite(done.metrics),
                seconds=seconds,
                node=trainable.node or self._node,
                checkpoint=checkpoint,
                finished=done.finished,
            )
            if last:
                return

    def _take(self, lease: Lease, trainable: Trial) -> int:
        """Have the lease's trial held; the epoch it is at."""
        if self._holds == (lease.number, lease.attempt, lease.epoch):
            return lease.epoch
        epoch, state = 0, None
        if lease.checkpoint is not None:
            epoch, state = lease.checkpoint.epoch, self._blueprint.store.load(lease.checkpoint)
        trainable.begin(lease.config, seed=lease.seed, epoch=epoch, state=state, label=lease.name)
        self._frozen = epoch
        return epoch

    def _save(self, lease: Lease, epoch: int, trainable: Trial) -> Checkpoint | None:
        """Write what the trial can go on from; None where that lies there already."""
        at = trainable.frozen_epoch(epoch) if trainable.can_pause else 0
        if at <= self._frozen:
            return None
        key = f"{lease.name}/{lease.attempt:03d}-{at:06d}.safetensors"
        checkpoint = self._blueprint.store.save(key, at, trainable.freeze())
        self._frozen = at
        return checkpoint


def _limit_threads(threads: int) -> None:
    """Give torch the worker's share of the machine, if what trains uses torch at all."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _finite(metrics: Mapping[str, float]) -> Metrics:
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}


def _clean(text: str) -> str:
    """``text`` as UTF-8 can have it: names of files may hold what it cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
