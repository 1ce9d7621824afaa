"""Domains guessed from values: what each rule gives, and what it leaves alone."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from orchestrator.importing.domains import column, given, infer, outside
from searchspaces import Choice, Float, Int
from searchspaces.errors import ConfigurationError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ([16, 64, 128], Int(16, 128, powers_of=2)),
        ([1, 2, 3, 4, 2, 3], Int(1, 4)),
        ([10, 20, 30, 20], Int(10, 30, step=10)),
        ([10, 20, 40, 20], Int(10, 40)),
        ([10, 50, 300] * 4, Choice((10, 50, 300), ordered=True)),
        ([64.0, 128.0, 32.0], Int(32, 128, powers_of=2)),
        ([0.0, 0.25, 0.5] * 4, Choice((0.0, 0.25, 0.5), ordered=True)),
        ([0.1, 0.2, 0.4], Float(0.1, 0.4)),
        ([0.12345, 0.98765], Float(0.123, 0.988)),
        ([-0.12345, 0.5], Float(-0.124, 0.5)),
        ([2.0**41, 7.0], Float(7.0, 2.2e12)),
    ],
)
def test_each_rule_gives_its_domain(values, domain):
    assert infer(values) == domain


def test_draws_are_given_the_scale_they_were_drawn_on():
    """Uniform draws span a factor of 30 too, as their least value comes near to 0."""
    linear = RNG.uniform(0, 0.5, 60)
    assert max(linear) / min(linear) > 30
    assert infer(list(linear)).log is False
    assert infer(list(np.exp(RNG.uniform(math.log(1e-4), math.log(1e-1), 60)))).log is True
    assert infer(list(np.exp(RNG.uniform(math.log(0.01), math.log(0.1), 60)))).log is False
    rounded = [round(x) for x in np.exp(RNG.uniform(math.log(3), math.log(1000), 60))]
    assert infer(rounded).log is True


@settings(deadline=None, max_examples=200)
@drawn(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=2, unique=True))
def test_a_guessed_domain_holds_every_value(values):
    found = column(values)
    assert outside(found.parameter, found.values) == 0


def test_a_parameter_of_one_value_is_a_constant_even_where_it_is_inactive_at_times():
    found = column([3, None, 3])
    assert (found.parameter, found.dtype, found.inferred) == (3, pl.Int64, False)
    assert found.as_mapping() == {"group": "space", "kind": "constant", "value": 3}
    assert column([None, None]).as_mapping()["value"] is None


def test_texts_booleans_and_mixtures_are_choices():
    assert column(["tanh", None, "relu"]).parameter == Choice(("relu", "tanh"))
    flags = column([True, False, True])
    assert (flags.parameter, flags.dtype) == (Choice((False, True)), pl.Boolean)
    mixed = column(["auto", 0.5, True])
    assert mixed.values == ["auto", "0.5", "true"]
    assert (mixed.parameter, mixed.dtype) == (Choice(("0.5", "auto", "true")), pl.String)


def test_text_that_hardly_repeats_itself_is_no_parameter():
    found = column([f"run-{index}" for index in range(31)])
    assert found.parameter is None
    assert column([f"run-{index}" for index in range(30)]).parameter is not None


def test_numbers_that_are_not_finite_are_inactive():
    assert column([0.1, math.nan, 0.3, math.inf]).values == [0.1, None, 0.3, None]


def test_a_guess_is_marked_in_the_metadata_and_what_is_known_is_not():
    assert column([0.1, 0.2]).as_mapping()["inferred"] is True
    assert column([0.1, 0.2], Float(0, 1)).as_mapping() == {
        "group": "space", "kind": "float", "low": 0.0, "high": 1.0,
    }  # fmt: skip


def test_a_domain_is_read_as_a_sweep_file_would():
    assert given("lr={low: 1e-4, high: 0.1, log: true}") == ("lr", Float(1e-4, 0.1, log=True))
    assert given("model/act={values: [relu, tanh]}") == ("model/act", Choice(("relu", "tanh")))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("lr", "--domain: 'lr' is not NAME=DOMAIN. Write: "
               "--domain learning_rate='{low: 1e-4, high: 0.1, log: true}'"),
        ("lr={low: 1, high: 0.1}", "--domain lr.high: 0.1 is below low=1.0. Give high >= low."),
        ("lr={lo: 1}",
         "--domain lr: this is no domain. Give {low: ..., high: ...} or {values: [...]}."),
        ("lr=3", "--domain lr: this is no domain. Give {low: ..., high: ...} or {values: [...]}."),
        ("lr={low: [", "--domain lr: '{low: [' is not YAML."),
    ],
)  # fmt: skip
def test_a_domain_that_cannot_be_is_refused_where_it_is_wrong(said, line):
    with pytest.raises(ConfigurationError) as error:
        given(said)
    assert str(error.value) == line
