"""What a run's tables say about the run: types of the config's columns, and the metadata."""

from __future__ import annotations

from typing import Any

import polars as pl

from orchestrator.runs.folder import RunFolder
from orchestrator.runs.spaces import Spaces
from orchestrator.runs.tables import RunTables
from orchestrator.runs.warm_start import trials_of
from orchestrator.spec import SweepSpec
from searchspaces import DataFacts, JointSpace
from searchspaces.describe import searched
from searchspaces.versions import value_type

_TYPES: dict[type, Any] = {
    bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String, tuple: pl.String,
}  # fmt: skip


def tables_of(
    folder: RunFolder,
    spec: SweepSpec,
    *,
    split: str,
    warning: str = "",
    asked: bool = False,
    facts: DataFacts | None = None,
) -> RunTables:
    """Empty tables of a run, ready for its records.

    Args:
        folder: of the run.
        spec: of the run.
        split: how validation data were held out, in words.
        warning: why scores are to be taken with care; may be empty.
        asked: a program asks for the trials; whatever the spec names does not train them.
        facts: of the data; None are those that the run's journal names, if it has begun.
    """
    joint, trials = spec.joint, trials_of(spec, folder, facts)
    meta = metadata(folder.id, spec, joint, trials=trials, split=split, warning=warning)
    return RunTables(
        name=folder.trial_id,
        objective=spec.objective,
        max_epochs=spec.epochs,
        parameters=column_types(joint),
        meta=meta | ({"asked": True} if asked else {}),
        trains=not (asked or spec.program.learns_by_itself),
        spaces=Spaces(joint),
        varied=searched(joint.parameters()) if spec.scheduler.varies else (),
    )


def _judged(spec: SweepSpec) -> dict[str, Any]:
    """What trials are judged by beside the metric; nothing where there is nothing else."""
    goals = [{"metric": each.metric, "mode": each.mode} for each in spec.objective.goals]
    named = {"objectives": goals if spec.objectives else [], "outcomes": list(spec.outcomes)}
    return {key: value for key, value in named.items() if value}


def column_types(joint: JointSpace) -> dict[str, Any]:
    """The polars type of each parameter's column; mixed choices and lists become text."""
    return {name: _TYPES[value_type(each)] for name, each in joint.parameters().items()}


def metadata(
    run_id: str, spec: SweepSpec, joint: JointSpace, *, trials: int, split: str, warning: str
) -> dict[str, Any]:
    """What analysis needs to know beside the rows; documented in docs/run-folder.md."""
    scheduler = spec.scheduler.model_copy()
    scheduler.begin(trials=trials, max_epochs=spec.epochs)
    rungs = sorted({rung.epochs for bracket in scheduler.plan() for rung in bracket})
    return {
        "run": run_id,
        "sweep": spec.name,
        "architecture": spec.trains,
        "dataset": spec.dataset,
        "split": split,
        "warning": warning,
        "metric": spec.metric,
        "mode": spec.mode,
        **_judged(spec),
        "max_epochs": spec.epochs,
        "trials": trials,
        "seed": spec.seed,
        **({"seeds": spec.seeds} if spec.seeds > 1 else {}),
        **({"folds": spec.folds} if spec.folds else {}),
        "searcher": spec.searcher.model_dump(mode="json"),
        "scheduler": spec.scheduler.model_dump(mode="json"),
        **Spaces(joint).metadata(),
        "rungs": rungs,
    }
