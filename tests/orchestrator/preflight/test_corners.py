"""The configs that a check tries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.preflight.corners import corners, middle, nearest_valid, shown
from searchspaces import (
    Choice,
    ChoiceParam,
    DataFacts,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    MlpSpace,
    SearchSpace,
    Training,
    constraint,
)
from searchspaces.errors import ConfigurationError

FACTS = DataFacts(features=8, classes=10, steps=8)


class Heads(SearchSpace):
    """Few of its points are valid, and neither of its corners is."""

    heads: IntParam = Int(1, 8)
    hidden: IntParam = Int(16, 250)
    wide: ChoiceParam = Choice((False, True))
    kernel: ChoiceParam = Choice((9, 3, 5))
    pooling: ChoiceParam = Choice(("mean", "max", "last"))

    @constraint
    def heads_divide_hidden(self, config, facts):
        """hidden must be divisible by heads."""
        return config["hidden"] % config["heads"] == 0


class Never(SearchSpace):
    x: IntParam = Int(1, 4)

    @constraint
    def never(self, config, facts):
        """Nothing is valid."""
        return False


def by_name(space, samples=9):
    return {place.name: place.config for place in corners(space, FACTS, samples=samples)}


def test_every_size_is_at_its_end_and_the_rest_in_the_middle():
    found = by_name(JointSpace(GruSpace(), Training()))
    small, large, slow = found["smallest"], found["largest"], found["slowest"]
    assert (small["num_layers"], small["hidden_size"], small["batch_size"]) == (1, 16, 256)
    assert (large["num_layers"], large["hidden_size"], large["batch_size"]) == (4, 256, 256)
    assert (slow["num_layers"], slow["hidden_size"], slow["batch_size"]) == (4, 256, 16)
    assert "dropout" not in small
    assert large["dropout"] == 0.25
    assert large["learning_rate"] == pytest.approx((1e-4 * 1e-1) ** 0.5)


def test_choices_of_numbers_and_of_yes_and_no_are_sizes():
    found = by_name(JointSpace(Heads(), Training()))
    assert (found["largest"]["wide"], found["largest"]["kernel"]) == (True, 9)
    assert (found["smallest"]["wide"], found["smallest"]["kernel"]) == (False, 3)
    assert found["largest"]["pooling"] == found["smallest"]["pooling"] == "max"


def test_a_corner_that_a_constraint_refuses_is_replaced_by_a_valid_config_beside_it():
    large = by_name(JointSpace(Heads(), Training()))["largest"]
    assert large["hidden"] % large["heads"] == 0
    assert large["heads"] == 8
    assert large["hidden"] == pytest.approx(250, abs=12)


def test_samples_are_spread_over_the_whole_of_each_range():
    space = JointSpace(MlpSpace(depth=2), Training())
    cube = space.cube()
    points = np.array(
        [
            cube.to_unit(place.config)[cube.names.index("h1")]
            for place in corners(space, FACTS, samples=64)
            if place.is_sample
        ]
    )
    counts, _ = np.histogram(points, bins=8, range=(0, 1))
    assert len(points) == 64
    assert counts.min() >= 6  # of 8 expected; 64 random draws leave 2 or 3 somewhere
    assert counts.max() <= 10


def test_the_same_configs_come_every_time_and_none_twice():
    space = JointSpace(Heads(), Training())
    found = corners(space, FACTS, samples=9)
    assert found == corners(space, FACTS, samples=9)
    assert len({place.config for place in found}) == len(found) == 15


def test_a_space_of_few_configs_gives_each_once():
    space = JointSpace(MlpSpace(h1=16, h2=16, dropout=0.0, pooling="mean", depth=Int(1, 2)),
                       Training(learning_rate=0.01, batch_size=32))  # fmt: skip
    assert [place.config["depth"] for place in corners(space, FACTS, samples=9)] == [1, 2]


def test_a_space_of_constants_has_one_config():
    space = JointSpace(MlpSpace(h1=16, h2=16, dropout=0.0, pooling="mean", depth=2),
                       Training(learning_rate=0.01, batch_size=32))  # fmt: skip
    (only,) = corners(space, FACTS, samples=9)
    assert only.config["h1"] == 16


def test_a_space_without_a_valid_config_is_refused_by_its_constraint():
    with pytest.raises(ConfigurationError) as caught:
        corners(JointSpace(Never(), Training()), FACTS, samples=3)
    assert str(caught.value).startswith("never: no valid config in 10,000 draws;")


def test_the_middle_is_the_middle_of_every_range_on_its_scale():
    config = middle(JointSpace(GruSpace(), Training()), FACTS)
    assert (config["num_layers"], config["dropout"], config["batch_size"]) == (3, 0.25, 64)
    # A log grid's cells begin half a step beside its ends: sqrt(15.5 * 256.5) = 63.05.
    assert config["hidden_size"] == 63
    assert config["learning_rate"] == pytest.approx(10**-2.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_the_nearest_valid_config_is_valid_and_always_the_same(point):
    space = JointSpace(Heads(), Training())
    config = nearest_valid(space, np.array(point), FACTS)
    assert space.validate(config, FACTS) == config
    assert nearest_valid(space, np.array(point), FACTS) == config


def test_a_valid_point_is_its_own_nearest():
    space = JointSpace(GruSpace(), Training())
    point = space.cube().to_unit(space.sample(np.random.default_rng(3), FACTS))
    point[np.isnan(point)] = 0.5
    assert nearest_valid(space, point, FACTS) == space.validate(space.cube().from_unit(point))


def test_what_is_shown_of_a_config_is_what_is_searched():
    space = JointSpace(MlpSpace(h1=32), Training(batch_size=Int(16, 32)))
    config = space.sample(np.random.default_rng(0), FACTS)
    assert set(shown(config, space)) <= {
        "h2", "depth", "dropout", "pooling", "learning_rate", "batch_size",
    }  # fmt: skip


class Rates(SearchSpace):
    rate: FloatParam = Float(0.0, 1.0)


def test_a_real_number_is_no_size():
    found = by_name(JointSpace(Rates(), Training(batch_size=32)))
    assert found["smallest"]["rate"] == 0.5
    assert "largest" not in found  # it would be the same


class Edges(SearchSpace):
    layers: IntParam = Int(1, 3)
    dropout: FloatParam = Float(0.0, 0.9, when={"layers": (2, 3)})
    pooling: ChoiceParam = Choice(("mean", "max", "last"))


def test_both_ends_of_every_range_and_every_value_of_a_choice_are_tried():
    training = Training(patience=Int(1, 5), optimizer=Choice(("adam", "sgd")))
    found = by_name(JointSpace(Edges(), training), samples=0)
    edges = [config for name, config in found.items() if name.startswith("edge ")]
    assert [config["pooling"] for config in edges] == ["mean", "max", "last"]
    assert [config["optimizer"] for config in edges] == ["adam", "sgd", "adam"]
    assert [config["dropout"] for config in edges] == [0.0, 0.9, 0.0]
    assert [config["learning_rate"] for config in edges] == [1e-4, 1e-1, 1e-4]
    assert [config["patience"] for config in edges] == [1, 5, 1]
    assert {(config["layers"], config["batch_size"]) for config in edges} == {(2, 16)}


def test_many_values_are_tried_in_part():
    class Many(SearchSpace):
        how: ChoiceParam = Choice(tuple(f"way {number}" for number in range(50)))

    found = by_name(JointSpace(Many(), Training(learning_rate=0.1, batch_size=32)), samples=0)
    assert sum(name.startswith("edge ") for name in found) == 8
