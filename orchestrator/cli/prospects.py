"""Why a run stopped, what more trials would gain, and how to go on: from its tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.cli.reading import Reading
    from orchestrator.engine.plateau import Outlook

_SHORT = {"max_time": "out of time", "max_epochs_total": "epochs", "target": "target",
          "plateau": "plateau"}  # fmt: skip


def why(meta: dict[str, Any]) -> str:
    """Why the run was let go before it was finished; empty if nothing is to be said of it."""
    reason = str(meta.get("stopped") or "")
    return {"interrupted": "", "failed": "ended by an error"}.get(reason, reason)


def state_words(state: str, limit: str) -> str:
    """``interrupted``, or ``stopped: target`` where one of its own limits did it."""
    return f"stopped: {_SHORT.get(limit, limit)}" if state == "interrupted" and limit else state


def enough(limit: str) -> bool:
    """Whether a run that this limit stopped has what it was to have; out of time it has not."""
    return limit not in {"", "max_time"}


def go_further(reading: Reading) -> str:
    """What to type to go on with it, past what stopped it."""
    from orchestrator.cli.reading import go_on

    return past(go_on(reading.run), str(reading.meta.get("limit") or ""))


def past(command: str, limit: str) -> str:
    """The command that goes on with a run, without the limit that stopped it.

    Args:
        command: ``orch resume`` and so on, or a call in Python.
        limit: the setting that did; empty for none.
    """
    if not enough(limit):
        return command
    if command.endswith(")"):
        return f"{command.removesuffix(')')}, {limit}='none')"
    return f"{command} --{limit.replace('_', '-')} none"


def outlook_of(reading: Reading) -> Outlook | None:
    """What more trials are expected to gain; None where too few ran to the end."""
    from orchestrator.engine.plateau import outlook

    trials, meta = reading.trials, reading.meta
    if trials is None or meta.get("imported") or meta.get("objectives"):
        return None
    done = trials.filter(state="completed").sort("ended_at", "number")
    sign = 1 if meta.get("mode") == "min" else -1
    losses = [
        math.inf if row.get("keeps") is False or row["objective"] is None
        else sign * row["objective"]
        for row in done.rows(named=True)
    ]  # fmt: skip
    return outlook(str(meta.get("metric")), losses, trials.height)
