"""What of a trial and of a sweep stands where in a W&B run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import EpochReported
from orchestrator.tracking.sink import Ending, TrackedRun, TrackedTrial

STATE = "state"
"""Key of the summary that says how a trial or the sweep stands."""
RESERVED = frozenset({
    "epoch", "epochs", STATE, "reason", "best", "best_epoch",
    "_step", "_runtime", "_timestamp", "_wandb",
})  # fmt: skip
"""Names of ours and of W&B's own; a metric of such a name is told as ``metric/NAME``."""
_TAG = 64  # characters that W&B takes


def key_of(metric: str) -> str:
    """The name of a metric in W&B."""
    return f"metric/{metric}" if metric in RESERVED else metric


def row_of(record: EpochReported) -> dict[str, Any]:
    """What is logged of an epoch, at the time of the epoch."""
    return {**_numbers(record.metrics), "epoch": record.epoch, "_timestamp": record.at}


def trial_about(run: TrackedRun, trial: TrackedTrial) -> dict[str, Any]:
    """Name, job type, tags and config of a trial's W&B run."""
    spec = run.spec
    made = {
        "run": run.folder.id,
        "trial": trial.number,
        "seed": trial.seed,
        "bracket": trial.bracket,
        "sweep": spec.name,
        "architecture": spec.trains,
        "dataset": spec.dataset,
        "searcher": spec.searcher.kind,
        "scheduler": spec.scheduler.kind,
        "metric": spec.metric,
        "max_epochs": spec.epochs,
    }
    return {
        "name": trial.name,
        "job_type": "trial",
        "tags": tags_of(run),
        "config": {"orch": made, **trial.config},
    }


def sweep_about(run: TrackedRun) -> dict[str, Any]:
    """The same of the sweep's own W&B run; its config is the spec."""
    config = run.spec.dump()
    config.pop("tracking", None)
    return {
        "name": run.folder.id,
        "job_type": "sweep",
        "tags": tags_of(run),
        "config": {**config, "command_line": run.command} if run.command else config,
    }


def tags_of(run: TrackedRun) -> list[str]:
    """By which runs can be found in W&B."""
    spec = run.spec
    tags = (spec.trains, spec.dataset, spec.searcher.kind, spec.scheduler.kind)
    return [tag[:_TAG] for tag in dict.fromkeys(tags) if tag]


def summary_of(trial: TrackedTrial, objective: Objective) -> dict[str, Any]:
    """How a trial stands, and its metrics at the epoch of the best objective."""
    found: dict[str, Any] = {STATE: trial.state.value, "epochs": trial.epoch}
    if trial.reason:
        found["reason"] = trial.reason
    if trial.best_epoch is not None:
        found |= _best(trial)
        # W&B's own summary of it knows the epochs of one fragment only.
        found[key_of(objective.metric)] = {objective.mode: trial.best[objective.metric]}
    return found


def sweep_summary(ending: Ending) -> dict[str, Any]:
    """How the sweep ended: its trials by state, and the best of them."""
    counts = {state.value: count for state, count in ending.trials.items() if count}
    found: dict[str, Any] = {STATE: ending.reason, "trials": counts}
    if ending.best is not None:
        best = ending.best
        found |= {"best_trial": best.name, "best_config": dict(best.best_config), **_best(best)}
    return found


def _best(trial: TrackedTrial) -> dict[str, Any]:
    return {"best_epoch": trial.best_epoch, "best": _numbers(trial.best)}


def _numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Metrics by W&B's names; what was not finite is nan."""
    return {key_of(k): math.nan if value is None else value for k, value in metrics.items()}
