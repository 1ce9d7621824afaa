"""Searchers with a model find better configs than random search."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.searchers import Observation, Searcher
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.cmaes_ import CmaEs
from orchestrator.searchers.hyperopt_ import HyperOptSearch
from orchestrator.searchers.optuna_tpe import OptunaTpe
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.testing import NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
)


class Bowl(SearchSpace):
    x: FloatParam = Float(0.0, 1.0)
    y: FloatParam = Float(1e-4, 1e-1, log=True)
    n: IntParam = Int(1, 64)
    flavour: ChoiceParam = Choice(("a", "b", "c"))


SPACE = JointSpace(Bowl(), NoTraining())


def true_loss(config: Config) -> float:
    """A quadratic in the cube with its least value 0 at one place, and a bad flavour or two."""
    x, y, n, _ = SPACE.cube().to_unit(config)
    return (x - 0.3) ** 2 + (y - 0.7) ** 2 + (n - 0.5) ** 2 + 0.1 * (config["flavour"] != "b")


def late_losses(searcher: Searcher, seed: int) -> float:
    """Mean true loss of trials 40 to 60 of a sweep of noisy, halved trials."""
    searcher.begin(SPACE, seed=seed, facts=None)
    rng = np.random.default_rng(seed)
    losses = []
    for number in range(60):
        config = searcher.suggest(number)
        losses.append(true_loss(config))
        for epoch in (1, 3, 9)[: 1 + (number % 2) + (number % 4 == 1)]:
            noise = float(rng.normal()) * 0.03 / epoch
            searcher.observe(Observation(number, config, epoch, losses[-1] + 1 / epoch + noise))
    return float(np.mean(losses[40:]))


@pytest.mark.parametrize(
    ("make", "share"),
    [(Bohb, 0.7), (CmaEs, 0.8), (HyperOptSearch, 0.7), (OptunaTpe, 0.7)],  # CMA-ES begins slowly
)
def test_a_model_finds_better_configs_than_random_search(make, share):
    seeds = range(4)
    random = np.mean([late_losses(RandomSearch(), seed) for seed in seeds])
    model = np.mean([late_losses(make(), seed) for seed in seeds])
    assert model < share * random
