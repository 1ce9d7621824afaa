"""Loss scaling: small gradients survive in float16 when the loss is multiplied first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROWTH, BACKOFF, INTERVAL = 2.0, 0.5, 2000
LEAST = 1.0
"""Gradients that overflow without any scale are the network's fault."""


@dataclass
class LossScale:
    """What the loss is multiplied by, found while training; torch's ``GradScaler``.

    torch's class asks for one of torch's optimizers, hence this one (a test compares them).

    Attributes:
        value: the scale of the next batch; 1 when it is off.
        good: batches since the last overflow, or since it last grew.
        on: whether the loss is scaled at all.

    Source: Micikevicius et al., Mixed precision training, ICLR 2018, section 3.2.
    """

    value: float = 65536.0
    good: int = 0
    on: bool = True

    @classmethod
    def off(cls) -> LossScale:
        """One that does nothing."""
        return cls(1.0, on=False)

    def overflowed(self) -> bool:
        """A gradient was not finite: whether the batch is skipped and a smaller scale tried."""
        if not self.on or self.value <= LEAST:
            return False
        self.good = 0
        self.value = max(self.value * BACKOFF, LEAST)
        return True

    def went_well(self) -> None:
        """The gradients were finite."""
        if not self.on:
            return
        self.good += 1
        if self.good >= INTERVAL:
            self.value, self.good = min(self.value * GROWTH, math.ldexp(1.0, 100)), 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold; empty when it is off."""
        return {"value": self.value, "good": self.good} if self.on else {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; one without it starts anew."""
        if self.on and state:
            self.value, self.good = float(state["value"]), int(state["good"])
