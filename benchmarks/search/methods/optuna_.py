"""Optuna's samplers with Optuna's pruners, through its own ask and tell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.search.methods.base import Method
from benchmarks.search.methods.dims import (
    REFUSED,
    ConfigurationError,
    Dim,
    config_from,
    dims_of,
    encoded,
)
from benchmarks.search.replay import Driver, Lease, Task
from searchspaces import Config


@dataclass(frozen=True)
class Optuna(Method):
    """A sampler and a pruner of Optuna.

    Attributes:
        sampler: ``tpe``, ``gp`` or ``cmaes``.
        pruner: ``asha``, ``hyperband`` or nothing.
        settings: of the sampler.
    """

    sampler: str = "tpe"
    pruner: str = ""
    settings: tuple[tuple[str, Any], ...] = ()
    needs: tuple[str, ...] = field(default=("optuna",), kw_only=True)

    def begin(self, task: Task) -> Driver:
        """A study in memory."""
        return _Driver(self, task)


class _Driver:
    def __init__(self, method: Optuna, task: Task) -> None:
        import optuna

        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.pruned = optuna.trial.TrialState.PRUNED
        self.task, self.space = task, task.problem.space
        self.dims = dims_of(self.space)
        made = {
            "tpe": optuna.samplers.TPESampler,
            "gp": optuna.samplers.GPSampler,
            "cmaes": optuna.samplers.CmaEsSampler,
        }
        full = task.problem.max_epochs
        pruners = {
            "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(
                min_resource=1, reduction_factor=3
            ),
            "hyperband": lambda: optuna.pruners.HyperbandPruner(
                min_resource=1, max_resource=full, reduction_factor=3
            ),
            "": optuna.pruners.NopPruner,
        }
        self.study = optuna.create_study(
            sampler=made[method.sampler](seed=task.seed, **dict(method.settings)),
            pruner=pruners[method.pruner](),
            study_name="benchmark",  # Hyperband draws brackets by a hash of it
        )
        for config in task.first:
            self.enqueue(config)
        self.running: dict[int, Any] = {}
        self.best: dict[int, float] = {}
        self.random = np.random.default_rng([task.seed, 0x0907])

    def next(self) -> Lease | None:
        """The sampler's next config; one that a constraint refuses is told as pruned."""
        for _ in range(REFUSED):
            trial = self.study.ask()
            try:
                return self.lease(trial)
            except ConfigurationError:
                self.study.tell(trial, state=self.pruned)
        self.enqueue(self.space.sample(self.random))
        return self.lease(self.study.ask())

    def lease(self, trial: Any) -> Lease:
        """The config of a trial.

        Raises:
            ConfigurationError: a constraint refuses it.
        """
        config = config_from(self.space, self.dims, lambda dim: _ask(trial, dim))
        self.running[trial.number] = trial
        return Lease(trial.number, config)

    def enqueue(self, config: Config) -> None:
        """Have it asked next."""
        values = encoded(self.dims, config)
        choices = {name for name in values if self.dims[name].kind == "choice"}
        self.study.enqueue_trial({n: str(v) if n in choices else v for n, v in values.items()})

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """Report the least loss so far; the pruner decides at every epoch."""
        trial = self.running[number]
        best = self.best[number] = min(loss, self.best.get(number, loss))
        trial.report(best, epoch)
        if epoch == self.task.problem.max_epochs:
            self.study.tell(trial, best)
        elif trial.should_prune():
            self.study.tell(trial, state=self.pruned)
        else:
            return True
        del self.running[number], self.best[number]
        return False


def _ask(trial: Any, dim: Dim) -> Any:
    if dim.kind == "choice":
        return trial.suggest_categorical(dim.name, [str(i) for i in range(int(dim.high) + 1)])
    if dim.kind == "int":
        step = int(dim.step or 1)
        return trial.suggest_int(dim.name, int(dim.low), int(dim.high), step=step, log=dim.log)
    return trial.suggest_float(dim.name, dim.low, dim.high, step=dim.step, log=dim.log)
