"""Priors on domains: a value believed good, and how sure that is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from searchspaces import Choice, ChoiceParam, Float, FloatParam, Int, JointSpace, SearchSpace
from searchspaces.inline import NoTraining, inline_space


def test_a_prior_is_a_member_of_its_domain_as_the_domain_writes_it():
    assert Float(0.0, 1.0, step=0.1, prior=0.1 + 0.2).prior == 0.3
    assert Int(1, 64, powers_of=2, prior=8.0).prior == 8
    assert Choice(("relu", "tanh"), prior="tanh").prior == "tanh"
    assert Choice([[3, 3], [5]], prior=[3, 3]).prior == (3, 3)
    assert Choice((False, True), prior=False).prior is False


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Float(1e-4, 0.1, log=True, prior=3),
            "3.0 is no value of Float(0.0001, 0.1, log=True). Give one that is, or leave it out.",
        ),
        (
            lambda: Int(1, 64, powers_of=2, prior=9),
            "9 is no value of Int(1, 64, powers_of=2). Give one that is, or leave it out.",
        ),
        (
            lambda: Choice(("relu", "tanh"), prior="gelu"),
            "'gelu' is no value of Choice(['relu', 'tanh']). Give one that is, or leave it out.",
        ),
        (lambda: Int(1, 8, prior=2.5), "2.5 is not a whole number."),
        (
            lambda: Float(0.0, 1.0, confidence="high"),
            "there is no prior to be confident in. Give prior too, or leave it out.",
        ),
        (
            lambda: Float(0.0, 1.0, prior=0.5, confidence="very"),
            "Input should be 'low', 'medium' or 'high'",
        ),
    ],
)
def test_what_cannot_be_believed_is_refused(make, message):
    with pytest.raises(ValidationError) as caught:
        make()
    [error] = caught.value.errors(include_url=False)
    assert error["msg"] == message
    assert error["loc"] in {("prior",), ("confidence",)}


def test_a_range_that_cannot_be_is_told_of_and_not_its_prior():
    with pytest.raises(ValidationError) as caught:
        Float(1.0, 0.0, prior=0.5)
    assert [error["msg"] for error in caught.value.errors()] == [
        "0.0 is below low=1.0. Give high >= low."
    ]


def test_a_prior_survives_a_file_and_is_unsaid_where_there_is_none():
    space = inline_space({
        "rate": {"low": 1e-4, "high": 1e-1, "log": True, "prior": 3e-3, "confidence": "high"},
        "cell": {"values": ["gru", "lstm"], "prior": "gru"},
        "plain": {"low": 1, "high": 4},
    })  # fmt: skip
    dumped = space.model_dump(mode="json")
    assert dumped == {
        "rate": {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True, "prior": 3e-3,
                 "confidence": "high"},
        "cell": {"kind": "choice", "values": ["gru", "lstm"], "prior": "gru"},
        "plain": {"kind": "int", "low": 1, "high": 4},
    }  # fmt: skip
    assert inline_space(dumped) == space


def test_a_space_says_what_is_believed():
    class Believed(SearchSpace):
        rate: FloatParam = Float(1e-4, 1e-1, log=True, prior=3e-3)
        cell: ChoiceParam = Choice(("gru", "lstm"), prior="gru")

    assert JointSpace(Believed(), NoTraining()).describe() == [
        "rate 1e-4..1e-1 log around 3e-3, cell gru|lstm around gru"
    ]
