"""A sweep as a stock ``ray.tune.Tuner``: for Tune's callbacks, schedulers and storage.

The same space, searcher and Trainable; Tune's loop. What orch's engine adds is not there:
no journal, no resume that keeps trial ids, no brackets but those of Tune's schedulers.
"""

from __future__ import annotations

import math
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from orchestrator.engine.knowledge import configs_of
from orchestrator.engine.learning import Learning
from orchestrator.engine.stopping import StopRules
from orchestrator.searchers import Observation, Searcher
from orchestrator.spec import SweepSpec
from searchspaces import Config, DataFacts
from searchspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from trainables.data import AnyData


def to_tuner(spec: SweepSpec, data: AnyData | None, **settings: Any) -> Any:
    """The Tuner of a sweep, ready to ``fit()``; Ray is started by it or by the caller.

    Args:
        spec: of the sweep.
        data: goes to the object store once; None for what reads its own.
        settings: fields of ``TuneConfig`` or ``RunConfig``, on top of what the spec says.

    Raises:
        ConfigurationError: a setting that neither of them has, trials of several processes, or
            what only orch's engine can do with a spec.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray import tune

    from orchestrator.planning import trainable_of

    if spec.program.ranks:
        raise ConfigurationError(
            f"{spec.architecture} has workers = {spec.program.ranks}, and a Tuner gives a trial "
            f"one process. Run the sweep itself, or leave workers out.",
            place="architecture",
        )
    _refuse_what_is_left_out(spec)
    chosen, parameters = trainable_of(spec)
    trainable = tune.with_parameters(chosen, data=data, seed=spec.seed, **parameters)
    ours = {field.name for field in fields(tune.TuneConfig)}
    runs = {field.name for field in fields(tune.RunConfig)}
    for name in settings:
        if name not in ours | runs:
            raise ConfigurationError(
                "neither ray.tune.TuneConfig nor ray.tune.RunConfig has it.", place=name
            )
    tune_config = {
        "metric": spec.metric,
        "mode": spec.mode,
        "num_samples": spec.planned_trials,
        "search_alg": _tune_searcher(spec, data.facts if data else None),
        "max_concurrent_trials": spec.concurrency,
        "time_budget_s": spec.max_time,
        "reuse_actors": True,
        **{name: value for name, value in settings.items() if name in ours},
    }
    run_config = {
        "name": spec.name,
        "stop": {"training_iteration": spec.epochs},
        # Tune saves at the end unless told: there is nothing to save of what takes no state.
        "checkpoint_config": tune.CheckpointConfig(
            checkpoint_at_end=None if spec.program.can_pause else False
        ),
        **{name: value for name, value in settings.items() if name in runs},
    }
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(**tune_config),
        run_config=tune.RunConfig(**run_config),
    )


def _refuse_what_is_left_out(spec: SweepSpec) -> None:
    """Refuse what Tune's loop would leave out without a word."""
    wanted = {
        "warm_start": "is not told of earlier runs",
        "objectives": "seeks one metric",
        **{rule.name: "stops by what Tune is given" for rule in fields(StopRules)},
    }
    for place, why in wanted.items():
        if getattr(spec, place) not in {None, ()}:
            raise ConfigurationError(
                f"a Tuner {why}. Run the sweep itself, or leave {place} out.", place=place
            )


def _tune_searcher(spec: SweepSpec, facts: DataFacts | None) -> Any:
    """Our searcher in the form Tune asks for; it learns from a trial what the engine would say."""
    from ray import tune

    joint, objective = spec.joint, spec.objective

    class OrchSearcher(tune.search.Searcher):
        """Suggests what the sweep's own searcher suggests."""

        def __init__(self, searcher: Searcher) -> None:
            super().__init__(metric=spec.metric, mode=spec.mode)
            # Tune unwraps whatever is called ``searcher``, so ours is not.
            self._ours = searcher
            self._points = configs_of(
                spec.points, joint, spec.seed, facts, repeats=searcher.repeats
            )
            self.set_state({"trials": {}, "seen": [], "best": {}})

        def suggest(self, trial_id: str) -> dict[str, Any]:
            number = len(self.trials)
            first = number < len(self._points)
            config = dict(self._points[number] if first else self._learning.suggest(number))
            self._start(trial_id, config)
            return config

        def _start(self, trial_id: str, config: dict[str, Any]) -> None:
            started = self._started[trial_id] = len(self.trials), joint.validate(config, facts)
            self._learning.started(*started)
            self.trials[trial_id] = config

        def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
            loss = objective.loss(result)
            if not math.isnan(loss):
                best = self.best[trial_id] = min(self.best.get(trial_id, math.inf), loss)
                if self._learning.looks(epoch := int(result["training_iteration"])):
                    self._see(trial_id, epoch, best, running=True)

        def on_trial_complete(
            self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
        ) -> None:
            best = self.best.pop(trial_id, math.inf)
            loss, epoch = math.inf, spec.epochs
            if result is not None:
                epoch = int(result["training_iteration"])
                failed = error or _says(result, "failure")
                last = math.nan if failed else objective.loss(result)
                if not math.isnan(last):
                    loss = min(best, last)
                    if _says(result, "finished"):  # all its epochs would have given the same
                        epoch = spec.epochs
            self._see(trial_id, epoch, loss)

        def _see(self, trial_id: str, epoch: int, loss: float, *, running: bool = False) -> None:
            self.seen.append((trial_id, epoch, loss, running))
            number, config = self._started[trial_id]
            self._learning.observe(Observation(number, config, epoch, loss, running))

        def get_state(self) -> dict[str, Any]:
            """What Tune writes down: trials and what was learnt from them, in plain values."""
            return {
                "trials": dict(self.trials),
                "seen": list(self.seen),
                "best": dict(self.best),
            }

        def set_state(self, state: dict[str, Any]) -> None:
            """Learn the same again."""
            self._learning = Learning(self._ours, joint, spec.seed, facts)
            self.trials: dict[str, dict[str, Any]] = {}
            self._started: dict[str, tuple[int, Config]] = {}
            for trial_id, config in state["trials"].items():
                self._start(trial_id, config)
            self.best: dict[str, float] = dict(state.get("best", {}))
            self.seen: list[tuple[str, int, float, bool]] = []
            for trial_id, epoch, loss, running in state["seen"]:
                self._see(trial_id, epoch, loss, running=running)

    return OrchSearcher(spec.searcher.model_copy())


def _says(result: dict[str, Any], key: str) -> bool:
    """Whether the Trainable says why; a metric of that name would be a number."""
    return isinstance(result.get(key), str)
