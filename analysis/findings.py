"""Everything that can be found in a run, each found when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from analysis.budget.cost_front import CostFront, cost_front
from analysis.budget.epoch_optimum import EpochOptimum, epoch_optimum
from analysis.budget.history import History, history
from analysis.budget.timeline import Timeline, timeline
from analysis.budget.tuning_curve import TuningCurve, tuning_curve
from analysis.fidelity import Fidelity, at_target, comparable, ranking
from analysis.importance.ablation import Ablation, ablation
from analysis.importance.effects import Importance, importance
from analysis.importance.marginals import Marginals, marginals
from analysis.importance.ped_anova import LocalImportance, ped_anova
from analysis.importance.rank_correlation import RankCorrelations, rank_correlations
from analysis.load import Run
from analysis.pareto import Pareto, pareto
from analysis.typed import resume, show
from analysis.warnings.bounds import AtBound, at_bounds
from analysis.warnings.coverage import Coverage, coverage
from analysis.warnings.failures import Failures, failures
from analysis.warnings.idle import Idle, idle
from analysis.warnings.overfitting import Overfitting, overfitting
from analysis.warnings.pruning import Pruning, pruning
from analysis.warnings.ties import Ties, ties
from analysis.warnings.winners_drop import WinnersDrop, winners_drop
from searchspaces.cells import config_of
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Best:
    """The best of the trials that ran all epochs, or of those that came furthest.

    Where a target stopped the sweep it is the one that reached it.

    Attributes:
        row: of ``run.trials``.
        number: its number.
        trial_id: its id.
        epoch: where its objective was best.
        metrics: name to value at that epoch, the objective first.
        config: name to value, inactive parameters absent, constants included.
        of: the epoch up to which it was compared with others; None for what reached the target.
    """

    row: int
    number: int
    trial_id: str
    epoch: int
    metrics: dict[str, float]
    config: dict[str, Any]
    of: int | None

    def where(self, max_epochs: int) -> str:
        """``epoch 23 of 27``, and what is special about it."""
        if self.of is None:
            return f"epoch {self.epoch}, at the target"
        short = f" (no trial ran all {max_epochs})" if self.of < max_epochs else ""
        return f"epoch {self.epoch} of {self.of}{short}"

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
    def marginals(self) -> Marginals:
        """How the objective goes with each parameter."""
        return marginals(self.run, self.importance)

    @cached_property
    def local_importance(self) -> LocalImportance:
        """What tells the best trials from the rest."""
        return ped_anova(self.run, self.comparable)

    @cached_property
    def correlations(self) -> RankCorrelations:
        """Which parameters are better higher or lower."""
        return rank_correlations(self.run, self.comparable)

    @cached_property
    def ablation(self) -> Ablation:
        """What each parameter gained between the middle of the space and the winner."""
        return ablation(self.run, self.importance)

    @cached_property
    def at_bounds(self) -> tuple[AtBound, ...]:
        """Ranges that the best trials press against."""
        order, group = self.ranking, self.comparable
        return at_bounds(self.run, order if order.trials >= group.trials / 2 else group)

    @cached_property
    def pruning(self) -> Pruning:
        """Whether early cuts stopped the right trials."""
        return pruning(self.run)

    @cached_property
    def tuning_curve(self) -> TuningCurve:
        """Whether more trials would pay."""
        return tuning_curve(self.run)

    @cached_property
    def timeline(self) -> Timeline:
        """When trials trained, and how many at once."""
        return timeline(self.run)

    @cached_property
    def history(self) -> History:
        """How the best improved with epochs and time."""
        return history(self.run)

    @cached_property
    def cost_front(self) -> CostFront:
        """What trials reach for what they cost."""
        return cost_front(self.run)

    @cached_property
    def pareto(self) -> Pareto:
        """What several objectives allow together."""
        return pareto(self.run)

    @cached_property
    def failures(self) -> dict[str, int]:
        """Reason to number of failed trials, most frequent first."""
        return self.failure_causes.by_cause

    @cached_property
    def failure_causes(self) -> Failures:
        """Failed trials by cause, and where in the space they fail."""
        return failures(self.run)

    @cached_property
    def overfitting(self) -> Overfitting:
        """How validation goes on after its optimum."""
        return overfitting(self.run, top=self.top)

    @cached_property
    def ties(self) -> Ties:
        """Which configs cannot be told from the winner."""
        return ties(self.run, fidelity=self.ranking)

    @cached_property
    def winners_drop(self) -> WinnersDrop:
        """What a fresh run of the winner's config would score."""
        return winners_drop(self.run, fidelity=self.ranking)

    @cached_property
    def coverage(self) -> Coverage:
        """What part of the space was tried."""
        return coverage(self.run)

    @cached_property
    def idle(self) -> Idle:
        """Parameters that do not matter and may be fixed."""
        return idle(self.run, self.importance)


def find(run: Run, *, top: int = 5) -> Findings:
    """What can be found in a run.

    Raises:
        UsageError: no trial of the run has a result or an error, or none keeps its limits.
    """
    found = Findings(run, top=top)
    if not found.ranking.trials and run.meta.limits and not run.keeps.all():
        raise UsageError(f"no trial of run {run.meta.run} keeps {', '.join(run.meta.limits)}. "
                         f"See: {show(run.folder)}")  # fmt: skip
    if not found.ranking.trials and not found.failures:
        raise UsageError(f"run {run.meta.run} has no results: no trial has finished an epoch. "
                         f"Run: {resume(run.folder, run.meta.raw)}")  # fmt: skip
    return found


def _best(run: Run, order: Fidelity) -> Best | None:
    row, of = at_target(run), None
    if row is None:
        if not order.trials:
            return None
        row, of = int(order.rows[0]), order.epoch
    values = run.meta.sign * run.curves(run.meta.metric)[row, :of]
    epoch = int(np.nanargmin(values)) + 1
    names = [run.meta.metric, *(name for name in run.metrics if name != run.meta.metric)]
    metrics = {name: float(run.curves(name)[row, epoch - 1]) for name in names}
    entry = run.trials.row(row, named=True)
    config = config_of(entry, run.meta.raw.get("parameters") or {})
    return Best(row, entry["number"], entry["trial_id"], epoch, metrics, config, of)
