"""A trial and the states it can be in.

::

    pending ──> running ──┬──> paused ──> running | pruned
                          ├──> completed      reached the last epoch, or ended by itself
                          ├──> pruned         the scheduler or a person ended it early
                          ├──> failed         its own error: diverged, raised, lost its workers
                          ├──> infeasible     its config cannot run here, such as out of memory
                          └──> interrupted    the run stopped first ──> running, on resume

``completed``, ``pruned``, ``failed`` and ``infeasible`` are final. ``interrupted`` is never
written down: it is what a running trial is called when nobody runs it any more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.engine.records import Checkpoint, Metrics, TrialResumed
from searchspaces import Config


class State(StrEnum):
    """Where a trial is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    INFEASIBLE = "infeasible"
    INTERRUPTED = "interrupted"


FAILED = frozenset({State.FAILED, State.INFEASIBLE})
"""States of a trial that came to nothing, whatever it reported before."""
FINAL = FAILED | {State.COMPLETED, State.PRUNED}
"""States that a trial never leaves."""

FOLLOWS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RUNNING}),
    State.RUNNING: FINAL | {State.PAUSED, State.INTERRUPTED, State.RUNNING},
    State.PAUSED: frozenset({State.RUNNING, State.PRUNED, State.FAILED}),
    State.INTERRUPTED: FINAL | {State.RUNNING},
}
"""What may follow each state; running follows running at a new lease."""


@dataclass(slots=True)
class Trial:
    """A trial that is not over yet; it leaves the controller's memory when it is.

    Attributes:
        number: counted from 0, in the order of starting.
        config: what it is trained with.
        seed: of everything random in it.
        until: epoch of its next decision.
        state: see the module.
        attempt: counted from 1; one more after each interruption and each copy of another.
        epoch: last epoch journaled; 0 before the first.
        best: least loss so far, infinity before the first result.
        losses: of all objectives at that epoch; empty where there is one.
        checkpoint: the newest one.
        since: metrics of the epochs after ``checkpoint``, which an interruption would repeat.
        lost: workers lost in a row without a new epoch.
        trouble: what interrupted it last, in one line.
        afresh: its checkpoint cannot be used; the next attempt starts over.
    """

    number: int
    config: Config
    seed: int
    until: int
    state: State = State.PENDING
    attempt: int = 1
    epoch: int = 0
    best: float = float("inf")
    losses: tuple[float, ...] = ()
    checkpoint: Checkpoint | None = None
    since: dict[int, Metrics] = field(default_factory=dict)
    lost: int = 0
    trouble: str = ""
    afresh: bool = False

    @property
    def kept(self) -> str | None:
        """Key of the checkpoint that stays once it is over: the last, if it is completed."""
        done = self.checkpoint if self.state is State.COMPLETED else None
        return done.key if done else None

    def again(self) -> TrialResumed:
        """The record of its next attempt after an interruption.

        It starts over where there is no checkpoint that it could go on from.
        """
        return TrialResumed(
            number=self.number,
            attempt=self.attempt + 1,
            until=self.until,
            promoted=False,
            at=time.time(),
            reason=self.trouble,
            afresh=self.afresh or (self.checkpoint is None and self.epoch > 0),
        )

    def become(self, state: State) -> None:
        """Change state.

        Raises:
            ValueError: the state machine has no such step; a bug of the caller.
        """
        if state not in FOLLOWS.get(self.state, frozenset()):
            raise ValueError(f"trial {self.number} cannot go from {self.state} to {state}")
        self.state = state
