"""What a sweep minimises, read from an epoch's metrics: one number, or several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from searchspaces.dominance import CEILING
from trainables.limits import Limit, limited, reported, violation
from trainables.outcomes import EpochDone, EpochFailed, Outcome

Mode = Literal["min", "max"]
_MODES: tuple[Mode, ...] = ("min", "max")


@dataclass(frozen=True)
class Goal:
    """A metric and whether more of it is better.

    Attributes:
        metric: its name, as the trainable reports it.
        mode: ``min`` or ``max``.
    """

    metric: str
    mode: Mode

    def __str__(self) -> str:
        """``accuracy max``; :func:`goal` reads it again."""
        return f"{self.metric} {self.mode}"

    def loss(self, metrics: Mapping[str, float | None], *, place: str) -> float:
        """The metric as something to minimise; nan when it is not finite.

        Args:
            metrics: of an epoch.
            place: where a person has named it.

        Raises:
            ConfigurationError: the trainable reports no such metric.
        """
        instead = f"choose another with --{place.removesuffix('s')}"
        value = reported(self.metric, metrics, place=place, instead=instead)
        if value is None or not math.isfinite(value):
            return math.nan
        return value if self.mode == "min" else -value


def goal(text: str) -> Goal:
    """The further objective that a person wrote: a metric, and ``min`` or ``max`` behind it.

    Without either an accuracy is to be large and everything else small.

    Raises:
        ValueError: it is none; the message says what one is.
    """
    metric, *rest = text.split() or [""]
    for mode in _MODES:
        if metric and rest == [mode]:
            return Goal(metric, mode)
    if not metric or rest:
        raise ValueError(
            f"{text!r} is no objective. Write a metric, and min or max behind it, "
            f"such as 'weights min'"
        )
    return Goal(metric, "max" if metric == "accuracy" else "min")


@dataclass(frozen=True)
class Objective:
    """A metric and whether more of it is better; what else counts beside it.

    Attributes:
        metric: its name, as the trainable reports it.
        mode: ``min`` or ``max``.
        limits: on metrics; a trial that breaks one is worse than all that keep them.
        others: further objectives, to which ``metric`` is the first.
    """

    metric: str
    mode: Mode
    limits: tuple[Limit, ...] = ()
    others: tuple[Goal, ...] = ()

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """All objectives, the metric first."""
        return (Goal(self.metric, self.mode), *self.others)

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics that trials have to report: of the objectives, then of the limits."""
        named: tuple[Goal | Limit, ...] = (*self.goals, *self.limits)
        return tuple(dict.fromkeys(each.metric for each in named))

    @property
    def aims(self) -> str:
        """For people: ``valid_loss min, weights min; keeps accuracy >= 0.9``."""
        limits = ", ".join(map(str, self.limits))
        return "; ".join(
            [", ".join(map(str, self.goals)), *([f"keeps {limits}"] if limits else [])]
        )

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return bool(self.others)

    def loss(self, metrics: Mapping[str, float | None]) -> float:
        """The metric as something to minimise; nan when it is not finite.

        With limits it is finite whatever is broken, and larger than every loss of what keeps
        them: :func:`trainables.limits.limited`.

        Raises:
            ConfigurationError: the trainable reports no such metric, or none of a limit.
        """
        loss = self.goals[0].loss(metrics, place="metric")
        return limited(loss, self.violation(metrics)) if self.limits else loss

    def losses(self, metrics: Mapping[str, float | None]) -> tuple[float, ...]:
        """All objectives as something to minimise, :meth:`loss` first.

        What is not finite among the others is as bad as can be. Of an epoch that breaks a
        limit all are the same, so that every other dominates it.

        Raises:
            ConfigurationError: the trainable does not report one of the metrics.
        """
        first = self.loss(metrics)
        broken = self.violation(metrics)
        others = (each.loss(metrics, place="objectives") for each in self.others)
        return (first, *(first if broken else CEILING if math.isnan(other) else min(other, CEILING)
                         for other in others))  # fmt: skip

    def values(self, metrics: Mapping[str, float | None]) -> tuple[float, ...]:
        """All objectives as something to minimise, whatever the limits; nan where not finite.

        Raises:
            ConfigurationError: the trainable does not report one of the metrics.
        """
        return tuple(each.loss(metrics, place="objectives") for each in self.goals)

    def violation(self, metrics: Mapping[str, float | None]) -> float:
        """By how much an epoch breaks the limits; 0 if it keeps them all.

        Raises:
            ConfigurationError: the trainable does not report one of the metrics.
        """
        return violation(self.limits, metrics)

    def of(self, metrics: Mapping[str, float | None]) -> float | None:
        """The metric's own value, if it is there."""
        return metrics.get(self.metric)

    def failure(self, epoch: int) -> str:
        """Why a trial whose loss is nan at that epoch has failed."""
        return f"{self.metric} is not finite at epoch {epoch}"

    def judged(self, outcome: Outcome, epoch: int) -> Outcome:
        """As a sweep takes it: an epoch without a finite objective is a failure.

        Raises:
            ConfigurationError: the trainable does not report one of the metrics.
        """
        if isinstance(outcome, EpochDone) and math.isnan(self.losses(outcome.metrics)[0]):
            return EpochFailed(self.failure(epoch), outcome.metrics)
        return outcome

    def value(self, loss: float) -> float:
        """The metric's value of a loss that breaks no limit, and the other way round."""
        return loss if self.mode == "min" else -loss
