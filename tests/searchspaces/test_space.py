"""Spaces: validation, conditions, constraints, size, and what a class may not declare."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from searchspaces import (
    AttentionGruSpace,
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
    MlpSpace,
    SearchSpace,
    constraint,
    space_of,
)
from searchspaces.inline import inline_space

FACTS = DataFacts(features=8, classes=10, steps=8)


class AttentionSpace(SearchSpace):
    """A space with constraints, one of them about the data."""

    heads: IntParam = Int(1, 8)
    hidden_size: IntParam = Int(16, 64)

    @constraint
    def heads_divide_hidden(self, config: Config, facts: DataFacts | None) -> bool:
        """hidden_size must be divisible by heads.

        Each head takes an equal part.
        """
        return bool(config["hidden_size"] % config["heads"] == 0)

    @constraint
    def wide_enough(self, config: Config, facts: DataFacts | None) -> bool:
        """hidden_size must be at least the number of classes."""
        return facts is None or bool(config["hidden_size"] >= facts.classes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"num_layer": 1, "hidden_size": 64},
            "num_layer: unknown parameter. Did you mean 'num_layers'? "
            "Known: num_layers, hidden_size, dropout, bidirectional, readout.",
        ),
        ({"num_layers": 1}, "hidden_size: the value is missing. Give one of 16..256 log."),
        (
            {"num_layers": 1, "hidden_size": 64, "dropout": 0.1},
            "dropout: a value is given, but it needs num_layers = 2|3|4, not 1. Leave it out.",
        ),
        (
            {"num_layers": 2, "hidden_size": 64},
            "dropout: the value is missing. Give one of 0..0.5.",
        ),
        (
            {"num_layers": 1, "hidden_size": 300},
            "hidden_size: 300 is not one of 16..256 log.",
        ),
        ({"num_layers": 1.5, "hidden_size": 64}, "num_layers: 1.5 is not one of 1..4."),
        ({"num_layers": 1, "hidden_size": "64"}, "hidden_size: '64' is not one of 16..256 log."),
    ],
)
def test_an_invalid_config_is_refused_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GruSpace().validate(values)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_a_value_off_the_grid_is_refused_and_one_beside_it_put_on_it() -> None:
    class Stepped(SearchSpace):
        rate: FloatParam = Float(0, 1, step=0.1)

    assert Stepped().validate({"rate": 0.1 + 0.2})["rate"] == 0.3
    with pytest.raises(ConfigurationError, match=r"^rate: 0.15 is not one of 0..1 step 0.1.$"):
        Stepped().validate({"rate": 0.15})


def test_constants_are_filled_in_and_may_be_repeated_but_not_changed() -> None:
    space = GruSpace(num_layers=1, hidden_size=64)
    assert (
        space.validate({})
        == space.validate({"hidden_size": 64.0})
        == {
            "num_layers": 1,
            "hidden_size": 64,
            "bidirectional": False,
            "readout": "last",
        }
    )
    with pytest.raises(ConfigurationError) as caught:
        space.validate({"hidden_size": 32})
    assert str(caught.value) == (
        "hidden_size: 32 differs from the constant 64. Leave it out, or change the space."
    )


def test_a_config_of_the_space_is_valid_in_it() -> None:
    config = GruSpace().sample(np.random.default_rng(3))
    assert GruSpace().validate(config) == config


class Nested(SearchSpace):
    """A condition on a parameter that is conditional itself."""

    cell: ChoiceParam = Choice(("gru", "mlp"))
    depth: IntParam = Int(1, 3, when={"cell": ("gru",)})
    dropout: FloatParam = Float(0.0, 0.4, step=0.1, when={"depth": (2, 3)})
    skip: ChoiceParam = Choice((True, False), when={"depth": (3,), "cell": ("gru",)})


def test_a_child_of_an_inactive_parent_is_inactive() -> None:
    assert dict(Nested().validate({"cell": "mlp"})) == {"cell": "mlp"}
    with pytest.raises(ConfigurationError) as caught:
        Nested().validate({"cell": "mlp", "dropout": 0.1})
    assert str(caught.value) == (
        "dropout: a value is given, but it needs depth = 2|3, which is inactive itself. "
        "Leave it out."
    )


def test_a_child_needs_every_parent() -> None:
    with pytest.raises(ConfigurationError, match=r"^skip: .* needs depth = 3, not 2. Leave it out"):
        Nested().validate({"cell": "gru", "depth": 2, "dropout": 0.1, "skip": True})
    config = Nested().validate({"cell": "gru", "depth": 3, "dropout": 0.1, "skip": False})
    assert config["skip"] is False


def test_the_size_of_a_space_of_many_switches_is_there_at_once() -> None:
    space: dict[str, Any] = {}
    for number in range(60):
        space[f"on{number}"] = {"values": [False, True]}
        space[f"how{number}"] = {"low": 1, "high": 4, "when": {f"on{number}": [True]}}
    assert inline_space(space).size == 5**60


def test_an_interval_beside_more_grids_than_a_float_can_count() -> None:
    grids = {f"grid{number}": {"low": 0, "high": 10**12} for number in range(30)}
    assert inline_space({**grids, "x": {"low": 0.0, "high": 1.0}}).size == math.inf
    assert inline_space({"x": {"low": 0.0, "high": 1.0}, **grids}).size == math.inf


def test_size_counts_a_config_once_for_all_its_inactive_parameters() -> None:
    # mlp; gru with depth 1; depth 2 with 5 dropouts; depth 3 with 5 dropouts and 2 skips
    assert Nested().size == 1 + 1 + 5 + 5 * 2
    assert GruSpace().size == math.inf
    assert GruSpace(num_layers=1).size == 241
    assert GruSpace(num_layers=2, dropout=0.1).size == 241
    assert GruSpace(num_layers=1, hidden_size=64).size == 1
    assert MlpSpace(dropout=0.0, pooling="max").size == 241 + 3 * 241**2
    assert MlpSpace(dropout=0.0).size == 4 * (241 + 3 * 241**2)


def test_every_drawn_config_fulfils_the_constraints() -> None:
    rng = np.random.default_rng(0)
    space = AttentionSpace()
    for _ in range(200):
        config = space.sample(rng, DataFacts(features=1, classes=40, steps=1))
        assert config["hidden_size"] % config["heads"] == 0
        assert config["hidden_size"] >= 40


def test_a_constraint_refuses_with_its_name_its_line_and_the_config() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AttentionSpace().validate({"heads": 3, "hidden_size": 16}, FACTS)
    assert str(caught.value) == (
        "heads_divide_hidden: hidden_size must be divisible by heads. "
        "Got Config(heads=3, hidden_size=16)."
    )


def test_a_constraint_knows_the_data_or_lets_it_pass() -> None:
    space, values = AttentionSpace(), {"heads": 1, "hidden_size": 16}
    assert space.validate(values) == values
    with pytest.raises(ConfigurationError, match=r"^wide_enough: "):
        space.validate(values, DataFacts(features=1, classes=20, steps=1))


def test_a_space_without_valid_configs_names_the_constraint_that_refuses_most() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AttentionSpace(heads=7, hidden_size=Int(64, 69)).sample(np.random.default_rng(0), FACTS)
    assert str(caught.value) == (
        "heads_divide_hidden: no valid config in 10,000 draws; the constraint refused 10,000 of "
        "them (hidden_size must be divisible by heads). Change the space so that more of it is "
        "valid."
    )


def test_a_constraint_can_be_called_on_its_own_and_replaced_in_a_subclass() -> None:
    class Free(AttentionSpace):
        @constraint
        def heads_divide_hidden(self, config: Config, facts: DataFacts | None) -> bool:
            """Anything goes."""
            return True

    values = {"heads": 3, "hidden_size": 16}
    config = Free().validate(values)
    assert not AttentionSpace().heads_divide_hidden(config, None)
    assert [rule.name for rule in Free().constraints()] == ["heads_divide_hidden", "wide_enough"]


def test_a_plain_method_in_a_subclass_takes_a_constraint_away() -> None:
    class Freer(AttentionSpace):
        def heads_divide_hidden(self, config: Config, facts: DataFacts | None) -> bool:
            return False

    assert [rule.name for rule in Freer().constraints()] == ["wide_enough"]


def test_a_constraint_that_fails_says_how_to_read_inactive_names() -> None:
    class Careless(GruSpace):
        @constraint
        def low_dropout(self, config: Config, facts: DataFacts | None) -> bool:
            """Dropout must be low."""
            return bool(config["dropout"] < 0.1)

    with pytest.raises(ConfigurationError) as caught:
        Careless().validate({"num_layers": 1, "hidden_size": 64})
    assert str(caught.value) == (
        "low_dropout: the constraint fails with KeyError('dropout') on Config(num_layers=1, "
        "hidden_size=64, bidirectional=False, readout='last'). "
        "Use config.get for parameters that may be inactive."
    )


def test_a_constraint_that_needs_facts_is_told_that_there_may_be_none() -> None:
    class Narrow(GruSpace):
        @constraint
        def narrow(self, config: Config, facts: DataFacts | None) -> bool:
            """No wider than the features."""
            return bool(config["hidden_size"] <= facts.features)  # type: ignore[union-attr]

    with pytest.raises(ConfigurationError) as caught:
        Narrow().validate({"num_layers": 1, "hidden_size": 64})
    assert str(caught.value) == (
        "narrow: the constraint fails with AttributeError(\"'NoneType' object has no attribute "
        "'features'\") on Config(num_layers=1, hidden_size=64, bidirectional=False, "
        "readout='last'). Where facts is None, as it is before the data is read, return True."
    )


def test_a_constraint_without_a_docstring_is_refused() -> None:
    def silent(self: object, config: Config, facts: DataFacts | None) -> bool:
        return True

    with pytest.raises(ConfigurationError, match="silent: a constraint needs a docstring"):
        constraint(silent)


def test_an_unknown_parent_is_refused_when_the_class_is_defined() -> None:
    with pytest.raises(ConfigurationError) as caught:

        class Wrong(SearchSpace):
            layers: IntParam = Int(1, 4)
            dropout: FloatParam = Float(0.0, 0.5, when={"layer": (2,)})

    assert str(caught.value) == (
        "Wrong.dropout.when: unknown parent 'layer'. Did you mean 'layers'? Known: layers, dropout."
    )


def test_a_circle_of_conditions_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:

        class Circle(SearchSpace):
            a: IntParam = Int(1, 2, when={"b": (1,)})
            b: IntParam = Int(1, 2, when={"a": (1,)})

    assert str(caught.value).startswith("Circle.")
    assert "conditions form a circle: " in str(caught.value)


def test_a_condition_that_never_holds_is_refused_but_a_constant_may_switch_off() -> None:
    with pytest.raises(ConfigurationError) as caught:
        GruSpace(num_layers=Int(5, 8), dropout=Float(0.0, 0.5, when={"num_layers": (2, 3)}))
    assert str(caught.value) == (
        "GruSpace.dropout.when: the parent 'num_layers' never is 2, 3, so this is never "
        "active. Give values that are in Int(5, 8)."
    )
    assert "dropout" not in GruSpace(num_layers=1).sample(np.random.default_rng(0))
    assert GruSpace(num_layers=Int(1, 2)).size == math.inf


def test_a_continuous_parent_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the parent 'rate' is continuous"):

        class Wrong(SearchSpace):
            rate: FloatParam = Float(0, 1)
            depth: IntParam = Int(1, 2, when={"rate": (0.5,)})


def test_a_default_of_the_wrong_kind_is_refused_when_the_class_is_defined() -> None:
    with pytest.raises(ValueError, match="a domain of kind 'float' does not fit here"):

        class Wrong(SearchSpace):
            depth: IntParam = Float(1, 2)  # type: ignore[assignment]  # that is the test


def test_a_field_that_is_no_parameter_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^Wrong.layers: this is no parameter\."):

        class Wrong(SearchSpace):
            layers: tuple[int, ...] = (1, 2)


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_parameter_cannot_take_a_name_of_the_base_class() -> None:
    with pytest.raises(ConfigurationError, match=r"^Wrong.size: the name belongs to SearchSpace"):

        class Wrong(SearchSpace):
            size: IntParam = Int(1, 2)  # type: ignore[assignment]  # that is the test


def test_a_copy_with_another_domain_forgets_nothing_stale() -> None:
    space = GruSpace()
    assert space.size == math.inf
    assert space.model_copy(update={"num_layers": 1}).size == 241


def test_the_space_of_an_architecture_is_found_by_its_name() -> None:
    assert space_of("gru") is GruSpace
    assert space_of("mlp") is MlpSpace
    assert space_of("attention-gru") is AttentionGruSpace
    for name in ("foo-bar", "domains", "space", "a.b", "", "no such"):
        assert space_of(name) is None
