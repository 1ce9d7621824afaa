"""What a sweep trains: one trial after another in one object, without Ray."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from searchspaces.errors import OrchError
from trainables.outcomes import Outcome


class Trial:
    """An object that holds one trial after another.

    A subclass says five things: how to :meth:`prepare` once, how to :meth:`start` a
    trial, how to :meth:`run_epoch`, and how to :meth:`freeze` and :meth:`thaw` its
    state. Whoever runs trials calls :meth:`begin` and then these. Together with
    :class:`trainables.trainable.TrialTrainable` it is one of Ray Tune's Trainables.
    """

    costs_while_held: ClassVar[bool] = False
    """A trial that is held and not run takes more than memory, as a process of its own does."""
    label: str = ""
    node: str = ""
    """The machine it runs on, if that is another than its object's."""
    _holds_trial: bool = False

    @classmethod
    def bare(cls, **parameters: Any) -> Self:
        """An object that is prepared and holds no trial; :meth:`begin` gives it one.

        Args:
            parameters: keyword arguments of :meth:`prepare`.
        """
        made = cls()
        made.prepare(**parameters)
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

    @property
    def can_pause(self) -> bool:
        """Whether :meth:`freeze` works; a trial that cannot pause starts over after a loss."""
        return True

    def frozen_epoch(self, epoch: int) -> int:
        """The epoch of the state that :meth:`freeze` would give now, after ``epoch``.

        Earlier than ``epoch`` where the trial itself says when its state is worth keeping;
        0 where it has said so at no epoch yet. The epochs in between run again.
        """
        return epoch

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

    def let_go(self) -> None:
        """Hold no trial any more: end what runs for it, such as a process of its own."""

    def take_fold(self, fold: int) -> None:
        """Train on that fold from now on, counted from 0, where the data are in folds."""

    def twin(self, fold: int) -> Self:
        """Another object for one fold, made while no trial is held; it shares what is prepared."""
        made = copy.copy(self)
        made.take_fold(fold)
        return made

    # --- what runs trials calls

    def begin(
        self,
        config: Mapping[str, Any],
        *,
        seed: int,
        epoch: int = 0,
        state: bytes | None = None,
        label: str = "",
    ) -> None:
        """Hold that trial, at that epoch, from now on.

        Args:
            config: its parameters.
            seed: its random numbers derive from it; not negative.
            epoch: epochs it has behind it.
            state: what :meth:`freeze` gave at that epoch; None for a fresh trial.
            label: what people call it; only a program of its own is told.

        Raises:
            UsageError: ``config`` is invalid.
            OrchError: ``state`` is damaged, of another epoch, or absent where needed.
        """
        self.config = dict(config)
        self.label = label
        self._hold(config, seed)
        reached = 0 if state is None else self.thaw(state)
        if reached != epoch:
            self.release()
            raise OrchError(
                f"epoch {epoch} was asked for, and the checkpoint holds {reached}. "
                f"Give the checkpoint written at that epoch."
            )

    def _hold(self, config: Mapping[str, Any], seed: int) -> None:
        self.release()
        self.start(config, seed=seed)
        self._holds_trial = True

    def release(self) -> None:
        """Hold no trial from now on; nothing of the last one goes on running."""
        if self._holds_trial:
            self._holds_trial = False
            self.let_go()
