"""Configs: made by a space only, immutable, equal by content."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping

import pytest

from searchspaces import Config, GruSpace, JointSpace, Training, UsageError


@pytest.fixture
def config() -> Config:
    return GruSpace().validate({"num_layers": 1, "hidden_size": 64})


def test_nobody_but_a_space_makes_a_config() -> None:
    with pytest.raises(UsageError) as caught:
        Config({"num_layers": 1})
    assert str(caught.value) == "a Config is made by its space. Call space.validate(values)."


def test_a_config_is_a_mapping_without_the_inactive_names(config: Config) -> None:
    assert isinstance(config, Mapping)
    constants = {"bidirectional": False, "readout": "last"}
    assert dict(config) == {"num_layers": 1, "hidden_size": 64, **constants}
    assert config["hidden_size"] == 64
    assert config.get("dropout", 0.0) == 0.0
    assert "dropout" not in config


def test_names_come_in_the_order_of_declaration() -> None:
    values = {"batch_size": 16, "dropout": 0.1, "learning_rate": 1e-3, "num_layers": 2}
    space = JointSpace(GruSpace(hidden_size=32), Training())
    assert list(space.validate(values))[:7] == [
        "num_layers", "hidden_size", "dropout", "bidirectional", "readout",
        "learning_rate", "batch_size",
    ]  # fmt: skip


def test_a_config_cannot_be_changed(config: Config) -> None:
    with pytest.raises(TypeError):
        config["hidden_size"] = 3  # type: ignore[index]  # that it is refused is the test
    with pytest.raises(AttributeError):
        config.extra = 3  # type: ignore[attr-defined]  # that it is refused is the test


def test_copies_are_equal_and_hash_alike(config: Config) -> None:
    other = GruSpace().validate({"hidden_size": 64, "num_layers": 1})
    for twin in (other, pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert twin == config
        assert hash(twin) == hash(config)
        assert type(twin) is Config
    assert config != GruSpace().validate({"num_layers": 1, "hidden_size": 65})
    assert repr(config) == (
        "Config(num_layers=1, hidden_size=64, bidirectional=False, readout='last')"
    )
