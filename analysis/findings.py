"""Everything that was found in a run, for the words and for the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from analysis.bounds import AtBound, at_bounds
from analysis.epoch_optimum import EpochOptimum, epoch_optimum
from analysis.fidelity import Fidelity, comparable, ranking
from analysis.importance import Importance, importance
from analysis.load import Run
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Best:
    """The best of the trials that ran all epochs, or of those that came furthest.

    Attributes:
        number: its number.
        trial_id: its id.
        epoch: where its objective was best.
        metrics: name to value at that epoch, the objective first.
        config: name to value, inactive parameters absent, constants included.
    """

    number: int
    trial_id: str
    epoch: int
    metrics: dict[str, float]
    config: dict[str, Any]

    @property
    def objective(self) -> float:
        """Its best value of the objective."""
        return next(iter(self.metrics.values()))


@dataclass(frozen=True)
class Findings:
    """What analysis found.

    Attributes:
        run: the run.
        ranking: trials compared at the furthest epoch, best first.
        comparable: trials compared at the furthest epoch that enough of them reached.
        best: the winner; None if no trial has a result.
        optimum: how many epochs to train.
        importance: what matters.
        at_bounds: ranges that the best trials press against.
        failures: reason to number of failed trials, most frequent first.
        top: how many best trials are looked at.
    """

    run: Run
    ranking: Fidelity
    comparable: Fidelity
    best: Best | None
    optimum: EpochOptimum
    importance: Importance
    at_bounds: tuple[AtBound, ...]
    failures: dict[str, int]
    top: int


def find(run: Run, *, top: int = 5) -> Findings:
    """Look for everything in a run.

    Raises:
        UsageError: no trial of the run has a result or an error.
    """
    order, group = ranking(run), comparable(run)
    failures = _failures(run)
    if not order.trials and not failures:
        raise UsageError(f"run {run.meta.run} has no results: no trial has finished an epoch. "
                         f"Run: {run.meta.resume}")  # fmt: skip
    return Findings(
        run=run,
        ranking=order,
        comparable=group,
        best=_best(run, order),
        optimum=epoch_optimum(run, top=top),
        importance=importance(run),
        at_bounds=at_bounds(run, order if order.trials >= group.trials / 2 else group),
        failures=failures,
        top=top,
    )


def _best(run: Run, order: Fidelity) -> Best | None:
    if not order.trials:
        return None
    row = int(order.rows[0])
    values = run.meta.sign * run.curves(run.meta.metric)[row, : order.epoch]
    epoch = int(np.nanargmin(values)) + 1
    names = [run.meta.metric, *(name for name in run.metrics if name != run.meta.metric)]
    metrics = {name: float(run.curves(name)[row, epoch - 1]) for name in names}
    entry = run.trials.row(row, named=True)
    config = {
        name.removeprefix("config."): value
        for name, value in entry.items()
        if name.startswith("config.") and value is not None
    }
    return Best(entry["number"], entry["trial_id"], epoch, metrics, config)


def _failures(run: Run) -> dict[str, int]:
    failed = run.trials.filter(pl.col("state").is_in(["failed", "infeasible"]))
    if "error" not in failed.columns:
        return {"unknown reason": failed.height} if failed.height else {}
    reasons = failed["error"].cast(pl.String).fill_null("unknown reason").value_counts(sort=True)
    return {str(reason): int(count) for reason, count in reasons.sort(
        "count", "error", descending=[True, False]).iter_rows()}  # fmt: skip
