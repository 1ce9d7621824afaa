"""Successive halving without waiting: each trial is judged by who came before it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.schedulers.halving import AsynchronousHalving
from orchestrator.schedulers.rungs import levels
from searchspaces.errors import ConfigurationError


class Asha(AsynchronousHalving):
    """Asynchronous successive halving, in its stopping or its promotion form.

    Rungs are ``max_epochs // eta**k`` down to ``min_epochs``, in one bracket. What happens
    there, and what ``form`` and ``cap`` mean: see :class:`AsynchronousHalving`.

    Raises:
        ConfigurationError: ``min_epochs > max_epochs``.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys (2020),
    algorithm 2.
    """

    kind: Literal["asha"] = "asha"
    min_epochs: int = Field(default=1, ge=1)
    """No trial is stopped before this epoch."""

    def _laid_out(
        self, trials: int, max_epochs: int
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
        if self.min_epochs > max_epochs:
            raise ConfigurationError(
                f"{self.min_epochs} is above the {max_epochs} epochs of the sweep. "
                f"Give at most {max_epochs}.",
                place="scheduler.min_epochs",
            )
        return [levels(max_epochs, self.eta, self.min_epochs)], [(0, trials)]
