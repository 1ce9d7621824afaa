"""A trial as the view holds it: under way, at its best epoch, just over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from orchestrator.engine.records import Metrics
from orchestrator.engine.trial import State
from searchspaces.dominance import front


@dataclass(frozen=True, slots=True)
class Best:
    """A trial at its best epoch.

    Attributes:
        number: the trial.
        loss: the objective as something to minimise.
        epoch: where.
        metrics: all that was reported there.
        config: the trial's.
        broken: which limits it breaks, in words; empty if it keeps them all.
    """

    number: int
    loss: float
    epoch: int
    metrics: Metrics
    config: Mapping[str, Any]
    broken: str = ""

    @property
    def rank(self) -> tuple[float, int]:
        """Sorts the best first; the earlier trial where losses are equal."""
        return (self.loss, self.number)


@dataclass(slots=True)
class Front:
    """Completed trials that none of them beats in all of several objectives.

    Attributes:
        compared: completed trials that keep the limits and have a finite value of each.
        members: losses of those on the front, by trial.
    """

    compared: int = 0
    members: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def add(self, number: int, losses: tuple[float, ...]) -> None:
        """Compare one more with those on the front; it has all that could beat it.

        Args:
            number: the trial.
            losses: of all objectives at its best epoch by the first; nan where not finite.
        """
        if not all(map(math.isfinite, losses)):
            return
        self.compared += 1
        members = {**self.members, number: losses}
        stays = front(list(members.values()))
        self.members = dict(compress(members.items(), stays))

    @property
    def numbers(self) -> list[int]:
        """Trials on the front, the best by the first objective first."""
        return sorted(self.members, key=lambda number: (self.members[number], number))


@dataclass(slots=True)
class Live:
    """A trial that is not over.

    Attributes:
        number: the trial.
        config: its config.
        bracket: index into the plan.
        until: epoch of its next decision.
        epoch: the last one reported.
        seconds: spent in its epochs.
        state: ``running``, ``paused``, or ``interrupted`` while it waits for a worker.
        best: its best epoch so far.
    """

    number: int
    config: Mapping[str, Any]
    bracket: int
    until: int
    epoch: int = 0
    seconds: float = 0.0
    state: State = State.RUNNING
    best: Best | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """A trial that has just ended.

    Attributes:
        trial: as it was last.
        state: how it ended.
        reason: why, of a failed one.
    """

    trial: Live
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """A trial that was given to a worker again, though nobody had asked for that.

    Attributes:
        number: the trial.
        reason: what interrupted it, in one line.
        over: it starts over; otherwise it goes on from its last checkpoint.
    """

    number: int
    reason: str
    over: bool

    def __str__(self) -> str:
        """``trial 7 starts over: the worker died``."""
        how = "starts over" if self.over else "goes on in another worker"
        return f"trial {self.number} {how}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Note:
    """What a person told the run, and what came of it.

    Attributes:
        at: when, by the monotonic clock.
        text: in a line.
    """

    at: float
    text: str

    def __str__(self) -> str:
        """``concurrency is 4 now``."""
        return self.text
