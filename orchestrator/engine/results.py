"""What a worker says of an epoch, and whether it says the same of one that ran again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestrator.engine.records import Checkpoint, Metrics


@dataclass(frozen=True)
class EpochResult:
    """What a worker says of an epoch it has run.

    Attributes:
        number: the trial.
        attempt: the attempt of the lease.
        epoch: counted from 1.
        metrics: as reported; None for values that are not finite.
        seconds: the epoch took.
        node: where.
        checkpoint: written after this epoch, if one was.
        finished: why the trial is complete with it; empty when it can go on.
    """

    number: int
    attempt: int
    epoch: int
    metrics: Metrics
    seconds: float
    node: str
    checkpoint: Checkpoint | None = None
    finished: str = ""


@dataclass(frozen=True)
class NoMore:
    """A trial was complete with the epoch before; the lease ran none.

    Attributes:
        number: the trial.
        attempt: of the lease.
        reason: one line.
        checkpoint: written at the end, if one was.
    """

    number: int
    attempt: int
    reason: str
    checkpoint: Checkpoint | None = None


def same_metrics(before: Metrics | None, now: Metrics) -> bool:
    """Whether an epoch gave the same the second time; times may differ."""
    if before is None:
        return True
    return all(
        _close(before.get(name), value)
        for name, value in now.items()
        if not name.endswith("_seconds")
    )


def _close(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, rel_tol=1e-6, abs_tol=1e-12)
