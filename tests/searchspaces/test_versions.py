"""Two versions of a parameter have a hull that holds the values of both."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from searchspaces import Choice, Float, Int
from searchspaces.domains import Domain
from searchspaces.versions import hull, value_type


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Int(16, 256, log=True), Int(16, 512, log=True), Int(16, 512, log=True)),
        (Int(16, 512, log=True), Int(64, 256, log=True), Int(16, 512, log=True)),
        (Float(0.0, 0.5), Float(0.2, 0.8), Float(0.0, 0.8)),
        (Float(0.0, 0.5), Float(1e-3, 1.0, log=True), Float(0.0, 1.0)),  # no logarithm of 0
        (Float(1e-4, 0.1), Float(1e-3, 1.0, log=True), Float(1e-4, 1.0, log=True)),
        (Int(16, 256, powers_of=2), Int(16, 1024, powers_of=2), Int(16, 1024, powers_of=2)),
        (Int(10, 100), Int(16, 64, powers_of=2), Int(10, 100, log=True)),
        (Int(0, 64), Int(1, 64, powers_of=2), Int(0, 64)),  # no powers below 1
        (0, Int(1, 8, powers_of=2), Int(0, 8)),
        (Float(0.0, 1e9), Float(0.0, 1e-4, step=1e-5), Float(0.0, 1e9)),  # too fine for the range
        (Float(0.0, 1.0, step=0.25), Float(0.0, 2.0, step=0.25), Float(0.0, 2.0, step=0.25)),
        (Float(0.0, 1.0, step=0.25), Float(0.0, 1.0, step=0.1), Float(0.0, 1.0)),
        (Int(2, 8, log=True, step=2), Int(2, 16, log=True, step=2), Int(2, 16, log=True, step=2)),
        (Int(0, 9, step=3), Int(1, 9, step=4), Int(0, 9)),
        (Choice(("a", "b")), Choice(("c", "b")), Choice(("a", "b", "c"))),
        (
            Choice(("medium", "large"), ordered=True),
            Choice(("small", "medium", "large"), ordered=True),
            Choice(("small", "medium", "large"), ordered=True),
        ),
        (Choice((32, 64)), 128, Choice((32, 64, 128))),
        (3, Int(1, 4), Int(1, 4)),
        (8, Int(1, 4), Int(1, 8)),
        (Int(1, 4), 8, Int(1, 8)),
        (2, 5, Int(2, 5)),
        (0.5, 0.5, 0.5),
        ("relu", "gelu", Choice(("relu", "gelu"))),
        (Float(0.0, 0.5, when={"n": (2, 3)}), Float(0.0, 0.5), Float(0.0, 0.5)),
        (
            Float(0.0, 0.5, when={"n": (2, 3)}),
            Float(0.0, 0.6, when={"n": (3, 4)}),
            Float(0.0, 0.6, when={"n": (2, 3, 4)}),
        ),
    ],
)
def test_the_hull_is_on_the_newer_scale_as_far_as_that_can_hold_both(old, new, expected):
    assert hull(old, new) == expected


_bound = st.integers(1, 60)
_ranges = st.builds(
    lambda low, more, log, step: (
        Int(low, low + more, log=log)
        if log
        else Int(low, low + more, step=step if step and step <= more else None)
    ),
    _bound,
    _bound,
    st.booleans(),
    st.none() | st.integers(1, 7),
)
_parameters = _ranges | _bound | st.builds(lambda low, more: Int(low, low + more, powers_of=2),
                                           st.sampled_from([1, 2, 4]), _bound)  # fmt: skip


@given(_parameters, _parameters)
def test_every_value_of_both_lies_in_the_hull(old, new):
    whole = hull(old, new)
    assert value_type(whole) is int
    for parameter in (old, new):
        if not isinstance(parameter, Domain):
            values = [parameter]
        else:
            values = [parameter.value_at(index) for index in range(parameter.size)]
        for value in values:
            assert whole.contains(value) if isinstance(whole, Domain) else whole == value
