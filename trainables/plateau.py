"""The learning rate halves when the validation loss stops falling."""

from __future__ import annotations

import math
from dataclasses import dataclass

FACTOR = 0.5
PATIENCE = 3
THRESHOLD = 1e-4


@dataclass
class Plateau:
    """Cut the rate by ``FACTOR`` after more than ``PATIENCE`` epochs without improvement.

    An improvement is a loss below ``(1 - THRESHOLD)`` of the best. It is torch's
    ``ReduceLROnPlateau`` without an optimizer to hold on to (a test compares the two):
    creating torch's imports its compiler, 1.8 s and 67 MB in every worker.

    Attributes:
        rate: the learning rate of the next epoch.
        best: the least loss so far.
        waited: epochs since that loss, or since the last cut.
    """

    rate: float
    best: float = math.inf
    waited: int = 0

    def observe(self, loss: float) -> None:
        """Take an epoch's validation loss into account."""
        if loss < self.best * (1.0 - THRESHOLD):
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
        if self.waited > PATIENCE:
            self.waited = 0
            # torch leaves a rate alone once a cut would change it by less than 1e-8.
            if self.rate * (1.0 - FACTOR) > 1e-8:
                self.rate *= FACTOR
