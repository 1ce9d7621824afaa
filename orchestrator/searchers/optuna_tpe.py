"""Optuna's multivariate tree of Parzen estimators, as the library has it, on the unit cube."""

from __future__ import annotations

import warnings
from collections.abc import Container
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.extra import need
from orchestrator.searchers.furthest import Furthest
from searchspaces import Config, DataFacts, JointSpace, Value
from searchspaces.conditions import condition

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

TRIES = 20
"""Suggestions that constraints may refuse in a row before a random config is taken."""

_RANDOM, _MODEL = 0, 1

Distributions = dict[str, "BaseDistribution"]


class OptunaTpe(Searcher):
    """``optuna.samplers.TPESampler(multivariate=True)``, a joint density for each group.

    The library sees the unit cube of the space: a categorical per unordered choice, a
    number from 0 per ordered choice and small grid, a float from 0 to 1 for all else. So
    scales, powers and grids are those of the space. Parameters with the same conditions
    are a group, which is what the library's ``group=True`` would find out by and by; a
    parameter that was inactive in a trial is absent from that trial.

    Each trial counts once, at the furthest epoch it was observed at, with ranks for
    losses; failed trials come last: see :class:`orchestrator.searchers.furthest.Furthest`.
    ``constant_liar`` is off: a suggestion depends on what was observed, and trials that run
    have not been. Suggestions differ all the same, since each has a seed of its own.

    A suggestion that a constraint refuses joins the worst trials, for this one suggestion,
    and another is drawn. Before ``n_startup_trials`` trials were observed, configs are drawn
    from the space.

    Raises:
        UsageError: Optuna is not installed.

    Source: Bergstra et al., NIPS 2011; Falkner et al., ICML 2018, for the joint density;
    Watanabe, arXiv 2304.11127; defaults of Optuna 5.
    """

    kind: Literal["optuna-tpe"] = "optuna-tpe"
    n_startup_trials: int = Field(default=10, ge=1)
    """Trials to observe before the model is used."""
    n_ei_candidates: int = Field(default=24, ge=1)
    """Points drawn from the good density per suggestion."""

    _seen: Furthest = PrivateAttr(default_factory=Furthest)
    _trials: dict[int, FrozenTrial] = PrivateAttr(default_factory=dict)
    _groups: list[Distributions] | None = PrivateAttr(default=None)
    _cells: dict[str, int] = PrivateAttr(default_factory=dict)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget all observations."""
        need("optuna", self.kind)
        super().begin(space, seed=seed, facts=facts)
        self._seen, self._trials, self._groups = Furthest(), {}, None
        cube, parameters = space.cube(), space.parameters()
        self._cells = {  # 0 for a logarithmic grid, whose cells differ in width
            name: 0 if count > 1 and getattr(parameters[name], "log", False) else count
            for name, count in zip(cube.names, cube.cardinalities, strict=True)
        }

    def observe(self, observation: Observation) -> None:
        """Keep what the trial did at its furthest epoch."""
        self._seen.note(observation)
        number = observation.number
        if number not in self._trials:
            self._trials[number] = self._trial(number, self._encoded(observation.config))

    def suggest(self, number: int) -> Config:
        """A config from the library's model, or a random one."""
        if len(self._seen) >= self.n_startup_trials and self.space.cube().dimensions:
            config = self._from_model(self.generator(number, _MODEL))
            if config is not None:
                return config
        return self.space.sample(self.generator(number, _RANDOM), self._facts)

    def _from_model(self, rng: np.random.Generator) -> Config | None:
        """The library's suggestion; None if one after the other is refused or was tried."""
        for rank, number in enumerate(self._seen.ranked()):
            self._trials[number].value = float(rank)
        history = _History([self._trials[number] for number in sorted(self._trials)])
        last = max(self._trials)
        for number in range(last + 1, last + 1 + TRIES):
            drawn = self._drawn(history, number, int(rng.integers(2**31)))
            values = self._decoded(drawn)
            config = self.config_of(values)
            if config is not None:
                return config
            refused = self._trial(number, {name: drawn[name] for name in drawn if name in values})
            refused.value = float(number)
            history.trials.append(refused)
        return None

    def _drawn(self, history: _History, number: int, seed: int) -> dict[str, Any]:
        """What the library draws for every parameter, inactive ones too."""
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some versions call multivariate experimental
            sampler = TPESampler(
                n_startup_trials=0,
                n_ei_candidates=self.n_ei_candidates,
                multivariate=True,
                constant_liar=False,
                seed=seed,
            )
        drawn: dict[str, Any] = {}
        waiting = self._trial(number, {})
        for group in self._by_condition():
            # The library asks no more of a study than this stands in for.
            drawn |= sampler.sample_relative(history, waiting, group)  # type: ignore[arg-type]
        return drawn

    def _by_condition(self) -> list[Distributions]:
        """The library's form of the space, parameters with the same conditions together."""
        if self._groups is None:
            cube, parameters = self.space.cube(), self.space.parameters()
            groups: dict[str, Distributions] = {}
            for name, kind in zip(cube.names, cube.kinds, strict=True):
                if self._cells[name] != 1:  # of one value there is nothing to learn
                    key = repr(sorted(condition(parameters[name]).items()))
                    groups.setdefault(key, {})[name] = _distribution(kind, self._cells[name])
            # In the library's own order: its draws depend on it.
            self._groups = [dict(sorted(group.items())) for group in groups.values()]
        return self._groups

    def _encoded(self, config: Config) -> dict[str, Any]:
        """The values under which the library knows a config; inactive ones left out."""
        units = zip(self._cells.items(), self.space.cube().to_unit(config).tolist(), strict=True)
        return {
            name: int(unit * cells) if cells else unit
            for (name, cells), unit in units
            if name in config and cells != 1
        }

    def _decoded(self, drawn: dict[str, Any]) -> dict[str, Value]:
        """The values a config would have, inactive ones left out, from the library's."""
        return self.space.cube().from_unit(
            [
                (drawn.get(name, 0) + 0.5) / cells if cells else drawn[name]
                for name, cells in self._cells.items()
            ]
        )

    def _trial(self, number: int, values: dict[str, Any]) -> FrozenTrial:
        """What the library reads of a trial; ranks come later."""
        from optuna.trial import FrozenTrial, TrialState

        known = {name: group[name] for group in self._by_condition() for name in group}
        return FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState.COMPLETE,
            value=0.0,
            datetime_start=None,
            datetime_complete=None,
            params=values,
            distributions={name: known[name] for name in values},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )


class _History:
    """What the sampler uses of ``optuna.Study``, without its copies, locks and log."""

    _study_id = 0

    def __init__(self, trials: list[FrozenTrial]) -> None:
        from optuna.study import StudyDirection

        self.trials = trials
        self.direction = StudyDirection.MINIMIZE
        self.directions = [self.direction]

    def _is_multi_objective(self) -> bool:
        return False

    def _get_trials(
        self,
        deepcopy: bool = False,  # noqa: ARG002  # the study's own signature
        states: Container[Any] | None = None,
        use_cache: bool = False,  # noqa: ARG002  # see above
    ) -> list[FrozenTrial]:
        return [trial for trial in self.trials if states is None or trial.state in states]


def _distribution(kind: str, count: int) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if kind == "unordered":
        return CategoricalDistribution(tuple(range(count)))
    return IntDistribution(0, count - 1) if count else FloatDistribution(0.0, 1.0)
