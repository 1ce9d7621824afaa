"""Failed and infeasible trials, whose loss is infinite, count as bad and break no model."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from orchestrator.searchers import Observation, searchers
from orchestrator.searchers.testing import FACTS, SPACES
from searchspaces import Config, JointSpace
from searchspaces.inline import NoTraining, inline_space

LEARNING = ("auto", "bohb", "cmaes", "hyperopt", "optuna-tpe")
SPACE = JointSpace(
    inline_space({
        "x": {"low": 0.0, "high": 1.0},
        "y": {"low": 0.0, "high": 1.0},
        "cell": {"values": ["a", "b", "c"]},
    }),
    NoTraining(),
)  # fmt: skip
FAILS: dict[str, Callable[[Config], bool]] = {
    "a range": lambda config: config["x"] > 2 / 3,
    "a choice": lambda config: config["cell"] == "b",
}


def needed(kind: str) -> None:
    for library in {"cmaes": ("cmaes",), "optuna-tpe": ("optuna",)}.get(kind, ()):
        pytest.importorskip(library)


@pytest.mark.parametrize("fails", FAILS)
@pytest.mark.parametrize("kind", LEARNING)
def test_a_region_that_fails_is_left_though_nothing_else_tells_good_from_bad(kind, fails):
    """A third of the space fails; among the others losses are noise."""
    needed(kind)
    there = []
    for seed in range(3):
        rng, searcher = np.random.default_rng(seed), searchers.get(kind)()
        searcher.begin(SPACE, seed=seed, facts=None)
        for number in range(40):
            config = SPACE.sample(rng)
            loss = math.inf if FAILS[fails](config) else float(rng.random())
            searcher.observe(Observation(number, config, 1, loss))
        there += [FAILS[fails](searcher.suggest(number)) for number in range(100, 115)]
    assert np.mean(there) < 0.3


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("kind", LEARNING)
def test_no_share_of_failures_at_any_epoch_breaks_a_model(kind, share):
    needed(kind)
    where = SPACES["awkward"]
    rng, searcher = np.random.default_rng(int(share * 100)), searchers.get(kind)()
    searcher.begin(where, seed=1, facts=FACTS)
    for number in range(40):
        config = where.sample(rng, FACTS)
        for epoch in (1, 3, 9)[: int(rng.integers(1, 4))]:
            failed = rng.random() < share
            loss = math.inf if failed else float(rng.normal())
            searcher.observe(Observation(number, config, epoch, loss))
            if failed:
                break
        if number % 8 == 7:
            config = searcher.suggest(number + 1)
            assert where.validate(dict(config), FACTS) == config
