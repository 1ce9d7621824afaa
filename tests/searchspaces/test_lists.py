"""Choices whose values are lists."""

from __future__ import annotations

import json
import pickle
from typing import Any

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from searchspaces import (
    Choice,
    ChoiceParam,
    ConfigurationError,
    Float,
    FloatParam,
    JointSpace,
    SearchSpace,
    Value,
)
from searchspaces.cells import cell, original
from searchspaces.inline import NoTraining, inline_space
from searchspaces.scalars import distinct, plain, same, text
from searchspaces.versions import hull, value_type

SIZES = Choice([[3, 3], [5, 3], [7, 5, 3]])


class NetSpace(SearchSpace):
    """A space with lists."""

    kernel_sizes: ChoiceParam = SIZES
    last: FloatParam = Float(0.0, 1.0, when={"kernel_sizes": [[7, 5, 3]]})


def test_a_value_may_be_a_list_and_is_a_tuple_in_python() -> None:
    assert SIZES.values == ((3, 3), (5, 3), (7, 5, 3))
    assert Choice(((3, 3), (5, 3), (7, 5, 3))) == SIZES
    assert SIZES.normalise([5, 3]) == SIZES.normalise((5.0, np.int64(3))) == (5, 3)
    assert SIZES.normalise("[5, 3]") is None
    assert SIZES.normalise([3, 5]) is None
    assert SIZES.index_of((7, 5, 3)) == 2
    assert Choice(["auto", [], [64, 32]]).values == ("auto", (), (64, 32))


def test_a_file_holds_lists() -> None:
    mapping = {"kind": "choice", "values": [[3, 3], [5, 3], [7, 5, 3]]}
    assert SIZES.as_mapping() == mapping
    assert repr(SIZES) == "Choice([[3, 3], [5, 3], [7, 5, 3]])"
    dumped = NetSpace().model_dump(mode="json")
    assert json.loads(json.dumps(dumped)) == dumped
    assert dumped["kernel_sizes"] == mapping
    assert dumped["last"]["when"] == {"kernel_sizes": [[7, 5, 3]]}
    assert NetSpace.model_validate(dumped) == NetSpace()
    inline = inline_space({"sizes": {"values": [[3, 3], [5, 3]]}})
    assert inline_space(inline.model_dump(mode="json")) == inline
    assert pickle.loads(pickle.dumps(inline)) == inline


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[3, 3], (3.0, 3)], "(3.0, 3) is there twice. Give each value once."),
        ([[3, [3]]], "[3] is no plain value. Give a finite number, a text, true or false."),
        ([[3, float("nan")]], "nan is no plain value. Give a finite number, a text, true or"),
        ([{"a": 1}], "{'a': 1} is no plain value."),
    ],
)
def test_what_is_no_list_of_plain_values_is_refused(values: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Choice(values)
    assert said in str(caught.value)


def test_a_list_is_no_constant_and_the_way_out_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        NetSpace.model_validate({"kernel_sizes": [5, 3]})
    assert caught.value.errors()[0]["msg"] == (
        "a list is no value. To search it, write {values: [5, 3]}; where it is the value, "
        "{values: [[5, 3]]}."
    )
    assert NetSpace(kernel_sizes=Choice([[5, 3]])).size == 1


def test_conditions_name_lists_and_true_is_not_one_in_them() -> None:
    space = NetSpace()
    for number in range(30):
        config = space.sample(np.random.default_rng(number))
        assert ("last" in config) == (config["kernel_sizes"] == (7, 5, 3))
    assert same((1, 2.0), (1.0, 2))
    assert not same((1,), (True,))
    assert not same((1,), 1)
    assert distinct((1,)) == distinct((1.0,)) != distinct((True,))


def test_a_config_with_a_list_is_hashable_and_the_same_after_the_journal() -> None:
    space = JointSpace(NetSpace(), NoTraining())
    config = space.validate({"kernel_sizes": [7, 5, 3], "last": 0.1})
    assert config["kernel_sizes"] == (7, 5, 3)
    assert hash(pickle.loads(pickle.dumps(config))) == hash(config)
    read = msgspec.json.decode(msgspec.json.encode(dict(config)), type=dict[str, Value])
    assert space.validate(read) == config
    assert read == dict(config)


def test_a_list_in_words() -> None:
    assert JointSpace(NetSpace(), NoTraining()).describe() == [
        "kernel_sizes [3, 3]|[5, 3]|[7, 5, 3], last 0..1 if kernel_sizes = [7, 5, 3]"
    ]
    with pytest.raises(ConfigurationError) as caught:
        NetSpace().validate({"kernel_sizes": [3]})
    assert str(caught.value) == "kernel_sizes: [3] is not one of [3, 3]|[5, 3]|[7, 5, 3]."
    with pytest.raises(ConfigurationError) as caught:
        NetSpace(last=Float(0.0, 1.0, when={"kernel_sizes": [3, 3]}))
    assert "the parent 'kernel_sizes' never is 3, 3" in str(caught.value)


def test_a_column_has_the_text_of_a_list_and_the_list_comes_back_from_it() -> None:
    entry = Choice(["auto", [], [64, 0.5, True, "ü"]]).as_mapping()
    for value in ("auto", (), (64, 0.5, True, "ü")):
        back = original(cell(value), entry)
        assert back == (list(value) if isinstance(value, tuple) else value)
    assert cell((64, 0.5, True, "ü")) == '[64, 0.5, true, "ü"]'
    assert original("[3, 3]", {"kind": "constant", "value": [3, 3]}) == [3, 3]
    assert original("[3, 3]", {}) == "[3, 3]"
    assert original(3, entry) == 3
    assert text("[3, 3]") == text((3, 3)) == "[3, 3]"


def test_versions_of_a_space_with_lists() -> None:
    assert value_type(SIZES) is tuple
    assert value_type(Choice(["auto", [3]])) is str
    assert hull(SIZES, Choice([[3, 3], [9]])) == Choice([[3, 3], [5, 3], [7, 5, 3], [9]])
    assert hull(SIZES, Choice([[5, 3]])) == SIZES


def test_a_plain_list_has_plain_values_alone() -> None:
    assert plain([1, "a", np.float64(0.5)]) == (1, "a", 0.5)
    assert plain([1, None]) is plain([[1]]) is plain({"a": 1}) is None
