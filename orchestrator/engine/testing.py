"""A Trainable that trains nothing, for tests and benchmarks of the engine."""

from __future__ import annotations

import math
import os
import signal
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from searchspaces import Float, FloatParam, JointSpace, SearchSpace
from trainables.outcomes import EpochDone, EpochFailed, Outcome
from trainables.trainable import TrialTrainable


class CurveSpace(SearchSpace):
    """One parameter: how low the curve of :class:`Curve` ends."""

    depth: FloatParam = Float(0.0, 1.0)


class NoTraining(SearchSpace):
    """Nothing about the training can be chosen."""


def curve_space() -> JointSpace:
    """The space of :class:`Curve`."""
    return JointSpace(CurveSpace(), NoTraining())


class Curve(TrialTrainable):
    """A learning curve that falls towards ``1 - depth``; the state is one number.

    Settings make it misbehave, by trial: a trial is known by its ``depth``.
    """

    def prepare(
        self,
        *,
        data: object = None,  # noqa: ARG002  # every Trainable is given it
        seconds: float = 0.0,
        diverge_below: float = -1.0,
        raise_below: float = -1.0,
        die_below: float = -1.0,
        marker: str = "",
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
        """
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
        self._epoch += 1
        if self._seconds:
            time.sleep(self._seconds)
        if self._epoch == 2:
            self._misbehave()
            if self._depth < self._diverge:
                return EpochFailed("loss became nan")
        loss = 1 - self._depth * (1 - math.exp(-self._epoch / 3)) + self._noise
        return EpochDone({"valid_loss": loss, "accuracy": 1 - loss, "epoch_seconds": 0.0})

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
