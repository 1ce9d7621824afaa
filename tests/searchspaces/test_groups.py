"""Spaces in spaces."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from searchspaces import (
    Arguments,
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
from searchspaces.config import flattened, nested
from searchspaces.inline import NoTraining, inline_space


class Warmup(SearchSpace):
    """A group in a group."""

    epochs: IntParam = Int(0, 3)
    start: FloatParam = Float(0.0, 1.0, when={"epochs": (1, 2, 3)})


class Sgd(SearchSpace):
    """A group with a constant, a constraint and a parent around it."""

    outside: ClassVar[frozenset[str]] = frozenset({"depth"})

    rate: FloatParam = Float(1e-3, 1.0, log=True)
    momentum: FloatParam = Float(0.0, 0.99, when={"depth": (2, 3)})
    nesterov: ChoiceParam = False
    warmup: Warmup = Warmup()

    @constraint
    def tame(self, config: Config, facts: DataFacts | None) -> bool:  # no facts needed
        """rate + momentum must be below 1."""
        return bool(config.rate + config.get("momentum", 0.0) < 1)


class Adam(SearchSpace):
    """Another one, with a parameter of the same name."""

    rate: FloatParam = Float(1e-4, 1e-1, log=True)


class NetSpace(SearchSpace):
    """Groups that a choice chooses."""

    depth: IntParam = Int(1, 3)
    optimizer: ChoiceParam = Choice(("sgd", "adam"))
    sgd: Sgd = Sgd(when={"optimizer": "sgd"})
    adam: Adam = Adam(when={"optimizer": "adam"})
    width: IntParam = Int(1, 64, when={"sgd.warmup.epochs": (0,)})

    @constraint
    def wide_with_little_momentum(
        self, config: Config, facts: DataFacts | None
    ) -> bool:  # no facts needed
        """width must be below 32 where sgd.momentum is above 0.5."""
        momentum = config.sgd.get("momentum", 0.0) if "sgd" in config else 0.0
        return momentum <= 0.5 or config.get("width", 0) < 32


def drawn(count: int = 200) -> list[Config]:
    space = JointSpace(NetSpace(), NoTraining())
    return [space.sample(np.random.default_rng(number)) for number in range(count)]


def test_parameters_of_groups_have_dotted_names_and_the_conditions_of_both() -> None:
    assert NetSpace().parameters() == {
        "depth": Int(1, 3),
        "optimizer": Choice(("sgd", "adam")),
        "sgd.rate": Float(1e-3, 1.0, log=True, when={"optimizer": ("sgd",)}),
        "sgd.momentum": Float(0.0, 0.99, when={"depth": (2, 3), "optimizer": ("sgd",)}),
        "sgd.nesterov": Choice((False,), when={"optimizer": ("sgd",)}),
        "sgd.warmup.epochs": Int(0, 3, when={"optimizer": ("sgd",)}),
        "sgd.warmup.start": Float(
            0.0, 1.0, when={"sgd.warmup.epochs": (1, 2, 3), "optimizer": ("sgd",)}
        ),
        "adam.rate": Float(1e-4, 1e-1, log=True, when={"optimizer": ("adam",)}),
        "width": Int(1, 64, when={"sgd.warmup.epochs": (0,)}),
    }


def test_a_constant_stays_one_in_a_group_that_is_always_there() -> None:
    class Outer(SearchSpace):
        sgd: Adam = Adam(rate=0.5)

    assert Outer().parameters() == {"sgd.rate": 0.5}


def test_what_is_active_follows_the_group_and_the_group_is_found_by_its_name() -> None:
    configs = drawn()
    assert {config.optimizer for config in configs} == {"sgd", "adam"}
    for config in configs:
        other = {"sgd": "adam", "adam": "sgd"}[config["optimizer"]]
        assert other not in config
        assert not any(name.startswith(f"{other}.") for name in config)
        chosen = config[config.optimizer]
        assert chosen["rate"] == chosen.rate == config[f"{config.optimizer}.rate"]
        assert ("width" in config) == (config.get("sgd.warmup.epochs") == 0)
        assert ("sgd.momentum" in config) == (config.optimizer == "sgd" and config.depth > 1)


def test_constraints_of_a_group_see_the_group_and_those_outside_look_in() -> None:
    sgd = [config for config in drawn(400) if "sgd" in config]
    assert all(config.sgd.rate + config.get("sgd.momentum", 0.0) < 1 for config in sgd)
    assert any(config.sgd.rate > 0.4 for config in sgd)
    space = NetSpace()
    values = {"depth": 2, "optimizer": "sgd", "width": 60,
              "sgd": {"rate": 0.01, "momentum": 0.6, "warmup": {"epochs": 0}}}  # fmt: skip
    with pytest.raises(ConfigurationError, match=r"^wide_with_little_momentum: width must"):
        space.validate({**values, "sgd.nesterov": False})
    values["width"] = 6
    with pytest.raises(ConfigurationError, match=r"^sgd.tame: rate \+ momentum must be below 1"):
        space.validate({**values, "sgd.nesterov": False, "sgd.rate": 0.5})


def test_values_of_a_group_may_be_nested_or_dotted() -> None:
    space = NetSpace()
    config = space.validate({"depth": 1, "optimizer": "adam", "adam": {"rate": 0.01}})
    assert config == space.validate({"depth": 1, "optimizer": "adam", "adam.rate": 0.01})
    assert dict(config) == {"depth": 1, "optimizer": "adam", "adam.rate": 0.01}
    assert flattened(nested(config)) == dict(config)
    assert nested(config) == {"depth": 1, "optimizer": "adam", "adam": {"rate": 0.01}}
    with pytest.raises(ConfigurationError) as caught:
        space.validate({"depth": 1, "optimizer": "adam", "adam": {"rtae": 0.01}})
    assert str(caught.value) == (
        "adam.rtae: unknown parameter. Did you mean 'adam.rate'? Known: depth, optimizer, "
        "sgd.rate, sgd.momentum, sgd.nesterov, sgd.warmup.epochs, sgd.warmup.start, adam.rate, "
        "width."
    )


def test_a_config_that_travelled_is_the_same_and_attributes_that_are_none_say_so() -> None:
    config = next(config for config in drawn() if "sgd" in config)
    for again in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config), copy.copy(config)):
        assert again == config
        assert again.sgd == config.sgd
    assert not hasattr(config, "adam")
    with pytest.raises(AttributeError, match="the config has no 'momentun'"):
        _ = config.sgd.momentun
    with pytest.raises(KeyError):
        _ = config["sg"]
    assert config.get("sg") is None


def test_arguments_are_a_dict_of_ones_own_that_finds_groups() -> None:
    config = Arguments({"depth": 1, "sgd.rate": 0.1, "sgd.warmup.epochs": 2})
    assert config["sgd"]["rate"] == config.sgd.rate == config["sgd.rate"] == 0.1
    assert config.sgd.warmup.epochs == config.get("sgd.warmup").epochs == 2
    assert ("sgd" in config, "adam" in config, config.get("adam", 7)) == (True, False, 7)
    assert json.loads(json.dumps(config)) == dict(config)
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    config["depth"] = 2
    assert config.pop("depth") == 2
    assert not hasattr(config, "depth")


def test_a_space_of_groups_is_the_same_after_it_travelled() -> None:
    space = NetSpace(sgd=Sgd(rate=0.5, when={"optimizer": ("sgd",)}))
    dumped = json.loads(json.dumps(space.model_dump(mode="json")))
    assert dumped["sgd"]["when"] == {"optimizer": ["sgd"]}
    assert repr(Adam()) == "Adam(rate=Float(0.0001, 0.1, log=True))"
    for again in (NetSpace.model_validate(dumped), pickle.loads(pickle.dumps(space))):
        assert again == space
        assert hash(again) == hash(space)


def test_part_of_a_group_changes_and_the_rest_stays() -> None:
    from orchestrator.declared import assign, declare, merge

    base = NetSpace().model_dump(mode="json")
    made = declare(NetSpace, merge(base, assign("sgd.rate.high", 0.5)), place="space")
    assert made.sgd == Sgd(rate=Float(1e-3, 0.5, log=True), when={"optimizer": ("sgd",)})
    assert made.adam == NetSpace().adam
    for path, value, said in (
        ("sgd.rtae", 1, "space.sgd.rtae: unknown key. Did you mean 'rate'? Known: rate, momentum, "
                        "nesterov, warmup."),
        ("sgd.warmup.epochs.low", 4, "space.sgd.warmup.epochs.high: 3 is below low=4. Give "
                                     "high >= low."),
        ("sgd.warmup.start.when", {"x": 1}, "space.sgd.warmup.start.when: unknown parent 'x'. "
                                            "Known: epochs, start."),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError) as caught:
            declare(NetSpace, merge(base, assign(path, value)), place="space")
        assert str(caught.value) == said


def test_a_plan_says_what_a_group_searches_and_leaves_out_its_usual_constants() -> None:
    assert JointSpace(NetSpace(depth=1), NoTraining()).describe()[0] == (
        "depth 1, optimizer sgd|adam, sgd.rate 1e-3..1 log if optimizer = sgd, "
        "sgd.warmup.epochs 0..3 if optimizer = sgd, sgd.warmup.start 0..1 if "
        "sgd.warmup.epochs > 0 and optimizer = sgd, adam.rate 1e-4..1e-1 log if optimizer = adam, "
        "width 1..64 if sgd.warmup.epochs = 0"
    )


def test_what_a_group_cannot_be_is_refused() -> None:
    class Low(SearchSpace):
        low: FloatParam = Float(0.0, 1.0)

    with pytest.raises(ConfigurationError) as caught:

        class Outer(SearchSpace):
            inner: Low = Low()

    assert str(caught.value) == (
        "Outer.inner.low: in a group, the name says what a domain is. Rename the parameter; "
        "kind, low, high, values cannot be names there."
    )
    with pytest.raises(ConfigurationError, match=r"^NetSpace.when: a whole space has no condition"):
        JointSpace(NetSpace(when={"depth": 1}), NoTraining())
    with pytest.raises(ConfigurationError, match=r"unknown parent 'optimizr'. Did you mean"):
        NetSpace(sgd=Sgd(when={"optimizr": "sgd"}))
    with pytest.raises(ConfigurationError, match="it needs a value of depth that its group never"):
        NetSpace(sgd=Sgd(when={"depth": 1}))
    with pytest.raises(ConfigurationError, match="the name belongs to SearchSpace itself"):

        class When(SearchSpace):
            when: FloatParam = 0.5  # type: ignore[assignment]  # it is what is refused

    class Clash(SearchSpace):
        optimizer: Adam = Adam()

    with pytest.raises(ConfigurationError, match="has a parameter of that name too"):
        JointSpace(Clash(), Training())


MAPPING: dict[str, Any] = {
    "optimizer": {"values": ["sgd", "adam"]},
    "sgd": {
        "when": {"optimizer": "sgd"},
        "rate": {"low": 1e-3, "high": 1.0, "log": True},
        "momentum": 0.9,
        "warmup": {"epochs": {"low": 0, "high": 3}},
    },
    "adam": {"when": {"optimizer": ["adam"]}, "rate": {"low": 1e-4, "high": 0.1, "log": True}},
}


def test_a_mapping_without_the_keys_of_a_domain_is_a_group() -> None:
    space = inline_space(MAPPING)
    assert space.parameters() == {
        "optimizer": Choice(("sgd", "adam")),
        "sgd.rate": Float(1e-3, 1.0, log=True, when={"optimizer": ("sgd",)}),
        "sgd.momentum": Float(0.9, 0.9, when={"optimizer": ("sgd",)}),
        "sgd.warmup.epochs": Int(0, 3, when={"optimizer": ("sgd",)}),
        "adam.rate": Float(1e-4, 0.1, log=True, when={"optimizer": ("adam",)}),
    }
    again = inline_space(json.loads(json.dumps(space.model_dump(mode="json"))))
    assert again == space == pickle.loads(pickle.dumps(space))
    assert type(again) is type(space)


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"lo": 1, "hi": 2}, "space.x: this is no domain. Give low and high, or values. A group "
         "has a domain in it, such as {kind: choice, values: [VALUE]} for what is fixed."),
        ({}, "space.x: this is no domain. Give low and high, or values. A group has"),
        ({"choices": [1, 2]}, "space.x: this is no domain. Give low and high, or values."),
        ({"a": {"low": 1}, "b": None}, "space.x.b: None is no domain. Give low and high, or"),
        ({"a-b": {"low": 1, "high": 2}}, "space.x: 'a-b' is no name of a parameter. Use letters"),
        ({"order": {"low": 1, "high": 2}}, "space.x.order: the name belongs to SearchSpace itself"),
        ({"a": {"kind": "bool"}}, "space.x.a.kind: 'bool' is no kind of domain. Give one of"),
        ({"a": {"low": 1, "high": 2, "when": {"z": 1}}}, "space.x.a.when: unknown parent 'z'."),
    ],
)  # fmt: skip
def test_a_mapping_that_is_neither_is_refused_at_its_place(group: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        inline_space({"x": group})
    assert str(caught.value).startswith(said)


def test_a_domain_in_a_group_is_judged_as_anywhere() -> None:
    with pytest.raises(ValidationError) as caught:
        inline_space({"x": {"a": {"low": 2, "high": 1}}})
    assert caught.value.errors()[0]["loc"] == ("x", "a", "high")


def test_a_kind_that_is_no_text_is_refused_in_a_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        inline_space(
            {"optim": {"kind": {"values": ["sgd", "adam"]}, "rate": {"low": 0, "high": 1}}}
        )
    assert str(caught.value) == (
        "space.optim.kind: {'values': ['sgd', 'adam']} is no kind of domain. Give one of float, "
        "int, choice."
    )


def test_the_only_range_of_a_group_is_fixed_as_the_refusal_says() -> None:
    from orchestrator.declared import merge

    base = inline_space({"x": {"rate": {"low": 0.1, "high": 1.0}}}).model_dump(mode="json")
    with pytest.raises(ConfigurationError) as caught:
        inline_space(merge(base, {"x": {"rate": 0.5}}))
    assert "{kind: choice, values: [VALUE]}" in str(caught.value)
    fixed = inline_space(merge(base, {"x": {"rate": {"kind": "choice", "values": [0.5]}}}))
    assert fixed.parameters() == {"x.rate": Choice((0.5,))}
