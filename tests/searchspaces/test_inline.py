"""Spaces written as mappings."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from searchspaces import Choice, ConfigurationError, Float, Int
from searchspaces.inline import inline_space

MAPPING: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "depth": {"low": 1, "high": 4},
    "width": {"low": 16, "high": 256, "powers_of": 2},
    "kind_of": {"values": ["a", "b"]},
    "dropout": {"low": 0, "high": 0.5, "step": 0.1, "when": {"depth": [2, 3, 4]}},
    "model_size": 3,
    "rate": 0.5,
    "text": "gelu",
    "flag": True,
}


def test_the_keys_of_a_mapping_tell_what_kind_of_domain_it_is() -> None:
    space = inline_space(MAPPING)
    assert space.parameters() == {
        "learning_rate": Float(1e-4, 1e-1, log=True),
        "depth": Int(1, 4),
        "width": Int(16, 256, powers_of=2),
        "kind_of": Choice(("a", "b")),
        "dropout": Float(0.0, 0.5, step=0.1, when={"depth": (2, 3, 4)}),
        "model_size": 3,
        "rate": 0.5,
        "text": "gelu",
        "flag": True,
    }
    for number in range(20):
        config = space.sample(np.random.default_rng(number))
        assert ("dropout" in config) == (config["depth"] > 1)


@pytest.mark.parametrize(
    "again",
    [
        lambda space: inline_space(space.model_dump(mode="json")),
        lambda space: pickle.loads(pickle.dumps(space)),
        copy.deepcopy,
        lambda space: inline_space(space.parameters()),
    ],
    ids=["dumped", "pickled", "copied", "from domains"],
)
def test_a_space_is_the_same_after_it_travelled(again: Any) -> None:
    space = inline_space(MAPPING)
    assert again(space) == space
    assert type(again(space)) is type(space)


@pytest.mark.parametrize(
    ("mapping", "line"),
    [
        ({"a-b": 1}, "space: 'a-b' is no name of a parameter. "
                     "Use letters, digits and _, a letter first."),
        ({"_a": 1}, "space: '_a' is no name of a parameter. "
                    "Use letters, digits and _, a letter first."),
        ({"size": {"low": 1, "high": 2}},
         "space.size: the name belongs to SearchSpace itself. Rename the parameter."),
        ({"a": [1, 2]}, "space.a: [1, 2] is no domain. Give low and high, or values, "
                        "or a constant."),
        ({"a": {}}, "space.a: this is no domain. Give low and high, or values."),
        ({"a": {"kind": "real", "low": 1}},
         "space.a.kind: 'real' is no kind of domain. Give one of float, int, choice."),
        ({"a": {"low": 1, "high": 3, "when": {"b": [1]}}}, "space.a.when: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_at_its_place(mapping: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        inline_space(mapping)
    assert str(failure.value).startswith(line)


def test_numbers_of_numpy_tell_the_kind_as_others_do() -> None:
    whole, rate, flag = np.int64(2), np.float32(0.5), np.bool_(True)
    made = inline_space(
        {"k": {"low": whole, "high": np.int64(8)}, "layers": whole, "rate": rate, "flag": flag}
    )
    assert made == inline_space(
        {"k": {"low": 2, "high": 8}, "layers": 2, "rate": 0.5, "flag": True}
    )


def test_a_domain_that_cannot_be_is_placed_by_pydantic() -> None:
    with pytest.raises(ValidationError) as failure:
        inline_space({"a": {"low": 3, "high": 1}})
    assert failure.value.errors()[0]["loc"] == ("a", "high")
