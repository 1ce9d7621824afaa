"""Ray Tune's scheduler for BOHB, called as its controller calls it, with BOHB's model.

The model is orch's, whose densities are those of hpbandster, so that what differs from
``orch-bohb`` is the scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.search.methods.base import Method
from benchmarks.search.replay import Driver, Lease, Task
from orchestrator.searchers import Observation
from orchestrator.searchers.bohb import Bohb
from searchspaces import Config


@dataclass(frozen=True)
class RayBohb(Method):
    """``ray.tune.schedulers.HyperBandForBOHB``."""

    needs: tuple[str, ...] = field(default=("ray.tune",), kw_only=True)

    def begin(self, task: Task) -> Driver:
        """A controller of its own."""
        return _Controller(task)


@dataclass(eq=False)
class _Trial:
    """What the scheduler uses of a trial."""

    number: int
    config: Config
    status: str = "PENDING"
    is_saving: bool = False

    @property
    def trial_id(self) -> str:
        """As the scheduler knows it."""
        return str(self.number)


class _Controller:
    """What the scheduler uses of Tune's controller, and the order in which that calls it."""

    def __init__(self, task: Task) -> None:
        from ray.tune.schedulers import HyperBandForBOHB

        self.full = task.problem.max_epochs
        self.model = Bohb(repeats=True)
        self.model.begin(task.problem.space, seed=task.seed, facts=None)
        self.first = list(reversed(task.first))
        self.scheduler: Any = HyperBandForBOHB(
            time_attr="epoch", metric="loss", mode="min", max_t=self.full, reduction_factor=3
        )
        self.trials: list[_Trial] = []
        self.live: dict[int, _Trial] = {}
        self.best: dict[int, float] = {}

    # --- what the scheduler calls

    @property
    def search_alg(self) -> Any:
        """Where the scheduler finds the searcher."""
        return self

    @property
    def searcher(self) -> Any:
        """The searcher, which is told of pauses."""
        return self

    def on_pause(self, trial_id: str) -> None:
        """The searcher limits nothing, so it need not know."""

    def on_unpause(self, trial_id: str) -> None:
        """The same."""

    def get_trials(self) -> list[_Trial]:
        """Those that are not over."""
        return list(self.live.values())

    def stop_trial(self, trial: _Trial) -> None:
        """End a trial; of one that waited the scheduler is told."""
        if trial.status in {"PENDING", "PAUSED"}:
            self.scheduler.on_trial_remove(self, trial)
        trial.status = "TERMINATED"
        self.live.pop(trial.number, None)

    # --- what the benchmark calls

    def next(self) -> Lease | None:
        """Tune keeps one new trial ready, and runs what the scheduler chooses."""
        if not any(trial.status == "PENDING" for trial in self.live.values()):
            number = len(self.trials)
            config = self.first.pop() if self.first else self.model.suggest(number)
            trial = _Trial(number, config)
            self.trials.append(trial)
            self.live[number] = trial
            self.scheduler.on_trial_add(self, trial)
        chosen = self.scheduler.choose_trial_to_run(self)
        if chosen is None:
            return None
        chosen.status = "RUNNING"
        return Lease(chosen.number, chosen.config)

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """The scheduler's decision; the model learns at its budgets."""
        trial = self.trials[number]
        best = self.best[number] = min(loss, self.best.get(number, loss))
        result: dict[str, Any] = {"loss": best, "epoch": epoch, "training_iteration": epoch}
        if epoch == self.full:
            self.scheduler.on_trial_complete(self, trial, result)
            decision = "STOP"
        else:
            decision = self.scheduler.on_trial_result(self, trial, result)
        if epoch == self.full or "budget" in result.get("hyperband_info", {}):
            self.model.observe(Observation(number, trial.config, epoch, best))
        if decision == "CONTINUE" and epoch < self.full:
            return True
        if decision == "PAUSE":
            trial.status = "PAUSED"
        else:
            self.stop_trial(trial)
        return False
