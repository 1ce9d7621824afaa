"""Domains: what they refuse, what they hold, and the values of their grids."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from searchspaces import Choice, Float, Int


def refusal(kind: type, *values: Any, **options: Any) -> tuple[str, str]:
    """Place and message of the one error that a domain is refused with."""
    with pytest.raises(ValidationError) as caught:
        kind(*values, **options)
    (error,) = caught.value.errors()
    return str(error["loc"][-1]), error["msg"]


@pytest.mark.parametrize(
    ("kind", "values", "options", "place", "message"),
    [
        (Int, (16, 8), {}, 1, "8 is below low=16. Give high >= low."),
        (Float, (1.0, 0.5), {}, 1, "0.5 is below low=1.0. Give high >= low."),
        (Float, (0, math.inf), {}, 1, "inf is not a finite number."),
        (Float, (math.nan, 1), {}, 0, "nan is not a finite number."),
        (Float, ("0", 1), {}, 0, "'0' is not a finite number."),
        (Float, (True, 2), {}, 0, "True is not a finite number."),
        (Float, (0, 10**400), {}, 1, f"{10**400} is not a finite number."),
        (
            Float,
            (-1.7e308, 1.7e308),
            {},
            1,
            "the range -1.7e+308..1.7e+308 is too wide for a float. Narrow it.",
        ),
        (Int, (1.5, 2), {}, 0, "1.5 is not a whole number."),
        (Int, (1, 10**400), {}, 1, "a bound is beyond 1,099,511,627,776. Search a Float instead."),
        (
            Float,
            (0, 1),
            {"log": True},
            "log",
            "a log scale needs low > 0, and low is 0.0. Raise low or drop log.",
        ),
        (
            Int,
            (-1, 1),
            {"log": True},
            "log",
            "a log scale needs low > 0, and low is -1. Raise low or drop log.",
        ),
        (
            Float,
            (0, 1),
            {"step": 0},
            "step",
            "0.0 is not positive. Give step > 0 or leave it out.",
        ),
        (
            Int,
            (1, 4),
            {"step": 5},
            "step",
            "5 is larger than the range 1..4. Give a smaller step.",
        ),
        (
            Float,
            (0, 1),
            {"step": 1e-13},
            "step",
            "1e-13 is too fine beside 0.0..1.0. Give a larger step.",
        ),
        (
            Int,
            (1, 4),
            {"powers_of": 1},
            "powers_of",
            "1 has no powers to choose from. Give powers_of >= 2.",
        ),
        (
            Int,
            (1, 4),
            {"powers_of": 2, "log": True},
            "powers_of",
            "powers already lie on a log scale. Leave out log and step.",
        ),
        (
            Int,
            (1, 4),
            {"powers_of": 2, "step": 1},
            "powers_of",
            "powers already lie on a log scale. Leave out log and step.",
        ),
        (
            Int,
            (0, 4),
            {"powers_of": 2},
            "powers_of",
            "powers start at 1, and low is 0. Give low >= 1.",
        ),
        (
            Int,
            (5, 7),
            {"powers_of": 2},
            "powers_of",
            "no power of 2 lies in 5..7. Widen the range.",
        ),
        (Choice, ((),), {}, 0, "there is nothing to choose from. Give at least one value."),
        (Choice, (("a", "b", "a"),), {}, 0, "'a' is there twice. Give each value once."),
        (Choice, ((1, 1.0),), {}, 0, "1.0 is there twice. Give each value once."),
        (Choice, ("relu",), {}, 0, "'relu' is not a list of values."),
        (
            Choice,
            ((math.nan,),),
            {},
            0,
            "nan is no plain value. Give a finite number, a text, true or false.",
        ),
        (
            Choice,
            ((None,),),
            {},
            0,
            "None is no plain value. Give a finite number, a text, true or false.",
        ),
        (
            Int,
            (1, 2),
            {"when": {}},
            "when",
            "{} is no condition. Give {parent: [values]} or leave it out.",
        ),
        (
            Int,
            (1, 2),
            {"when": {"a": ()}},
            "when",
            "a may have no value at all. List the values that activate this.",
        ),
    ],
)
def test_a_bad_domain_is_refused_with_one_line_at_its_place(
    kind: type, values: tuple[Any, ...], options: dict[str, Any], place: object, message: str
) -> None:
    assert refusal(kind, *values, **options) == (str(place), message)


def test_a_step_grid_holds_the_decimals_one_would_write() -> None:
    tenths = Float(0.0, 1.0, step=0.1)
    assert [tenths.value_at(index) for index in range(11)] == [
        0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
    ]  # fmt: skip
    assert Float(0.1, 0.3, step=0.2).size == 2
    assert tenths.normalise(0.1 + 0.2) == 0.3


def test_a_range_that_is_no_multiple_of_the_step_ends_below_high() -> None:
    grid = Int(1, 10, step=4)
    assert [grid.value_at(index) for index in range(grid.size)] == [1, 5, 9]
    assert not grid.contains(10)
    assert [Float(0, 1, step=0.4).value_at(index) for index in range(3)] == [0.0, 0.4, 0.8]


def test_powers_are_those_in_the_range() -> None:
    powers = Int(3, 100, powers_of=3)
    assert [powers.value_at(index) for index in range(powers.size)] == [3, 9, 27, 81]
    assert Int(1, 1, powers_of=7).value_at(0) == 1
    assert not powers.contains(4)


@pytest.mark.parametrize(
    ("domain", "size"),
    [
        (Float(0, 1), math.inf),
        (Float(2, 2), 1),
        (Float(0.1, 0.3, step=0.1), 3),
        (Int(16, 256, log=True), 241),
        (Int(16, 256, powers_of=2), 5),
        (Int(3, 3), 1),
        (Choice(("a", "b")), 2),
    ],
)
def test_size_is_the_number_of_values(domain: Float | Int | Choice, size: float) -> None:
    assert domain.size == size


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Float(0, 0.5), [0, 0.0, 0.5, np.float32(0.25)], [-1e-12, 0.51, math.nan, "0.1", True]),
        (Float(0, 1, step=0.25), [0.25, 1], [0.2, 1.25, 10**400, None]),
        (Int(1, 4), [1, 4, 2.0, np.int64(3)], [0, 5, 2.5, True, "2", math.inf, None, 10**400]),
        (Choice((1, "a", False)), [1, 1.0, "a", False, np.int64(1)], [0, True, "b", None, [1]]),
    ],
)
def test_a_domain_contains_its_bounds_and_nothing_of_another_kind(
    domain: Float | Int | Choice, inside: list[Any], outside: list[Any]
) -> None:
    assert [value for value in inside if not domain.contains(value)] == []
    assert [value for value in outside if domain.contains(value)] == []


def test_a_member_is_written_as_its_domain_writes_it() -> None:
    assert type(Int(1, 4).normalise(np.float64(2.0))) is int
    assert type(Float(0, 4).normalise(2)) is float
    assert type(Choice((1, 2)).normalise(np.int32(2))) is int


def test_no_value_lies_beyond_the_grid() -> None:
    for domain in (Float(0, 1, step=0.5), Int(1, 3), Choice(("a", "b", "c"))):
        with pytest.raises(IndexError, match="has 3 values, and none has number 3"):
            domain.value_at(3)
    with pytest.raises(IndexError):
        Float(0, 1).value_at(0)


@pytest.mark.parametrize(
    ("domain", "mapping"),
    [
        (Int(1, 4), {"kind": "int", "low": 1, "high": 4}),
        (
            Float(0, 0.5, when={"n": 2, "m": "ab"}),  # type: ignore[dict-item]  # as a file may say it
            {"kind": "float", "low": 0.0, "high": 0.5, "when": {"n": [2], "m": ["ab"]}},
        ),
        (Choice(("a", 1, True)), {"kind": "choice", "values": ["a", 1, True]}),
    ],
)
def test_a_domain_is_written_without_its_defaults_and_read_again(
    domain: Float | Int | Choice, mapping: dict[str, Any]
) -> None:
    adapter = TypeAdapter(type(domain))
    assert adapter.dump_python(domain) == mapping
    assert adapter.validate_python(mapping) == domain
    assert adapter.validate_json(adapter.dump_json(domain)) == domain
    assert pickle.loads(pickle.dumps(domain)) == domain
    assert hash(domain) == hash(adapter.validate_python(mapping))


def test_a_domain_reads_as_it_was_written() -> None:
    assert repr(Int(16, 256, log=True)) == "Int(16, 256, log=True)"
    assert repr(Choice(("a", "b"), ordered=True)) == "Choice(['a', 'b'], ordered=True)"
