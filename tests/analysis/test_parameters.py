from __future__ import annotations

import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.parameters import Parameter, parse_parameters, plain
from searchspaces import Choice, Float, Int, domain_from_unit

DOMAINS = [
    Float(0.0, 0.5),
    Float(1e-4, 1e-1, log=True),
    Float(0.1, 0.9, step=0.1),
    Int(1, 4),
    Int(16, 256, log=True),
    Int(1, 9, log=True),
    Int(32, 1024, step=32),
    Int(16, 256, powers_of=2),
    Choice(("relu", "tanh", "gelu")),
    Choice((True, False)),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_cells_are_where_uniform_draws_give_their_value(domain):
    cells = Parameter("p", "space", domain).cells()
    if cells is None:
        assert domain.size == math.inf
        return
    centres, edges = cells
    assert (edges[0], edges[-1]) == (0.0, pytest.approx(1.0))
    assert ((edges[:-1] < centres) & (centres < edges[1:])).all()
    for index, (low, high) in enumerate(itertools.pairwise(edges)):
        # searchspaces' own map is the second implementation.
        for u in (low + 1e-9, (low + high) / 2, high - 1e-9):
            assert domain_from_unit(domain, float(u)) == domain.value_at(index)


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_ticks_start_and_end_at_the_bounds_and_do_not_touch(domain):
    ticks = Parameter("p", "space", domain).ticks(apart=0.12)
    places = [place for place, _ in ticks]
    assert len({label for _, label in ticks}) == len(ticks)
    if isinstance(domain, Choice):
        assert [label for _, label in ticks] == [plain(value) for value in domain.values]
        return
    assert ticks[0][1] == plain(domain.low)
    assert ticks[-1][1] == plain(domain.high)
    assert np.diff(places).min() >= 0.12
    assert len(ticks) >= 3


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(DOMAINS), st.floats(0, 1))
def test_values_go_to_the_unit_cube_and_back(domain, u):
    parameter = Parameter("p", "space", domain)
    value = domain_from_unit(domain, u)
    place = parameter.to_unit(pl.Series([value, None]))
    back = domain_from_unit(domain, float(place[0]))
    assert back == (pytest.approx(value) if isinstance(value, float) else value)
    assert math.isnan(place[1])


def test_a_text_stands_for_the_number_or_the_switch_of_a_mixed_choice():
    domain = Choice(("none", 1e-5, 1e16, True, 3, (3, 3)))
    column = pl.DataFrame([{"p": value} for value in (*domain.values[:-1], "[3, 3]")],
                          schema={"p": pl.String})["p"]  # fmt: skip
    found = Parameter("p", "space", domain).to_unit(column)
    assert found == pytest.approx((np.arange(6) + 0.5) / 6)


def test_values_outside_the_domain_lie_at_its_bounds():
    wide = Parameter("p", "space", Int(16, 256, log=True)).to_unit(pl.Series([8, 16, 256, 999]))
    assert wide[0] == wide[1]
    assert wide[2] == wide[3]
    texts = Parameter("p", "space", Choice((1, "auto"))).to_unit(pl.Series(["1", "auto", "gone"]))
    assert texts[:2].tolist() == [0.25, 0.75]
    assert math.isnan(texts[2])


def test_constants_and_single_values_are_left_out():
    found = parse_parameters({
        "clip": {"group": "training", "kind": "constant", "value": 1.0},
        "one": {"group": "space", "kind": "int", "low": 3, "high": 3},
        "act": {"group": "space", "kind": "choice", "values": ["relu", "tanh"], "ordered": False},
    })  # fmt: skip
    assert [(p.name, p.domain) for p in found] == [("act", Choice(("relu", "tanh")))]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0031234, "0.00312"), (1e-4, "1e-4"), (2.5e-5, "2.5e-5"), (0.0, "0"), (0.5, "0.5"),
        (64, "64"), (True, "true"), ("relu", "relu"), (1536.0, "1536"), (1e6, "1e6"),
    ],
)  # fmt: skip
def test_values_are_written_as_a_person_would(value, words):
    assert plain(value) == words


def test_labels_name_the_scale():
    assert Parameter("learning_rate", "training", Float(1e-4, 0.1, log=True)).label == (
        "learning rate (log)"
    )
    assert Parameter("dropout", "space", Float(0.0, 0.5)).label == "dropout"


def test_what_somebody_believed_of_a_parameter_is_no_part_of_its_domain():
    entry = {"kind": "float", "group": "space", "low": 0.0, "high": 1.0, "prior": 0.5}
    [believed] = parse_parameters({"x": {**entry, "confidence": "high"}})
    assert believed.domain == Float(0.0, 1.0)
