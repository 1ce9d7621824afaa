"""What a sweep runs: Ray Tune's class Trainable, one epoch a step, kept warm between trials."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import ray.tune

from searchspaces.errors import OrchError
from searchspaces.joint import JointSpace
from trainables.data.part import SweepData
from trainables.outcomes import EpochFailed, Outcome

CHECKPOINT_FILE = "trial.safetensors"


class TrialTrainable(ray.tune.Trainable):
    """An object that holds one trial after another; the base of everything orch runs.

    A subclass says five things: how to :meth:`prepare` once, how to :meth:`start` a
    trial, how to :meth:`run_epoch`, and how to :meth:`freeze` and :meth:`thaw` its
    state. orch's engine calls these through :meth:`begin`; stock ``tune.Tuner`` calls
    Ray's ``setup``, ``step``, ``save_checkpoint``, ``load_checkpoint`` and
    ``reset_config``, which are written here in terms of the same five.

    Without a config the object is made but holds no trial yet.
    """

    checkpoint_file: ClassVar[str] = CHECKPOINT_FILE

    def __init__(self, config: dict[str, Any] | None = None, storage: Any = None) -> None:
        self._has_storage = storage is not None
        self._seed = 0
        self._holds_trial = False
        super().__init__(config or {}, storage)

    @classmethod
    def bare(cls, **parameters: Any) -> Self:
        """An object outside Tune that is prepared and holds no trial; :meth:`begin` gives it one.

        Args:
            parameters: keyword arguments of :meth:`setup`.
        """
        # Ray's __init__ calls setup(config), as tune.with_parameters knows too.
        bound = functools.partialmethod(cls.setup, **parameters)
        made: Self = type(cls.__name__, (cls,), {"setup": bound})()
        return made

    # --- what a subclass says

    def prepare(self, **parameters: Any) -> None:
        """Take what all trials share, such as the data; called once per object."""

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Hold a fresh trial from now on, whatever was held before.

        Raises:
            UsageError: ``config`` is invalid.
        """
        raise NotImplementedError

    def run_epoch(self) -> Outcome:
        """Run one epoch of the trial; a diverged trial is returned, not raised."""
        raise NotImplementedError

    def freeze(self) -> bytes:
        """The trial's state: all that is needed to go on exactly."""
        raise NotImplementedError

    def thaw(self, state: bytes) -> int:
        """Go on from a state that :meth:`freeze` gave, in the trial just started.

        Returns:
            The number of epochs that the state has behind it.

        Raises:
            OrchError: ``state`` is damaged or does not fit the trial.
        """
        raise NotImplementedError

    # --- what orch's engine calls

    def begin(
        self,
        config: Mapping[str, Any],
        *,
        seed: int,
        epoch: int = 0,
        state: bytes | None = None,
    ) -> None:
        """Hold that trial, at that epoch, from now on.

        Args:
            config: its parameters.
            seed: its random numbers derive from it; not negative.
            epoch: epochs it has behind it.
            state: what :meth:`freeze` gave at that epoch; None for a fresh trial.

        Raises:
            UsageError: ``config`` is invalid.
            OrchError: ``state`` is damaged, of another epoch, or absent where needed.
        """
        self.config = dict(config)
        self._hold(config, seed)
        reached = 0 if state is None else self.thaw(state)
        if reached != epoch:
            self._holds_trial = False
            raise OrchError(
                f"epoch {epoch} was asked for, and the checkpoint holds {reached}. "
                f"Give the checkpoint written at that epoch."
            )
        # Ray counts epochs and knows of restores only when it calls reset and restore itself.
        self._iteration = epoch
        self._restored = state is not None

    def _hold(self, config: Mapping[str, Any], seed: int) -> None:
        self._holds_trial = False
        self.start(config, seed=seed)
        self._holds_trial = True

    # --- what Ray calls

    def setup(self, config: dict[str, Any], *, seed: int = 0, **parameters: Any) -> None:
        """Ray's hook: :meth:`prepare`, then hold the first trial if there is a config.

        Args:
            config: of the first trial; empty when an engine will call :meth:`begin`.
            seed: of the whole sweep; a trial's own derives from it and its config.
            parameters: for :meth:`prepare`; ``tune.with_parameters`` brings them.
        """
        self._seed = seed
        self.prepare(**parameters)
        if config:
            self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Ray's hook: hold a fresh trial of ``new_config``; always possible, hence True."""
        self._hold(new_config, seed_of(new_config, self._seed))
        return True

    def step(self) -> dict[str, Any]:
        """Ray's hook: one epoch's metrics; a diverged trial is ``done`` with its ``failure``."""
        if not self._holds_trial:
            self.reset_config(self.config)  # a space of constants alone: the config is empty
        outcome = self.run_epoch()
        if isinstance(outcome, EpochFailed):
            return {**outcome.metrics, "failure": outcome.reason, "done": True}
        return dict(outcome.metrics)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Ray's hook: write :meth:`freeze` to one file in the folder."""
        Path(checkpoint_dir, self.checkpoint_file).write_bytes(self.freeze())

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Ray's hook: read the folder's file back.

        Raises:
            OrchError: the file is missing, damaged or does not fit.
        """
        file = Path(checkpoint, self.checkpoint_file)
        try:
            state = file.read_bytes()
        except OSError as error:
            raise OrchError(f"{file}: {error.strerror}. Start the trial anew.") from error
        if not self._holds_trial:
            self.reset_config(self.config)
        # Ray's own count comes from the last result, which may be older than the checkpoint.
        self._iteration = self.thaw(state)

    def reset(self, new_config: dict[str, Any], storage: Any = None) -> bool:
        """Ray's hook around :meth:`reset_config`."""
        self._has_storage = storage is not None
        # Ray's class is not typed.
        return bool(super().reset(new_config, storage))  # type: ignore[no-untyped-call]

    def _setup_logdir(self) -> None:
        # Without storage Ray would make a temporary folder at every reset: nothing goes there.
        if self._has_storage:
            super()._setup_logdir()  # type: ignore[no-untyped-call]  # Ray is not typed


class ArchitectureTrainable(TrialTrainable):
    """Trains any architecture; every architecture is run through this one class.

    Under stock Tune: ``tune.with_parameters(ArchitectureTrainable, architecture="gru",
    space=space, data=data)``.
    """

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        architecture: str,
        space: JointSpace,
        data: SweepData,
        metric: str = "valid_loss",
        mode: Literal["min", "max"] = "min",
    ) -> None:
        """Take what all trials share.

        Args:
            architecture: registered name, or ``module:attribute``.
            space: what configs are checked against.
            data: training and validation parts; read-only memory is fine.
            metric: the best epoch's weights by this metric are kept in checkpoints.
            mode: whether less or more of it is better.

        Raises:
            UnknownNameError: no such architecture or metric.
        """
        # torch is imported by workers alone, and only by those that train networks.
        from trainables import architectures
        from trainables.learner import Task

        self._architecture = architectures.get(architecture)
        self._space = space
        self._task = Task.of(data, metric=metric, mode=mode)

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Build the network of ``config``; initial weights derive from ``seed``.

        Raises:
            ConfigurationError: ``config`` is not in the space.
        """
        from trainables.learner import Learner

        valid = self._space.validate(config, self._task.facts)
        self._learner = Learner(self._architecture, valid, self._task, seed=seed)

    def run_epoch(self) -> Outcome:
        """Train and measure once; see :meth:`trainables.learner.Learner.run_epoch`."""
        return self._learner.run_epoch()

    def freeze(self) -> bytes:
        """A checkpoint; see :mod:`trainables.checkpoint`."""
        from trainables.checkpoint import encode

        return encode(self._learner.snapshot())

    def thaw(self, state: bytes) -> int:
        """Load a checkpoint into the trial just started; its epoch is returned."""
        from trainables.checkpoint import decode

        self._learner.restore(decode(state))
        return self._learner.epoch


def seed_of(config: Mapping[str, Any], seed: int) -> int:
    """A trial's seed under stock Tune, which numbers nothing: from the config and the sweep's.

    Stable across processes and the order of names; below 2**63.
    """
    text = json.dumps([seed, dict(config)], sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
