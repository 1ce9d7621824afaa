"""A copied config is changed as said, and always one that the space has."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from orchestrator.engine.exploring import explored, varied
from orchestrator.schedulers import Variation
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    ConfigurationError,
    DataFacts,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    Training,
    constraint,
)


class Mixed(SearchSpace):
    """Grids, conditions and a constraint."""

    width: IntParam = Int(4, 64)
    heads: IntParam = Int(1, 8, powers_of=2)
    rate: FloatParam = Float(0.1, 1.0, step=0.1)
    tone: ChoiceParam = Choice(("small", "medium", "large"), ordered=True)
    colour: ChoiceParam = Choice(("red", "green"))
    shade: FloatParam = Float(0.0, 1.0, when={"colour": ("red",)})

    @constraint
    def heads_divide(self, config: Config, facts: DataFacts | None) -> bool:
        """width must be a multiple of heads."""
        return config["width"] % config["heads"] == 0


SPACE = JointSpace(Mixed(), Training())
EVERYTHING = (*Mixed().parameters(), "learning_rate", "batch_size")


def some(count: int) -> list[Config]:
    return [SPACE.sample(np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("resample", [0.0, 0.25, 1.0])
def test_every_change_is_a_config_of_the_space(resample):
    how = Variation(EVERYTHING, (0.8, 1.2), resample)
    for seed, config in enumerate(some(300)):
        found = explored(SPACE, config, how, rng=np.random.default_rng(seed), facts=None)
        assert found == SPACE.validate(found)
        again = explored(SPACE, config, how, rng=np.random.default_rng(seed), facts=None)
        assert found == again


def test_numbers_are_multiplied_and_what_is_not_named_stays():
    how = Variation(("learning_rate", "batch_size"), (0.8, 1.2), 0.0)
    for seed, config in enumerate(some(200)):
        found = explored(SPACE, config, how, rng=np.random.default_rng(seed), facts=None)
        before, after = config["learning_rate"], found["learning_rate"]
        assert after in {max(before * 0.8, 1e-4), min(before * 1.2, 1e-1)}
        ratio = found["batch_size"] / config["batch_size"]
        at_bound = found["batch_size"] in {16, 256}
        assert ratio in {0.5, 2.0} or (ratio == 1 and at_bound)  # the next power, if there is one
        for name in Mixed().parameters():
            assert found.get(name) == config.get(name)


def test_a_grid_value_that_a_factor_does_not_leave_goes_to_the_next():
    how = Variation(("rate", "tone", "colour"), (1.01,), 0.0)
    for seed, config in enumerate(some(100)):
        found = explored(SPACE, config, how, rng=np.random.default_rng(seed), facts=None)
        assert found["rate"] == min(round(config["rate"] + 0.1, 1), 1.0)
        tones = Mixed().tone.values
        assert abs(tones.index(found["tone"]) - tones.index(config["tone"])) <= 1
        assert found["colour"] == config["colour"]


def test_what_is_drawn_anew_is_drawn_uniformly_and_brings_what_it_makes_active():
    how = Variation(("colour",), (1.2,), 1.0)
    [config] = [each for each in some(20) if each["colour"] == "green"][:1]
    seen: Counter[str] = Counter()
    for seed in range(400):
        found = explored(SPACE, config, how, rng=np.random.default_rng(seed), facts=None)
        seen[found["colour"]] += 1
        assert ("shade" in found) == (found["colour"] == "red")
    assert 150 < seen["red"] < 250


def test_a_config_that_no_change_leaves_valid_is_copied_as_it_is():
    class Tight(Mixed):
        """Only one width."""

        @constraint
        def fixed(self, config: Config, facts: DataFacts | None) -> bool:
            """width must be 32."""
            return config["width"] == 32

    space = JointSpace(Tight(), Training())
    values = {**some(1)[0], "width": 32, "heads": 2}
    config = space.validate(values)
    how = Variation(("width",), (0.8, 1.2), 0.0)
    assert explored(space, config, how, rng=np.random.default_rng(0), facts=None) == config
    other = {**values, "width": 30}
    assert explored(space, other, how, rng=np.random.default_rng(0), facts=None) is None


def test_the_training_is_explored_unless_something_is_named():
    assert varied(SPACE, Variation(None, (1.2,), 0.0)) == ("learning_rate", "batch_size")
    assert varied(SPACE, Variation(("width",), (1.2,), 0.0)) == ("width",)
    with pytest.raises(ConfigurationError) as error:
        varied(SPACE, Variation(("depth",), (1.2,), 0.0))
    assert str(error.value).startswith("scheduler.explore: 'depth' is not searched. Searched are: ")


def test_what_depends_on_a_constant_is_explored():
    space = JointSpace(Mixed(colour="red"), Training())
    config = space.sample(np.random.default_rng(0))
    how = Variation(("width", "shade"), (0.8, 1.2), 0.0)
    found = explored(space, config, how, rng=np.random.default_rng(1), facts=None)
    assert found["shade"] in {config["shade"] * 0.8, min(config["shade"] * 1.2, 1.0)}


@pytest.mark.parametrize("now", [Int(4, 24), 32])
def test_nobody_copies_weights_that_fit_no_network_since_the_space_was_edited(now):
    config = SPACE.validate({**some(1)[0], "width": 64, "heads": 2, "learning_rate": 0.01})
    space = JointSpace(Mixed(width=now), Training())
    training = Variation(None, (0.8, 1.2), 0.25)
    assert explored(space, config, training, rng=np.random.default_rng(0), facts=None) is None
    width = Variation(("heads", "learning_rate"), (0.8, 1.2), 0.25)
    assert explored(space, config, width, rng=np.random.default_rng(0), facts=None) is None


def test_what_may_change_follows_the_space_as_it_was_edited():
    config = SPACE.validate({**some(1)[0], "learning_rate": 0.1, "batch_size": 256})
    space = JointSpace(Mixed(), Training(learning_rate=Float(1e-4, 1e-2, log=True), batch_size=32))
    how = Variation(None, (0.8, 1.2), 0.0)
    found = explored(space, config, how, rng=np.random.default_rng(0), facts=None)
    assert 1e-4 <= found["learning_rate"] <= 1e-2
    assert found["batch_size"] == 32
    assert all(found.get(name) == config.get(name) for name in Mixed().parameters())
    named = Variation(("learning_rate",), (0.8, 1.2), 0.0)  # the batch size is not to change
    assert explored(space, config, named, rng=np.random.default_rng(0), facts=None) is None
