"""HyperOpt as its users have it: its own scales, and the last loss of every trial.

Ray Tune tells the library each trial's last loss, at whatever epoch that is, and so does
this. Epochs are decided by orch's exact ASHA. Conditional parameters are absent where they
are inactive, which is what ``hp.choice`` with branches amounts to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from benchmarks.search.methods.base import Declared, LedgerDriver, Method
from benchmarks.search.methods.dims import (
    REFUSED,
    ConfigurationError,
    Dim,
    config_from,
    dims_of,
    encoded,
)
from benchmarks.search.replay import Driver, Task
from orchestrator.searchers import Observation, Searcher
from orchestrator.strategies import scheduler_from
from searchspaces import Config, DataFacts, JointSpace


@dataclass(frozen=True)
class HyperOpt(Method):
    """The library's TPE with a scheduler of orch."""

    scheduler: Declared = "asha"
    needs: tuple[str, ...] = field(default=("hyperopt",), kw_only=True)

    def begin(self, task: Task) -> Driver:
        """A ledger that asks the library."""
        return LedgerDriver(task, NativeHyperOpt(repeats=True), scheduler_from(self.scheduler))


class NativeHyperOpt(Searcher):
    """``hyperopt.tpe`` on its own kind of space."""

    kind: Literal["native-hyperopt"] = "native-hyperopt"

    _dims: dict[str, Dim] = PrivateAttr(default_factory=dict)
    _domain: Any = PrivateAttr(default=None)
    _known: dict[int, dict[str, Any]] = PrivateAttr(default_factory=dict)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Build the library's space."""
        from hyperopt.base import Domain

        super().begin(space, seed=seed, facts=facts)
        self._dims = dims_of(space)
        self._domain = Domain(float, {name: _expression(dim) for name, dim in self._dims.items()})
        self._known = {}

    def observe(self, observation: Observation) -> None:
        """Replace what is known of the trial by its newest loss."""
        number = observation.number
        known = self._known.get(number)
        if known is None:
            values = encoded(self._dims, observation.config)
            vals = {name: [values[name]] if name in values else [] for name in self._dims}
            idxs = {name: [number] * len(value) for name, value in vals.items()}
            misc = {"tid": number, "idxs": idxs, "vals": vals}
            known = self._known[number] = {"tid": number, "misc": misc}
        known["result"] = {"loss": observation.loss, "status": "ok"}

    def suggest(self, number: int) -> Config:
        """The library's suggestion; what a constraint refuses counts as bad while it is asked."""
        from hyperopt import tpe

        rng = np.random.default_rng([self._seed, number])
        history = _History([self._known[trial] for trial in sorted(self._known)])
        for _ in range(REFUSED):
            seed = int(rng.integers(2**31))
            [made] = tpe.suggest([number], self._domain, history, seed, verbose=False)
            values = made["misc"]["vals"]
            try:
                return config_from(self.space, self._dims, lambda dim: values[dim.name][0])  # noqa: B023  # used at once
            except ConfigurationError:
                worst = max((known["result"]["loss"] for known in history.trials), default=0.0)
                result = {"loss": worst, "status": "ok"}
                refused = 1_000_000 + len(history)
                misc = {"tid": refused, "vals": values, "idxs": {n: [refused] for n in values}}
                history.trials.append({"tid": refused, "misc": misc, "result": result})
        return self.space.sample(rng)


class _History:
    """What ``tpe.suggest`` uses of ``hyperopt.Trials``, without its copies and checks."""

    def __init__(self, trials: list[dict[str, Any]]) -> None:
        self.trials = trials

    def __len__(self) -> int:
        return len(self.trials)

    def new_trial_docs(self, tids: Any, specs: Any, results: Any, miscs: Any) -> list[Any]:
        """The suggestion, as the library's callers get it."""
        return [{"tid": tid, "misc": misc} for tid, misc in zip(tids, miscs, strict=True)]


def _expression(dim: Dim) -> Any:
    from hyperopt import hp

    if dim.kind == "choice":
        return hp.randint(dim.name, int(dim.high) + 1)
    low, high = (math.log(dim.low), math.log(dim.high)) if dim.log else (dim.low, dim.high)
    if dim.kind == "int":
        if dim.log:
            return hp.qloguniform(dim.name, low, high, 1)
        if dim.step and dim.step > 1:
            return hp.quniform(dim.name, low, high, dim.step)
        return hp.uniformint(dim.name, low, high)
    if dim.log:
        return hp.loguniform(dim.name, low, high)
    return (
        hp.quniform(dim.name, low, high, dim.step) if dim.step else hp.uniform(dim.name, low, high)
    )
