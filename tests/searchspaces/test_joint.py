"""Two spaces searched as one."""

from __future__ import annotations

import math
import pickle
from typing import ClassVar

import numpy as np
import pytest

from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    ConfigurationError,
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


def test_a_joint_config_holds_both_and_says_whose_each_is() -> None:
    space = JointSpace(GruSpace(), Training())
    config = space.sample(np.random.default_rng(1))
    assert space.validate(dict(config)) == config
    assert list(space.groups.items())[:7] == [
        ("num_layers", "space"),
        ("hidden_size", "space"),
        ("dropout", "space"),
        ("bidirectional", "space"),
        ("readout", "space"),
        ("learning_rate", "training"),
        ("batch_size", "training"),
    ]
    assert list(space.parameters()) == list(space.groups)
    assert pickle.loads(pickle.dumps(space)) == space


def test_size_is_the_product() -> None:
    training = Training(learning_rate=0.01)
    assert JointSpace(GruSpace(num_layers=1), training).size == 241 * 5
    assert JointSpace(GruSpace(), training).size == math.inf


def test_a_name_in_both_is_refused() -> None:
    class Other(Training):
        dropout: FloatParam = Float(0, 1)

    with pytest.raises(ConfigurationError) as caught:
        JointSpace(GruSpace(), Other())
    assert str(caught.value) == (
        "Other.dropout: GruSpace has a parameter of that name too. Rename one of them."
    )


class Momentum(SearchSpace):
    """A training whose condition and constraint look at the architecture's parameters."""

    outside: ClassVar[frozenset[str]] = frozenset({"num_layers"})

    batch_size: IntParam = Int(16, 64, powers_of=2)
    momentum: FloatParam = Float(0.0, 0.9, step=0.3, when={"num_layers": (1,)})

    @constraint
    def fits(self, config: Config, facts: DataFacts | None) -> bool:
        """hidden_size times batch_size must be below 2048."""
        return bool(config.get("hidden_size", 0) * config["batch_size"] < 2048)


def test_conditions_and_constraints_see_the_parameters_of_both() -> None:
    space = JointSpace(GruSpace(dropout=0.1, hidden_size=32), Momentum())
    assert space.size == 3 * 4 + 3 * 3
    assert Momentum().size == 3
    rng = np.random.default_rng(0)
    for config in (space.sample(rng) for _ in range(100)):
        assert ("momentum" in config) == (config["num_layers"] == 1)
        assert config["batch_size"] < 64
    with pytest.raises(ConfigurationError, match=r"^fits: hidden_size times batch_size must be"):
        space.validate({"num_layers": 2, "batch_size": 64})


def test_a_parent_that_neither_has_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        JointSpace(MlpSpace(), Momentum())
    assert str(caught.value) == (
        "JointSpace.momentum.when: unknown parent 'num_layers'. "
        "Known: h1, h2, depth, dropout, pooling, batch_size, momentum."
    )


def test_people_read_one_line_a_space() -> None:
    assert JointSpace(GruSpace(), Training()).describe() == [
        "num_layers 1..4, hidden_size 16..256 log, dropout 0..0.5 if num_layers > 1",
        "learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
    ]


def test_every_kind_of_parameter_has_words() -> None:
    class Wordy(SearchSpace):
        cell: ChoiceParam = Choice(("gru", "lstm", True, 0.5))
        depth: IntParam = Int(1, 6, when={"cell": ("gru",)})
        shallow: FloatParam = Float(0, 1, step=0.1, when={"depth": (1, 2)})
        odd: FloatParam = Float(2e-4, 0.1, log=True, when={"depth": (1, 3), "cell": ("gru",)})
        fixed: FloatParam = 0.5
        usual: FloatParam = 0.25  # a constant that is what it is by default goes without saying

    training = Training(learning_rate=0.001, batch_size=64)
    assert JointSpace(Wordy(fixed=1 / 3), training).describe() == [
        "cell gru|lstm|true|0.5, depth 1..6 if cell = gru, shallow 0..1 step 0.1 if depth < 3, "
        "odd 2e-4..1e-1 log if depth = 1|3 and cell = gru, fixed 0.3333333333333333",
        "learning_rate 0.001, batch_size 64",
    ]
