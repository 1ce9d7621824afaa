"""One list of trials, best first, of losses that were observed at different epochs."""

from __future__ import annotations

import math

from orchestrator.searchers.base import Observation


class Furthest:
    """What each trial did at the furthest epoch it was observed at.

    Attributes:
        seen: epoch and loss by trial; the loss of a failed trial is infinite.
    """

    def __init__(self) -> None:
        self.seen: dict[int, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self.seen)

    def note(self, observation: Observation) -> None:
        """Keep the observation, unless the trial was seen further on."""
        loss = observation.loss if math.isfinite(observation.loss) else math.inf
        latest = (observation.epoch, loss)
        self.seen[observation.number] = max(latest, self.seen.get(observation.number, latest))

    def ranked(self) -> list[int]:
        """The trials, best first.

        A trial at a further epoch comes before one at a nearer, losses order trials at
        the same epoch, failed trials come last; ties by number. So losses of different
        epochs are never compared.
        """

        def order(number: int) -> tuple[bool, int, float, int]:
            epoch, loss = self.seen[number]
            return (loss == math.inf, -epoch, loss, number)

        return sorted(self.seen, key=order)
