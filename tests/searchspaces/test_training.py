"""The training space: constants by default, each a domain when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from searchspaces import Choice, ConfigurationError, Float, GruSpace, Int, JointSpace, Training
from searchspaces.describe import searched

GRU = GruSpace(num_layers=1, hidden_size=16)


def _space(**training: Any) -> JointSpace:
    return JointSpace(GRU, Training(**training))


def test_only_learning_rate_and_batch_size_are_searched_by_default() -> None:
    assert _space().cube().names[-2:] == ("learning_rate", "batch_size")
    config = _space().validate({"learning_rate": 0.01, "batch_size": 16})
    assert {name: config[name] for name in config if _space().groups[name] == "training"} == {
        "learning_rate": 0.01, "batch_size": 16, "optimizer": "adam", "weight_decay": 0.0,
        "schedule": "plateau", "plateau_factor": 0.5, "plateau_patience": 3, "clip_norm": 1.0,
        "label_smoothing": 0.0, "patience": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("training", "present"),
    [
        ({}, {"plateau_factor", "plateau_patience"}),
        ({"optimizer": "sgd", "schedule": "none"}, {"momentum", "nesterov"}),
        ({"optimizer": "rmsprop", "schedule": "cosine"}, {"momentum", "cosine_floor"}),
        ({"optimizer": "adamw", "schedule": "one-cycle"}, {"warmup"}),
    ],
)
def test_a_config_holds_what_its_optimizer_and_schedule_use(
    training: dict[str, Any], present: set[str]
) -> None:
    config = _space(**training).sample(np.random.default_rng(0))
    assert set(Training.needs) & set(config) == present


def test_a_searched_optimizer_makes_what_it_alone_uses_conditional() -> None:
    space = _space(optimizer={"values": ["adam", "sgd"]}, momentum={"low": 0.5, "high": 0.99})
    parameters = space.parameters()
    assert parameters["momentum"] == Float(0.5, 0.99, when={"optimizer": ("sgd",)})
    assert parameters["nesterov"] == Choice((False,), when={"optimizer": ("sgd",)})
    for number in range(20):
        config = space.sample(np.random.default_rng(number))
        assert ("momentum" in config) == ("nesterov" in config) == (config["optimizer"] == "sgd")
        assert space.validate(dict(config)) == config


def test_a_condition_that_always_holds_is_none() -> None:
    space = _space(optimizer={"values": ["sgd", "rmsprop"]}, momentum=0.8)
    assert space.parameters()["momentum"] == 0.8


@pytest.mark.parametrize(
    ("name", "training"),
    [
        ("momentum", {
            "optimizer": "sgd",
            "nesterov": Choice((False, True)),
            "momentum": Float(0.5, 0.9, when={"nesterov": (True,)}),
        }),
        ("nesterov", {
            "optimizer": "sgd",
            "momentum": Float(0.0, 0.9, step=0.3),
            "nesterov": Choice((False, True), when={"momentum": (0.3, 0.6, 0.9)}),
        }),
        ("learning_rate", {"learning_rate": Float(0.1, 1.0, when={"batch_size": (16,)})}),
        ("plateau_patience", {
            "schedule": {"values": ["plateau", "none"]},
            "plateau_patience": Int(0, 9, when={"batch_size": (16,)}),
        }),
    ],
)  # fmt: skip
def test_a_condition_of_ones_own_is_refused(name: str, training: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Training(**training)
    assert str(caught.value) == (
        f"Training.{name}.when: the training has its own conditions, and a trial without "
        f"{name} would take its default. Leave it out."
    )


def test_every_field_may_be_a_domain() -> None:
    training = {
        "optimizer": {"values": ["adam", "adamw", "sgd", "rmsprop"]},
        "momentum": {"low": 0.0, "high": 0.99},
        "nesterov": {"values": [True, False]},
        "weight_decay": {"low": 1e-6, "high": 1e-2, "log": True},
        "schedule": {"values": ["plateau", "cosine", "one-cycle", "none"]},
        "plateau_factor": {"low": 0.1, "high": 0.9},
        "plateau_patience": {"low": 1, "high": 9},
        "cosine_floor": {"low": 0.0, "high": 0.5},
        "warmup": {"low": 0.05, "high": 0.5},
        "clip_norm": {"low": 0.1, "high": 10.0, "log": True},
        "label_smoothing": {"low": 0.0, "high": 0.3},
        "patience": {"low": 2, "high": 9},
    }
    space = _space(**training)
    assert set(training) < set(space.cube().names)
    for number in range(50):
        config = space.sample(np.random.default_rng(number))
        assert space.validate(dict(config)) == config
    again = Training.model_validate(space.training.model_dump(mode="json"))
    assert again == space.training


@pytest.mark.parametrize(
    ("training", "line"),
    [
        ({"optimizer": "adamm"},
         "unknown optimizer 'adamm'. Did you mean 'adam'? Known: adam, adamw, sgd, rmsprop."),
        ({"optimizer": {"values": ["sgd", "lion"]}},
         "unknown optimizer 'lion'. Known: adam, adamw, sgd, rmsprop."),
        ({"schedule": "onecycle"},
         "unknown schedule 'onecycle'. Did you mean 'one-cycle'? "
         "Known: plateau, cosine, one-cycle, none."),
        ({"optimizer": "sgd", "nesterov": 1}, "unknown nesterov 1. Known: false, true."),
        ({"learning_rate": 0.0}, "0.0 is not above 0. Give more than 0."),
        ({"learning_rate": {"low": -1.0, "high": 1.0}}, "-1.0 is not above 0. Give more than 0."),
        ({"batch_size": 0}, "0 is below 1. Give 1 or more."),
        ({"batch_size": {"low": 0, "high": 8}}, "0 is below 1. Give 1 or more."),
        ({"optimizer": ["adam", "sgd"]},
         "a list is no value. To search it, write {values: [adam, sgd]}; where it is the value, "
         "{values: [[adam, sgd]]}."),
        ({"momentum": {"values": [0.5, 0.9]}},
         "numbers have a range, no list of values. Give low and high, and step "
         "where not every number in it will do."),
        ({"weight_decay": -0.1}, "-0.1 is below 0. Give 0 or more."),
        ({"patience": {"low": -1, "high": 3}}, "-1 is below 0. Give 0 or more."),
        ({"label_smoothing": 1.0},
         "1.0 is not below 1. Give a share from 0 to less than 1."),
        ({"optimizer": "sgd", "momentum": {"low": 0.5, "high": 1.0}},
         "1.0 is not below 1. Give a share from 0 to less than 1."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(training: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Training(**training)
    assert [error["msg"] for error in caught.value.errors()] == [line]


def test_a_setting_that_could_never_act_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Training(momentum=0.5)
    assert str(caught.value) == (
        "Training.momentum: it is set, but optimizer never is sgd or rmsprop. "
        "Leave it out, or set training.optimizer."
    )
    with pytest.raises(ConfigurationError, match="but schedule never is one-cycle"):
        Training(schedule={"values": ["cosine", "none"]}, warmup={"low": 0.1, "high": 0.4})


def test_nesterov_without_momentum_is_no_valid_config() -> None:
    space = _space(optimizer="sgd", nesterov=True, momentum=0.0)
    with pytest.raises(ConfigurationError, match="Nesterov's momentum must be above 0"):
        space.validate({"learning_rate": 0.01, "batch_size": 16})


def test_people_read_what_is_searched_and_what_they_changed() -> None:
    assert _space(
        optimizer={"values": ["adam", "sgd"]}, momentum=0.8, clip_norm=0.0, patience=5
    ).describe()[1] == (
        "learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2, optimizer adam|sgd, "
        "momentum 0.8 if optimizer = sgd, clip_norm 0, patience 5"
    )


def test_what_can_never_be_active_is_not_among_what_is_searched() -> None:
    assert GRU.dropout == Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})
    assert _space().describe()[0] == "num_layers 1, hidden_size 16"
    free = JointSpace(GruSpace(), Training())
    assert "dropout" in searched(free.parameters())
    assert "dropout" not in searched(_space().parameters())


def test_values_of_a_condition_are_told_apart_from_the_next_parameter() -> None:
    training = {"optimizer": {"values": ["adam", "sgd", "rmsprop"]}, "weight_decay": 0.1}
    assert (
        _space(momentum={"low": 0.5, "high": 0.9}, **training)
        .describe()[1]
        .endswith("momentum 0.5..0.9 if optimizer = sgd|rmsprop, weight_decay 0.1")
    )
