"""Where a run stands as one JSON document, for programs."""

from __future__ import annotations

from typing import Any

from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.trials import Best
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.trial import State


def document(
    progress: Progress, stopped: StopRun | None, *, path: str, now: float
) -> dict[str, Any]:
    """What a sweep that has ended came to.

    Args:
        progress: where it stands.
        stopped: what ended it early; None if nothing did.
        path: of its folder.
        now: by the monotonic clock.
    """
    closed, best, outlook = progress.closed, progress.best, progress.finals.outlook()
    worked = closed is not None and closed.worker_seconds > 0
    return {
        "run": progress.outline.run,
        "path": path,
        "split": progress.split,
        "warning": progress.warning,
        "finished": stopped is None,
        "stopped": stopped.reason if stopped else None,
        "limit": (stopped.limit or None) if stopped else None,
        "states": {
            state.value: progress.counts[state] for state in State if progress.counts[state]
        },
        "best": None if best is None or best.broken else _best(best, progress),
        **({"front": progress.front.numbers} if progress.outline.objective.several else {}),
        **({"nearest": _best(best, progress)} if best is not None and best.broken else {}),
        "seconds": round(progress.elapsed(now), 3),
        "epochs": progress.epochs,
        "more": outlook and outlook.as_dict(),
        "worker_share": round(closed.epoch_seconds / closed.worker_seconds, 4)
        if closed is not None and worked
        else None,
    }


def present(
    progress: Progress, state: str, *, stopped: str | None, path: str, now: float
) -> dict[str, Any]:
    """Where a run stands that may still be under way: the same and more.

    Args:
        progress: where it stands.
        state: ``running``, ``paused``, ``finished`` or ``interrupted``.
        stopped: what ended it early; None if nothing did.
        path: of its folder.
        now: by the monotonic clock.
    """
    outline, left = progress.outline, progress.left(now)
    return {
        **document(progress, None, path=path, now=now),
        "finished": state == "finished",
        "stopped": stopped,
        "limit": (progress.closed.limit or None) if progress.closed else None,
        "state": state,
        "trials": {"planned": outline.trials, "started": progress.started, "over": progress.done},
        "epochs_planned": outline.epochs,
        "epochs_left": round(progress.epochs_left, 1),
        "seconds_left": None if left is None else round(left, 3),
        "running": [
            {"trial": trial.number, "epoch": trial.epoch, "until": trial.until}
            for trial in progress.running
        ],
        "failures": [
            {"reason": reason, "raised": progress.raised.get(reason, ""), "trials": numbers}
            for reason, numbers in progress.failures.items()
        ],
        "notes": [note.text for note in progress.notes],
    }


def _best(best: Best, progress: Progress) -> dict[str, Any]:
    return {
        "trial": best.number,
        "objective": progress.outline.objective.of(best.metrics),
        "epoch": best.epoch,
        "metrics": dict(best.metrics),
        "config": dict(best.config),
    }
