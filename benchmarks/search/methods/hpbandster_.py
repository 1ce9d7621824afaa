"""hpbandster's own model, on orch's exact brackets.

Its config generator is used as it is. Its networking (Pyro4, netifaces), which needs a C
compiler, is replaced by empty modules, and so is the old ConfigSpace it was written for: by
a space whose vectors are those of ConfigSpace, the unit cube with a number per category
and NaN for what is inactive. A vector that a constraint refuses is an error to it, as a
forbidden clause is, and it takes a random config then.
"""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from benchmarks.search.methods.base import Declared, LedgerDriver, Method
from benchmarks.search.replay import Driver, Task
from orchestrator.searchers import Observation, Searcher
from orchestrator.strategies import scheduler_from
from searchspaces import Config, DataFacts, JointSpace


@dataclass(frozen=True)
class HpBandSter(Method):
    """Its BOHB model with a scheduler of orch."""

    scheduler: Declared = "hyperband"
    needs: tuple[str, ...] = field(default=("statsmodels.api",), kw_only=True)

    def begin(self, task: Task) -> Driver:
        """A ledger that asks its model."""
        return LedgerDriver(task, Generator(repeats=True), scheduler_from(self.scheduler))

    def missing(self) -> str:
        """Why it cannot run here."""
        return super().missing() or _import()


def _import() -> str:
    """Import its model without what it does not need; why not, if that fails."""
    for name in ("Pyro4", "Pyro4.naming", "netifaces"):
        module = sys.modules.setdefault(name, ModuleType(name))
        for decorator in ("expose", "oneway", "callback"):
            setattr(module, decorator, lambda thing: thing)
    for name in ("ConfigSpace", "ConfigSpace.hyperparameters", "ConfigSpace.util",
                 "ConfigSpace.conditions", "ConfigSpace.read_and_write"):  # fmt: skip
        sys.modules.setdefault(name, _Empty(name))
    try:
        from hpbandster.optimizers.config_generators import bohb
    except Exception as error:  # noqa: BLE001  # whatever it is, it is said
        return f"hpbandster: {type(error).__name__}: {error}"
    bohb.ConfigSpace = SimpleNamespace(
        Configuration=_configuration,
        hyperparameters=SimpleNamespace(CategoricalHyperparameter=_Category),
        util=SimpleNamespace(deactivate_inactive_hyperparameters=_deactivated),
    )
    logging.getLogger("hpbandster").setLevel(logging.CRITICAL)
    return ""


class _Empty(ModuleType):
    """A module in which every name can be imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name)


class Generator(Searcher):
    """``hpbandster.optimizers.config_generators.bohb.BOHB`` with its defaults."""

    kind: Literal["hpbandster"] = "hpbandster"

    _model: Any = PrivateAttr(default=None)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Make a model; it draws from numpy's global stream, which is seeded here."""
        why = _import()
        if why:
            raise RuntimeError(why)
        from hpbandster.optimizers.config_generators.bohb import BOHB

        super().begin(space, seed=seed, facts=facts)
        warnings.simplefilter("ignore")
        np.random.seed(seed)  # noqa: NPY002  # the library knows no other
        self._model = BOHB(configspace=_Space(space, np.random.default_rng([seed, 0xB0])))

    def observe(self, observation: Observation) -> None:
        """A finished job at that budget."""
        kwargs = {"budget": float(observation.epoch), "config": observation.config}
        result = {"loss": observation.loss} if np.isfinite(observation.loss) else None
        self._model.new_result(SimpleNamespace(result=result, kwargs=kwargs, exception=None))

    def suggest(self, number: int) -> Config:
        """Its suggestion."""
        config, _ = self._model.get_config(1.0)
        return self.space.validate(config)


class _Category:
    """A categorical hyperparameter."""

    def __init__(self, count: int) -> None:
        self.choices = range(count)


class _Space:
    """What the model uses of a ConfigurationSpace."""

    def __init__(self, space: JointSpace, rng: np.random.Generator) -> None:
        self.space, self.cube, self.rng = space, space.cube(), rng
        self.counts = np.array(
            [
                count if kind == "unordered" else 0
                for count, kind in zip(self.cube.cardinalities, self.cube.kinds, strict=True)
            ]
        )
        self.dimensions = [_Category(c) if c else SimpleNamespace() for c in self.counts.tolist()]

    def get_hyperparameters(self) -> list[Any]:
        """One per dimension."""
        return self.dimensions

    def get_hyperparameter_by_idx(self, index: int) -> int:
        """Its name, here the index."""
        return index

    def get_hyperparameter(self, index: int) -> Any:
        """The dimension."""
        return self.dimensions[index]

    def sample_configuration(self) -> _Configuration:
        """A random config."""
        return _Configuration(self, self.space.sample(self.rng))

    def array(self, config: Config) -> Any:
        """The vector of a config."""
        point = self.cube.to_unit(config)
        return np.where(self.counts > 0, np.floor(point * self.counts), point)

    def config(self, vector: Any) -> Config:
        """The config of a vector.

        Raises:
            ConfigurationError: a constraint refuses it.
        """
        point = np.asarray(vector, dtype=float)
        unit = np.where(self.counts > 0, (point + 0.5) / np.maximum(self.counts, 1), point)
        return self.space.validate(self.cube.from_unit(unit))


class _Configuration:
    def __init__(self, space: _Space, config: Config) -> None:
        self.space, self.values = space, config

    def get_dictionary(self) -> Config:
        """The config itself."""
        return self.values

    def get_array(self) -> Any:
        """Its vector."""
        return self.space.array(self.values)


def _configuration(space: _Space, values: Any = None, vector: Any = None) -> _Configuration:
    return _Configuration(space, values if vector is None else space.config(vector))


def _deactivated(configuration_space: _Space, configuration: Config) -> _Configuration:
    return _Configuration(configuration_space, configuration)
