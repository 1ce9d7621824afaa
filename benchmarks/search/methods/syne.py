"""Syne Tune's schedulers, called as its tuner calls them, without a backend.

It knows no conditions: inactive parameters are searched and ignored. A config that a
constraint refuses is a trial that failed, as it would be in its tuner.
"""

from __future__ import annotations

import datetime as dt
import logging
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
class SyneTune(Method):
    """One of its multi-fidelity baselines.

    Attributes:
        baseline: its class in ``syne_tune.optimizer.baselines``.
    """

    baseline: str = "ASHA"
    needs: tuple[str, ...] = field(default=("syne_tune.optimizer.baselines",), kw_only=True)

    def begin(self, task: Task) -> Driver:
        """A scheduler of its own."""
        return _Driver(self, task)


class _Driver:
    def __init__(self, method: SyneTune, task: Task) -> None:
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.CRITICAL)
        self.space = task.problem.space
        self.dims = dims_of(self.space)
        self.random = np.random.default_rng([task.seed, 0x5E4E])
        self.scheduler = getattr(baselines, method.baseline)(
            config_space={name: _domain(dim) for name, dim in self.dims.items()},
            metric="loss",
            time_attr="epoch",
            max_t=task.problem.max_epochs,
            random_seed=task.seed,
            points_to_evaluate=[self.completed(config) for config in task.first],
        )
        self.trials: dict[int, Any] = {}
        self.best: dict[int, float] = {}
        self.count = 0

    def completed(self, config: Config) -> dict[str, Any]:
        """The library's values of a config; any value where a parameter is inactive."""
        middle = {name: dim.encode(dim.domain.value_at(0)) if dim.domain.size < np.inf
                  else dim.low for name, dim in self.dims.items()}  # fmt: skip
        return {**middle, **encoded(self.dims, config)}

    def next(self) -> Lease | None:
        """Its suggestion."""
        from syne_tune.backend.trial_status import Trial

        for _ in range(REFUSED):
            suggestion = self.scheduler.suggest()
            if suggestion is None:
                return None
            values = suggestion.config
            number = self.count
            self.count += 1
            trial = Trial(number, values, dt.datetime.now())  # as its tuner does
            self.scheduler.on_trial_add(trial)
            try:
                config = config_from(self.space, self.dims, lambda dim: values[dim.name])  # noqa: B023  # used at once
            except ConfigurationError:
                self.scheduler.on_trial_error(trial)
                continue
            self.trials[number] = trial
            return Lease(number, config)
        config = self.space.sample(self.random)
        number, self.count = self.count, self.count + 1
        trial = Trial(number, self.completed(config), dt.datetime.now())  # as its tuner does
        self.scheduler.on_trial_add(trial)
        self.trials[number] = trial
        return Lease(number, config)

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """Its decision on the least loss so far."""
        from syne_tune.optimizer.scheduler import SchedulerDecision

        trial = self.trials[number]
        best = self.best[number] = min(loss, self.best.get(number, loss))
        decision = self.scheduler.on_trial_result(trial, {"loss": best, "epoch": epoch})
        if decision == SchedulerDecision.CONTINUE:
            return True
        self.scheduler.on_trial_remove(trial)
        del self.trials[number], self.best[number]
        return False


def _domain(dim: Dim) -> Any:
    from syne_tune import config_space as cs

    if dim.kind == "choice":
        return cs.choice(list(range(int(dim.high) + 1)))
    if dim.kind == "int":
        low, high, step = int(dim.low), int(dim.high), int(dim.step or 1)
        if step > 1:
            last = low + (high - low) // step * step
            return cs.finrange(low, last, (last - low) // step + 1, cast_int=True)
        return cs.lograndint(low, high) if dim.log else cs.randint(low, high)
    if dim.step:
        size = int(dim.domain.size)
        return cs.finrange(dim.low, dim.domain.value_at(size - 1), size)
    return cs.loguniform(dim.low, dim.high) if dim.log else cs.uniform(dim.low, dim.high)
