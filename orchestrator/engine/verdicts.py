"""What a scheduler decided, as the journal has it."""

from __future__ import annotations

from orchestrator.engine.records import Verdict
from orchestrator.schedulers import Continue, Decision, Pause


def verdict_of(decision: Decision) -> Verdict:
    """The decision, written down."""
    match decision:
        case Continue(until):
            return Verdict("continue", until)
        case Pause():
            return Verdict("pause")
        case _:
            return Verdict("stop")
