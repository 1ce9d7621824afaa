"""Everything that can be found in a run, each found when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from analysis.bounds import AtBound, at_bounds
from analysis.epoch_optimum import EpochOptimum, epoch_optimum
from analysis.failures import failures_by_cause
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
    """What analysis finds; every property is worked out once, when it is first read.

    Attributes:
        run: the run.
        top: how many best trials are looked at.
    """

    run: Run
    top: int = field(default=5, kw_only=True)

    @cached_property
    def ranking(self) -> Fidelity:
        """Trials compared at the furthest epoch, best first."""
        return ranking(self.run)

    @cached_property
    def comparable(self) -> Fidelity:
        """Trials compared at the furthest epoch that enough of them reached."""
        return comparable(self.run)

    @cached_property
    def best(self) -> Best | None:
        """The winner; None if no trial has a result."""
        return _best(self.run, self.ranking)

    @cached_property
    def optimum(self) -> EpochOptimum:
        """How many epochs to train."""
        return epoch_optimum(self.run, top=self.top)

    @cached_property
    def importance(self) -> Importance:
        """What matters."""
        return importance(self.run)

    @cached_property
    def at_bounds(self) -> tuple[AtBound, ...]:
        """Ranges that the best trials press against."""
        order, group = self.ranking, self.comparable
        return at_bounds(self.run, order if order.trials >= group.trials / 2 else group)

    @cached_property
    def failures(self) -> dict[str, int]:
        """Reason to number of failed trials, most frequent first."""
        return failures_by_cause(self.run)


def find(run: Run, *, top: int = 5) -> Findings:
    """What can be found in a run.

    Raises:
        UsageError: no trial of the run has a result or an error.
    """
    found = Findings(run, top=top)
    if not found.ranking.trials and not found.failures:
        raise UsageError(f"run {run.meta.run} has no results: no trial has finished an epoch. "
                         f"Run: {run.meta.resume}")  # fmt: skip
    return found


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
