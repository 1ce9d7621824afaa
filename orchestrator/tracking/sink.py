"""The extension point of tracking: whoever wants to be told of trials and their epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.engine.records import EpochReported, Metrics
from orchestrator.engine.trial import State
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec


@dataclass(frozen=True)
class TrackedRun:
    """The run that is told about.

    Attributes:
        folder: of the run; whatever a sink writes lies below it.
        spec: of the run.
        command: what was typed to start it; may be empty.
    """

    folder: RunFolder
    spec: SweepSpec
    command: str = ""


@dataclass(slots=True)
class TrackedTrial:
    """A trial as far as the journal has come.

    Attributes:
        number: counted from 0.
        name: its id in the run's tables.
        config: its parameters.
        seed: of everything random in it.
        bracket: of the scheduler.
        started_at: seconds since the epoch, UTC.
        attempt: counted from 1.
        state: as in the run's tables.
        epoch: the last one reported; 0 before the first.
        best_epoch: at which the objective was best; None without a result.
        best: metrics there.
        best_config: its parameters there, which a scheduler may have changed since.
        reason: why it failed, was stopped by a person or was complete early; empty otherwise.
        ended_at: when; None while it is not over.
    """

    number: int
    name: str
    config: dict[str, Any]
    seed: int
    bracket: int
    started_at: float
    attempt: int = 1
    state: State = State.RUNNING
    epoch: int = 0
    best_epoch: int | None = None
    best: Metrics = field(default_factory=dict)
    best_config: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    ended_at: float | None = None


@dataclass(frozen=True)
class Ending:
    """How a process let the run go.

    Attributes:
        finished: nothing is left to do in the run.
        reason: the journal's word for it; ``killed`` where the journal has none.
        best: the best trial, as the run's tables rank them; None without a result.
        trials: how many there were in each state.
    """

    finished: bool
    reason: str
    best: TrackedTrial | None
    trials: dict[State, int]


class Sink(Protocol):
    """Told about a run from its first record on, each time anew when tracking starts.

    After an interruption the whole journal is told again: what a sink has already, it does
    not write twice, and what it lost in the interruption it gets here. A sink may be slow and
    may raise; the others and the sweep do not notice. Calls come from one thread.
    """

    def begin(self, trial: TrackedTrial) -> None:
        """A trial started, or runs again after a pause or an interruption."""

    def epoch(self, trial: TrackedTrial, record: EpochReported) -> None:
        """A trial reported an epoch, which ``trial`` contains already."""

    def end(self, trial: TrackedTrial) -> None:
        """A trial is over: completed, pruned, failed or infeasible."""

    def tick(self) -> None:
        """All that the journal has was told; called a few times a second."""

    def close(self, ending: Ending) -> None:
        """The process that ran the sweep let it go; write what is still to be written."""
