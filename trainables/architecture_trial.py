"""A trial of any architecture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from searchspaces.config import Config
from searchspaces.errors import ConfigurationError, OrchError
from searchspaces.joint import JointSpace
from trainables.data.folds import FoldedData
from trainables.data.part import SweepData
from trainables.limits import limit
from trainables.outcomes import EpochFailed, Outcome
from trainables.trial import Trial

if TYPE_CHECKING:
    from trainables.learner import Learner


class ArchitectureTrial(Trial):
    """Trains any architecture; every architecture is run through this one class.

    Attributes:
        device: on which this object trains: ``cpu``, ``cuda`` or ``mps``.
    """

    _learner: Learner | None = None
    _no_room: str = ""
    device: str

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        architecture: str,
        space: JointSpace,
        data: SweepData | FoldedData,
        metric: str = "valid_loss",
        mode: Literal["min", "max"] = "min",
        device: str = "auto",
        precision: str = "float32",
        epochs: int | None = None,
        limits: Sequence[str] = (),
    ) -> None:
        """Take what all trials share.

        Args:
            architecture: registered name, or ``module:attribute``.
            space: what configs are checked against.
            data: training and validation parts; read-only memory is fine. Of folds, this
                object trains on the first, and its twins on theirs.
            metric: the best epoch's weights by this metric are kept in checkpoints.
            mode: whether less or more of it is better.
            device: where to train; see :func:`trainables.devices.resolve`.
            precision: of products on a GPU.
            epochs: of a trial that is never stopped; schedules that fall to their end need it.
            limits: such as ``accuracy >= 0.9``; no epoch that breaks one is the best before one
                that keeps them.

        Raises:
            UnknownNameError: no such architecture or metric.
            ConfigurationError: no network of the space takes such data, or this machine has
                no such device.
        """
        # torch is imported by workers alone, and only by those that train networks.
        from trainables import architectures
        from trainables.devices import compute_of
        from trainables.fold_tasks import tasks_of
        from trainables.heap import keep_freed_memory

        refusal = space.space.refuses(data.facts)
        if refusal:
            raise ConfigurationError(f"{refusal}.", place=f"{architecture} on {data.name}")
        self._architecture = architectures.get(architecture)
        self._space = space
        compute = compute_of(device, precision)
        keep_freed_memory()
        self.device = str(compute.device)
        self._tasks = tasks_of(
            data,
            metric=metric,
            mode=mode,
            compute=compute,
            epochs=epochs,
            limits=tuple(map(limit, limits)),
        )
        self._task = self._tasks[0]

    def take_fold(self, fold: int) -> None:
        """Train on that fold; a few series that stand for all of them are the same in each."""
        self._task = self._tasks[fold % len(self._tasks)]

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Build the network of ``config``; initial weights derive from ``seed``.

        A ``Config`` was checked by the space that made it, which may be another by now: people
        may edit it while a sweep runs.

        Raises:
            ConfigurationError: ``config`` is a plain mapping and not in the space.
        """
        from trainables.learner import Learner

        if not isinstance(config, Config):
            config = self._space.validate(config, self._task.facts)
        self._no_room = ""
        with self._where_there_is_room():
            self._learner = Learner(self._architecture, config, self._task, seed=seed)

    def let_go(self) -> None:
        """Drop the network, so that there are never two at a time."""
        self._learner = None

    @contextmanager
    def _where_there_is_room(self) -> Iterator[None]:
        from trainables.devices import is_out_of_memory, out_of_memory

        try:
            yield
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._no_room = out_of_memory(self._task.compute.device)
        if self._no_room:
            self._learner = None
            self._task.compute.free()

    @property
    def learner(self) -> Learner:
        """The trial that is held.

        Raises:
            OrchError: none is, or there was no room for its network.
        """
        if self._learner is None:
            raise OrchError("no network is held. Begin a trial first.")
        return self._learner

    def run_epoch(self) -> Outcome:
        """Train and measure once; see :meth:`trainables.learner.Learner.run_epoch`.

        A network for which there is no room is infeasible; the object can hold the next one.
        """
        from trainables.devices import out_of_memory

        if self._no_room:
            return EpochFailed(self._no_room, infeasible=True)
        outcome: Outcome = EpochFailed(out_of_memory(self._task.compute.device), infeasible=True)
        with self._where_there_is_room():
            outcome = self.learner.run_epoch()
        if isinstance(outcome, EpochFailed) and outcome.infeasible:
            self._no_room = outcome.reason
        return outcome

    def freeze(self) -> bytes:
        """A checkpoint; see :mod:`trainables.checkpoint`."""
        from trainables.checkpoint import encode

        return encode(self.learner.snapshot())

    def thaw(self, state: bytes) -> int:
        """Load a checkpoint into the trial just started; its epoch is returned."""
        from trainables.checkpoint import decode

        snapshot = decode(state)
        if self._learner is not None:
            with self._where_there_is_room():
                self._learner.restore(snapshot)
        return int(snapshot.document["epoch"])
