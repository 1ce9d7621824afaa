"""What a sweep runs: Ray Tune's class Trainable, one epoch a step, kept warm between trials."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import ray.tune

from searchspaces.errors import OrchError
from trainables.outcomes import EpochFailed, NothingLeft
from trainables.trial import Trial

CHECKPOINT_FILE = "trial.safetensors"


class TrialTrainable(Trial, ray.tune.Trainable):
    """An object that holds one trial after another; the base of everything orch runs.

    A subclass says the five things of :class:`trainables.trial.Trial`. orch's engine calls
    these through :meth:`begin`; stock ``tune.Tuner`` calls Ray's ``setup``, ``step``,
    ``save_checkpoint``, ``load_checkpoint`` and ``reset_config``, which are written here in
    terms of the same five.

    Without a config the object is made but holds no trial yet.
    """

    checkpoint_file: ClassVar[str] = CHECKPOINT_FILE

    def __init__(self, config: dict[str, Any] | None = None, storage: Any = None) -> None:
        self._has_storage = storage is not None
        self._seed = 0
        self._reported: dict[str, Any] = {}
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

    def begin(
        self,
        config: Mapping[str, Any],
        *,
        seed: int,
        epoch: int = 0,
        state: bytes | None = None,
        label: str = "",
    ) -> None:
        """Hold that trial; see :meth:`trainables.trial.Trial.begin`."""
        super().begin(config, seed=seed, epoch=epoch, state=state, label=label)
        # Ray counts epochs and knows of restores only when it calls reset and restore itself.
        self._iteration = epoch
        self._restored = state is not None

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
        """Ray's hook: one epoch's metrics; a diverged trial is ``done`` with its ``failure``.

        Ray counts every call as an iteration: a trial that has nothing left to run repeats
        the metrics of its last epoch, ``done``.
        """
        if not self._holds_trial:
            self.reset_config(self.config)  # a space of constants alone: the config is empty
        outcome = self.run_epoch()
        match outcome:
            case EpochFailed():
                return {**outcome.metrics, "failure": outcome.reason, "done": True}
            case NothingLeft():
                return {**self._reported, "finished": outcome.reason, "done": True}
        self._reported = dict(outcome.metrics)
        if outcome.finished:
            return {**self._reported, "finished": outcome.finished, "done": True}
        return dict(self._reported)

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

    def cleanup(self) -> None:
        """Ray's hook: the object is not used any more."""
        self.release()

    def reset(self, new_config: dict[str, Any], storage: Any = None) -> bool:
        """Ray's hook around :meth:`reset_config`."""
        self._has_storage = storage is not None
        # Ray's class is not typed.
        return bool(super().reset(new_config, storage))  # type: ignore[no-untyped-call]

    def _setup_logdir(self) -> None:
        # Without storage Ray would make a temporary folder at every reset: nothing goes there.
        if self._has_storage:
            super()._setup_logdir()  # type: ignore[no-untyped-call]  # Ray is not typed


def seed_of(config: Mapping[str, Any], seed: int) -> int:
    """A trial's seed under stock Tune, which numbers nothing: from the config and the sweep's.

    Stable across processes and the order of names; below 2**63.
    """
    text = json.dumps([seed, dict(config)], sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
