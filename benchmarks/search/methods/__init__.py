"""The methods that are compared. A pair of orch's is one line here."""

from __future__ import annotations

from benchmarks.search.methods.base import Method, Pair
from benchmarks.search.methods.discard import Discard
from benchmarks.search.methods.hpbandster_ import HpBandSter
from benchmarks.search.methods.hyperopt_ import HyperOpt
from benchmarks.search.methods.optuna_ import Optuna
from benchmarks.search.methods.ray_bohb import RayBohb
from benchmarks.search.methods.syne import SyneTune
from orchestrator.strategies import STRATEGIES

CQR = "syne_tune.optimizer.schedulers.searchers.conformal.conformal_quantile_regression_searcher"

PROMOTION = {"kind": "asha", "form": "promotion", "cap": True}

METHODS: tuple[Method, ...] = (
    Pair("auto", dict(STRATEGIES["auto"].searcher), dict(STRATEGIES["auto"].scheduler)),
    Pair("orch-random", "random", "fifo"),
    Pair("orch-asha", "random", "asha"),
    Pair("orch-hyperband", "random", "hyperband"),
    Pair("orch-hyperopt", "hyperopt", "asha"),
    Pair("orch-bohb", "bohb", "hyperband"),
    Pair("orch-bohb-asha", "bohb", PROMOTION),
    Pair("orch-asha-promotion", "random", PROMOTION),
    Pair("orch-async-hyperband", "random", "async-hyperband"),
    Pair("orch-median", "random", "median"),
    Pair("orch-sobol-asha", "sobol", PROMOTION),
    Pair("orch-cmaes", "cmaes", "fifo"),
    Pair("orch-optuna-tpe-asha", "optuna-tpe", PROMOTION, needs=("optuna",)),
    HyperOpt("hyperopt-asha"),
    Discard("discard-1-3", 1, 3, per_budget=True),
    Optuna("optuna-tpe"),
    Optuna("optuna-tpe-asha", "tpe", "asha"),
    Optuna("optuna-tpe-hyperband", "tpe", "hyperband"),
    Optuna("optuna-gp", "gp", slow=True),
    Optuna("optuna-gp-asha", "gp", "asha", slow=True),
    SyneTune("syne-asha", "ASHA"),
    SyneTune("syne-bohb", "BOHB"),
    SyneTune("syne-cqr", "ASHACQR", needs=(CQR,), slow=True),
    HpBandSter("hpbandster"),
    RayBohb("ray-bohb"),
)

NAMES = tuple(method.name for method in METHODS)
"""Every method."""


def method(name: str) -> Method:
    """The method of that name.

    Raises:
        KeyError: no such method.
    """
    for found in METHODS:
        if found.name == name:
            return found
    raise KeyError(f"no method {name!r}; known: {', '.join(NAMES)}")
