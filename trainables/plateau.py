"""The learning rate is cut when the validation loss stops falling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainables.schedule import Schedule

THRESHOLD = 1e-4


@dataclass
class Plateau(Schedule):
    """Cut the rate after more than ``patience`` epochs without improvement.

    An improvement is a loss below ``(1 - THRESHOLD)`` of the best. It is torch's
    ``ReduceLROnPlateau`` without an optimizer to hold on to (a test compares the two):
    creating torch's imports its compiler, 1.8 s and 67 MB in every worker.

    Attributes:
        rate: the learning rate of the next epoch.
        factor: what a cut multiplies it by.
        patience: epochs without improvement that are waited for.
        best: the least loss so far.
        waited: epochs since that loss, or since the last cut.
    """

    rate: float
    factor: float = 0.5
    patience: int = 3
    best: float = math.inf
    waited: int = 0

    def at(self, batch: int) -> float:  # noqa: ARG002  # it changes between epochs only
        """The rate of the next epoch's batches."""
        return self.rate

    def observe(self, loss: float) -> None:
        """Take an epoch's validation loss into account."""
        if loss < self.best * (1.0 - THRESHOLD):
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
        if self.waited > self.patience:
            self.waited = 0
            # torch leaves a rate alone once a cut would change it by less than 1e-8.
            if self.rate * (1.0 - self.factor) > 1e-8:
                self.rate *= self.factor

    def state(self) -> dict[str, Any]:
        """Rate, waited and best; None where no loss was finite yet."""
        best = self.best if math.isfinite(self.best) else None
        return {"rate": self.rate, "waited": self.waited, "best": best}

    def load(self, state: Mapping[str, Any], *, same_rate: bool) -> None:
        """Go on from a state; its rate is taken over with ``same_rate``."""
        if same_rate:
            self.rate = float(state["rate"])
        self.waited = int(state["waited"])
        if state["best"] is not None:
            self.best = float(state["best"])
