"""The one number a sweep minimises, read from an epoch's metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from searchspaces.errors import ConfigurationError, did_you_mean
from trainables.outcomes import EpochDone, EpochFailed, Outcome

Mode = Literal["min", "max"]


@dataclass(frozen=True)
class Objective:
    """A metric and whether more of it is better.

    Attributes:
        metric: its name, as the trainable reports it.
        mode: ``min`` or ``max``.
    """

    metric: str
    mode: Mode

    def loss(self, metrics: Mapping[str, float | None]) -> float:
        """The metric as something to minimise; nan when it is not finite.

        Raises:
            ConfigurationError: the trainable reports no such metric.
        """
        if self.metric not in metrics:
            close = did_you_mean(self.metric, metrics)
            hint = f" Did you mean {close!r}?" if close else ""
            raise ConfigurationError(
                f"no metric {self.metric!r} is reported.{hint} Known: {', '.join(metrics)}. "
                f"Report it in every epoch, or choose another with --metric.",
                place="metric",
            )
        value = metrics[self.metric]
        if value is None or not math.isfinite(value):
            return math.nan
        return self.value(value)

    def failure(self, epoch: int) -> str:
        """Why a trial whose loss is nan at that epoch has failed."""
        return f"{self.metric} is not finite at epoch {epoch}"

    def judged(self, outcome: Outcome, epoch: int) -> Outcome:
        """As a sweep takes it: an epoch without a finite objective is a failure.

        Raises:
            ConfigurationError: the trainable reports no such metric.
        """
        if isinstance(outcome, EpochDone) and math.isnan(self.loss(outcome.metrics)):
            return EpochFailed(self.failure(epoch), outcome.metrics)
        return outcome

    def value(self, loss: float) -> float:
        """The metric's value of a loss, and the other way round."""
        return loss if self.mode == "min" else -loss
