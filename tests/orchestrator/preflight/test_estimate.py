"""The average over a space of what an epoch takes."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.preflight.corners import corners
from orchestrator.preflight.estimate import mean_seconds
from searchspaces import DataFacts, GruSpace, Int, JointSpace, MlpSpace, Training

FACTS = DataFacts(features=8, classes=10, steps=8)
SPACE = JointSpace(GruSpace(), Training())


def cost(config):
    """An epoch of a recurrent network: layers times width squared, and a start a batch."""
    return 1e-4 * config["num_layers"] * config["hidden_size"] ** 2 + 8.0 / config["batch_size"]


@pytest.mark.parametrize("samples", [3, 6, 9])
def test_a_few_configs_tell_the_mean_of_all_within_a_third(samples):
    rng = np.random.default_rng(0)
    true = np.mean([cost(SPACE.sample(rng, FACTS)) for _ in range(4_000)])
    measured = [
        (place.config, cost(place.config)) for place in corners(SPACE, FACTS, samples=samples)
    ]
    assert mean_seconds(measured, SPACE) == pytest.approx(true, rel=0.35)


def test_an_exponential_cost_has_the_mean_of_its_integral():
    space = JointSpace(MlpSpace(h1=Int(1, 1000), h2=16, depth=2, dropout=0.0, pooling="mean"),
                       Training(learning_rate=0.1, batch_size=32))  # fmt: skip
    cube = space.cube()
    assert cube.names == ("h1",)
    measured = [
        (place.config, 2.0 ** (3 * float(cube.to_unit(place.config)[0])))
        for place in corners(space, FACTS, samples=9)
    ]
    # The integral of 8**u over [0, 1] is 7 / ln 8; the ridge flattens it by some per cent.
    assert mean_seconds(measured, space) == pytest.approx(7 / np.log(8), rel=0.03)


def test_one_config_is_its_own_mean():
    space = JointSpace(MlpSpace(h1=16, h2=16, depth=2, dropout=0.0, pooling="mean"),
                       Training(learning_rate=0.1, batch_size=32))  # fmt: skip
    (only,) = corners(space, FACTS, samples=9)
    assert mean_seconds([(only.config, 2.5)], space) == pytest.approx(2.5)
    assert mean_seconds([], space) is None


def test_no_estimate_leaves_what_was_measured_far_behind():
    places = corners(SPACE, FACTS, samples=1)
    measured = [(place.config, 10.0**index) for index, place in enumerate(places)]
    assert mean_seconds(measured, SPACE) <= 1.5 * 10.0 ** (len(places) - 1)
