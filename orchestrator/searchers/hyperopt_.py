"""HyperOpt's tree of Parzen estimators, as the library has it, on the unit cube."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.furthest import Furthest
from searchspaces import Config, DataFacts, JointSpace, Value

TRIES = 20
"""Suggestions that constraints may refuse in a row before a random config is taken."""

_RANDOM, _MODEL = 0, 1


class HyperOptSearch(Searcher):
    """``hyperopt.tpe.suggest`` over a uniform dimension per parameter.

    The library sees the unit cube of the space: ``hp.uniform(0, 1)`` per parameter and
    ``hp.randint`` per unordered choice, so that scales and grids are those of the space.
    A parameter that was inactive in a trial is absent from that trial's values.

    Each trial counts once, at the furthest epoch it was observed at. The library gets
    ranks for losses: a trial at a further epoch comes before one at a nearer, losses
    order trials at the same epoch, failed trials come last. So losses of different
    epochs are never compared. Trials that have not been observed yet do not count.

    A suggestion that a constraint refuses joins the worst trials, for this one suggestion,
    and another is drawn: to the model, refused parts of the space would else look new and
    promising for ever. Before ``n_startup_jobs`` trials were observed, configs are drawn from
    the space.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NIPS 2011;
    settings and defaults of hyperopt 0.3.0.
    """

    kind: Literal["hyperopt"] = "hyperopt"
    n_startup_jobs: int = Field(default=20, ge=1)
    """Trials to observe before the model is used."""
    n_ei_candidates: int = Field(default=24, ge=1)
    """Points drawn from the good density per suggestion."""
    gamma: float = Field(default=0.25, gt=0, le=25)
    """The best ``ceil(gamma * sqrt(n))`` trials, at most 25, are good."""
    prior_weight: float = Field(default=1.0, gt=0, le=1e6)
    """Weight of the uniform prior, in observations; a sweep has no more than a million."""

    _seen: Furthest = PrivateAttr(default_factory=Furthest)
    _values: dict[int, dict[str, list[float]]] = PrivateAttr(default_factory=dict)
    _domain: Any = PrivateAttr(default=None)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget all observations."""
        super().begin(space, seed=seed, facts=facts)
        self._seen, self._values, self._domain = Furthest(), {}, None

    def observe(self, observation: Observation) -> None:
        """Keep what the trial did at its furthest epoch."""
        self._seen.note(observation)
        if observation.number not in self._values:
            self._values[observation.number] = self._encoded(observation.config)

    def suggest(self, number: int) -> Config:
        """A config from the library's model, or a random one."""
        if len(self._seen) >= self.n_startup_jobs and self.space.cube().dimensions:
            config = self._from_model(self.generator(number, _MODEL))
            if config is not None:
                return config
        return self.space.sample(self.generator(number, _RANDOM), self._facts)

    def _encoded(self, config: Config) -> dict[str, list[float]]:
        """The values under which the library knows a config: one in a list, or none."""
        cube = self.space.cube()
        values: dict[str, list[float]] = {}
        dimensions = zip(cube.names, cube.kinds, cube.cardinalities, strict=True)
        for (name, kind, count), u in zip(dimensions, cube.to_unit(config).tolist(), strict=True):
            value = int(u * count) if kind == "unordered" and not math.isnan(u) else u
            values[name] = [] if math.isnan(u) else [value]
        return values

    def _decoded(self, values: dict[str, list[float]]) -> dict[str, Value]:
        """The values a config would have, inactive ones left out, from the library's."""
        cube = self.space.cube()
        unit = [
            (values[name][0] + 0.5) / count if kind == "unordered" else float(values[name][0])
            for name, kind, count in zip(cube.names, cube.kinds, cube.cardinalities, strict=True)
        ]
        return cube.from_unit(unit)

    def _ranked(self) -> list[dict[str, Any]]:
        """The library's documents, one per trial, with ranks for losses."""
        ranks = {number: rank for rank, number in enumerate(self._seen.ranked())}
        return [_document(n, ranks[n], self._values[n]) for n in sorted(ranks)]

    def _from_model(self, rng: np.random.Generator) -> Config | None:
        """The library's suggestion; None if one after the other is refused or was tried."""
        from hyperopt import tpe

        if self._domain is None:
            self._domain = _library_domain(self.space)
        history = _History(self._ranked())
        first = max(self._seen.seen) + 1
        for number in range(first, first + TRIES):
            [document] = tpe.suggest(
                [number],
                self._domain,
                history,
                int(rng.integers(2**31)),
                prior_weight=self.prior_weight,
                n_startup_jobs=0,
                n_EI_candidates=self.n_ei_candidates,
                gamma=self.gamma,
                verbose=False,
            )
            coded = document["misc"]["vals"]
            values = self._decoded(coded)
            config = self.config_of(values)
            if config is not None:
                return config
            active = {name: value if name in values else [] for name, value in coded.items()}
            history.trials.append(_document(number, number, active))
        return None


def _document(number: int, rank: int, values: dict[str, list[float]]) -> dict[str, Any]:
    """What the library reads of a trial."""
    idxs = {name: [number] * len(value) for name, value in values.items()}
    misc = {"tid": number, "idxs": idxs, "vals": values}
    return {"tid": number, "result": {"loss": float(rank)}, "misc": misc}


class _History:
    """What ``tpe.suggest`` uses of ``hyperopt.Trials``, without its copies and checks."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.trials = documents

    def __len__(self) -> int:
        return len(self.trials)

    def new_trial_docs(
        self, tids: list[int], specs: list[Any], results: list[Any], miscs: list[Any]
    ) -> list[dict[str, Any]]:
        """The suggestion, as the library's callers get it."""
        return [
            {"tid": tid, "spec": spec, "result": result, "misc": misc}
            for tid, spec, result, misc in zip(tids, specs, results, miscs, strict=True)
        ]


def _library_domain(space: JointSpace) -> Any:
    from hyperopt import hp
    from hyperopt.base import Domain

    cube = space.cube()
    dimensions = {
        name: hp.randint(name, count) if kind == "unordered" else hp.uniform(name, 0, 1)
        for name, kind, count in zip(cube.names, cube.kinds, cube.cardinalities, strict=True)
    }
    return Domain(_never_called, dimensions)


def _never_called(_values: Any) -> float:
    """Stand in for the objective, which the library only passes along."""
    return math.nan
