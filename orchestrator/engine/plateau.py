"""What more trials are expected to gain, from the final values of those that ran to the end.

Only trials that were trained as far as any can be are compared. Their best losses, in the order
in which they came to an end, tell two things: how fast the best one fell in the later half, and
how far the good ones of late lie apart. The first is the rate of a search that still learns, the
second what a search that has settled can still hope for; the larger of both is what is expected.

Source: the lower tail is taken to fall off exponentially, and its scale estimated from the ``k``
lowest of ``n`` values, as in Weissman, Estimation of parameters and large quantiles based on the
k largest observations, JASA 73 (1978). A tail that ends, as that of a loss does, or falls off as
a normal one, gives less, so the estimate errs towards going on. To stop where the gain is less
than what a validation value is sure of: Makarova et al., Automatic Termination for
Hyperparameter Optimization, AutoML 2022. Noise from three neighbouring epochs: Gasser, Sroka and
Jennen-Steinmetz, Residual variance and residual pattern in nonlinear regression, Biometrika 73
(1986).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    EpochReported,
    Record,
    TrialEnded,
    TrialPruned,
    TrialStarted,
)
from searchspaces.dominance import CEILING

LEAST = 12
"""Final values without which nothing is said."""
MORE = 20
"""Trials whose gain is told."""
TAIL = 4
"""So many of the latest values are of the lower tail at least, and the root of their number."""
SETTLED = 5
"""Epochs that a trial must have had for its last three to tell the noise."""
SHARE = 0.01
"""Of what was gained since the first trials: what matters at least, where nobody says."""


@dataclass(frozen=True)
class Outlook:
    """What more trials are expected to gain.

    Attributes:
        trials: so many more.
        gain: the best loss is expected to fall by, in units of the metric.
        metric: its name.
        noise: of a single value of the metric; None where it is not known.
        progress: how far the best loss lies below the median of the first :data:`LEAST`.
    """

    trials: int
    gain: float
    metric: str
    noise: float | None
    progress: float

    @property
    def matters(self) -> float:
        """The least gain that matters, where nobody says: the noise, or a share of the progress."""
        return max(self.noise or 0.0, SHARE * self.progress)

    def as_dict(self) -> dict[str, Any]:
        """What of it is for programs."""
        return {"trials": self.trials, "gain": self.gain}

    def __str__(self) -> str:
        """``20 more trials are expected to gain at most about 0.0021 in valid_loss``."""
        gain = f"at most about {self.gain:.2g} in {self.metric}" if self.gain > 0 else "nothing"
        return f"{self.trials} more trials are expected to gain {gain}"


def expected_gain(losses: Sequence[float], more: int) -> float | None:
    """By how much ``more`` values are expected to lower the least one; None for too few.

    Args:
        losses: final losses in the order in which they came.
        more: how many are to come.
    """
    known = [loss for loss in losses if math.isfinite(loss)]
    if len(known) < LEAST:
        return None
    best, later = min(known), len(known) // 2
    rate = (min(known[:-later]) - best) / later
    return max(rate * more, _tail_gain(known[-max(LEAST, later) :], best, more))


def _tail_gain(losses: Sequence[float], best: float, more: int) -> float:
    """The expected improvement on ``best`` of the least of ``more`` draws.

    A draw is below ``best - t`` with probability ``p exp(-t / scale)``; the integral over
    ``t`` of the probability that one of them is has a closed form.
    """
    ranked = sorted(losses)
    count = max(TAIL, round(math.sqrt(len(ranked))))
    threshold = ranked[count]
    scale = sum(threshold - loss for loss in ranked[:count]) / count
    if scale <= 0:
        return 0.0
    p = count / len(ranked) * math.exp((best - threshold) / scale)
    return scale * math.fsum((1 - (1 - p) ** j) / j for j in range(1, more + 1))


@dataclass(slots=True)
class _Curve:
    """A trial under way: its least loss, its epochs, the last three losses."""

    best: float = math.inf
    epochs: int = 0
    last: deque[float] = field(default_factory=lambda: deque(maxlen=3))

    @property
    def wobble(self) -> float | None:
        """What the last epochs differ by beside their trend, as a standard deviation."""
        if self.epochs < SETTLED or not all(map(math.isfinite, self.last)):
            return None
        first, second, third = self.last
        return abs(first - 2 * second + third) / math.sqrt(6)


class Finals:
    """Final losses of a run, from its records; ``note`` every one.

    Args:
        objective: of the sweep.
        max_epochs: of a trial that is never stopped.

    Attributes:
        started: trials that were started.
        losses: of completed trials, in the order in which they ended; infinite where a limit
            on outcomes is broken.
        finite: how many of them are; only those say something new.
    """

    def __init__(self, objective: Objective, max_epochs: int) -> None:
        self._objective = objective
        self._max_epochs = max_epochs
        self._live: dict[int, _Curve] = {}
        self._wobbles: list[float] = []
        self.started = 0
        self.losses: list[float] = []
        self.finite = 0
        self._told: tuple[int, int, Outlook | None] = (0, 0, None)

    def note(self, record: Record) -> None:
        """Take in the next record."""
        match record:
            case TrialStarted():
                self.started += 1
                self._live[record.number] = _Curve()
            case EpochReported():
                self._note_epoch(record)
            case TrialEnded(state="completed"):
                self._final(record.number)
            case TrialEnded() | TrialPruned():
                self._live.pop(record.number, None)
            case _:
                pass

    def outlook(self) -> Outlook | None:
        """What more trials are expected to gain; None as long as too few came to the end.

        Of several objectives no single loss could tell.
        """
        if self._objective.several:
            return None
        if self._told[:2] != (len(self.losses), self.started):
            self._told = (len(self.losses), self.started, self._outlook())
        return self._told[2]

    def _outlook(self) -> Outlook | None:
        noise = 1.4826 * median(self._wobbles) if len(self._wobbles) >= LEAST else None
        return outlook(self._objective.metric, self.losses, self.started, noise=noise)

    def _note_epoch(self, record: EpochReported) -> None:
        curve = self._live[record.number]
        loss = self._objective.loss(record.metrics)
        loss = math.inf if math.isnan(loss) or loss >= CEILING else loss
        curve.best = min(curve.best, loss)
        curve.epochs += 1
        curve.last.append(loss)
        stopped = record.verdict is not None and record.verdict.kind == "stop"
        if record.finished or (stopped and record.epoch >= self._max_epochs):
            self._final(record.number)
        elif stopped:
            del self._live[record.number]

    def _final(self, number: int) -> None:
        curve = self._live.pop(number)
        self.losses.append(curve.best)
        self.finite += math.isfinite(curve.best)
        if curve.wobble is not None:
            self._wobbles.append(curve.wobble)


def outlook(
    metric: str, losses: Sequence[float], started: int, *, noise: float | None = None
) -> Outlook | None:
    """What :data:`MORE` trials are expected to gain.

    As few of them as before run to the end and keep the limits on outcomes.

    Args:
        metric: name of the objective.
        losses: final losses in the order in which they came; infinite where a limit is broken.
        started: trials that were started for them.
        noise: of a single value; None where it is not known.

    Returns:
        None if too few are finite.
    """
    known = [loss for loss in losses if math.isfinite(loss)]
    gain = expected_gain(known, max(1, round(MORE * len(known) / max(1, started))))
    if gain is None:
        return None
    return Outlook(MORE, gain, metric, noise, median(known[:LEAST]) - min(known))
