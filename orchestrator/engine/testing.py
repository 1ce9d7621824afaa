"""A trial that trains nothing, for tests and benchmarks of the engine.

:class:`Curve`, the same for stock Tune, is imported on first use: a worker that runs a
:class:`CurveTrial` does not wait for Ray Tune.
"""

from __future__ import annotations

import math
import os
import signal
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from searchspaces import Float, FloatParam, JointSpace, SearchSpace
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft, Outcome
from trainables.trial import Trial

if TYPE_CHECKING:
    from orchestrator.engine.tuned import Curve

__all__ = ["Curve", "CurveSpace", "CurveTrial", "NoTraining", "curve_space"]


class CurveSpace(SearchSpace):
    """One parameter: how low the curve of :class:`CurveTrial` ends."""

    depth: FloatParam = Float(0.0, 1.0)


class NoTraining(SearchSpace):
    """Nothing about the training can be chosen."""


def curve_space() -> JointSpace:
    """The space of :class:`CurveTrial`."""
    return JointSpace(CurveSpace(), NoTraining())


class CurveTrial(Trial):
    """A learning curve that falls towards ``1 - depth``; the state is one number.

    Settings make it misbehave, by trial: a trial is known by its ``depth``.
    """

    def prepare(
        self,
        *,
        data: object = None,  # noqa: ARG002  # every trial is given it
        seconds: float = 0.0,
        diverge_below: float = -1.0,
        raise_below: float = -1.0,
        die_below: float = -1.0,
        marker: str = "",
        done_at: int = 0,
        returns_after: int = 0,
        early_below: float = -1.0,
        too_large_above: float = 2.0,
        **_: Any,
    ) -> None:
        """Take the settings.

        Args:
            data: not used.
            seconds: an epoch sleeps.
            diverge_below: trials of less depth diverge in their second epoch.
            raise_below: trials of less depth raise in their second epoch.
            die_below: trials of less depth kill their worker in their second epoch, once,
                if ``marker`` is a folder to note that in, else always.
            marker: see ``die_below``.
            done_at: trials of less depth than ``early_below`` say at this epoch that they
                are complete; 0 for never.
            returns_after: they have nothing left to run after this epoch; 0 for never.
            early_below: see ``done_at``.
            too_large_above: trials of more depth are infeasible in their first epoch.
        """
        self._done_at, self._returns_after, self._early = done_at, returns_after, early_below
        self._too_large = too_large_above
        self._seconds = seconds
        self._diverge, self._raise, self._die = diverge_below, raise_below, die_below
        self._marker = marker

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Begin at the top of the curve."""
        self._depth = float(config["depth"])
        self._noise = seed % 97 / 97e4
        self._epoch = 0

    def run_epoch(self) -> Outcome:
        """Sleep, fall."""
        early = self._depth < self._early
        if early and self._epoch == self._returns_after > 0:
            return NothingLeft("the function returned")
        self._epoch += 1
        if self._depth > self._too_large:
            return EpochFailed("out of GPU memory", infeasible=True)
        if self._seconds:
            time.sleep(self._seconds)
        if self._epoch == 2:
            self._misbehave()
            if self._depth < self._diverge:
                return EpochFailed("loss became nan")
        loss = 1 - self._depth * (1 - math.exp(-self._epoch / 3)) + self._noise
        metrics = {"valid_loss": loss, "accuracy": 1 - loss, "epoch_seconds": 0.0}
        done = early and self._epoch == self._done_at
        return EpochDone(metrics, finished="no better for 3 epochs" if done else "")

    def freeze(self) -> bytes:
        """The epoch."""
        return struct.pack("<q", self._epoch)

    def thaw(self, state: bytes) -> int:
        """Go on from an epoch."""
        (self._epoch,) = struct.unpack("<q", state)
        return self._epoch

    def _misbehave(self) -> None:
        if self._depth < self._raise:
            raise RuntimeError(f"depth {self._depth:.3f}\nis too little")
        if self._depth < self._die:
            note = Path(self._marker, str(self._depth)) if self._marker else None
            if note and note.exists():
                return
            if note:
                note.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def __getattr__(name: str) -> Any:
    if name != "Curve":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from orchestrator.engine import tuned

    return tuned.Curve
