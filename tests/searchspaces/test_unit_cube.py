"""The map to the unit cube: exact for every domain, uniform on every scale."""

from __future__ import annotations

import math

import numpy as np
import pytest

from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    Training,
    UnitCube,
    domain_from_unit,
    domain_to_unit,
)

GRIDS = [
    Int(1, 4),
    Int(1, 256, log=True),
    Int(16, 256, log=True),
    Int(-7, 9, step=3),
    Int(3, 1000, step=7, log=True),
    Int(1, 100, step=9, log=True),
    Int(16, 256, powers_of=2),
    Int(5, 5),
    Int(5, 5, log=True),
    Int(2**40 - 3, 2**40, log=True),
    Float(0.0, 1.0, step=0.1),
    Float(0.1, 1.0, step=0.3, log=True),
    Float(1e-4, 1e-1, step=1e-3, log=True),
    Float(2.5, 2.5),
    Choice(("a", "b", "c")),
    Choice((1, 2.5, "x", True), ordered=True),
]


@pytest.mark.parametrize("domain", GRIDS, ids=repr)
def test_every_grid_value_comes_back_exactly(domain: Float | Int | Choice) -> None:
    values = [domain.value_at(index) for index in range(int(domain.size))]
    units = [domain_to_unit(domain, value) for value in values]
    assert [domain_from_unit(domain, unit) for unit in units] == values
    assert units == sorted(units)
    assert units[0] > 0
    assert units[-1] < 1


@pytest.mark.parametrize("domain", GRIDS, ids=repr)
def test_both_ends_of_the_cube_are_the_first_and_last_value(domain: Float | Int | Choice) -> None:
    first, last = domain.value_at(0), domain.value_at(int(domain.size) - 1)
    assert [domain_from_unit(domain, unit) for unit in (-1.0, 0.0)] == [first, first]
    assert [domain_from_unit(domain, unit) for unit in (1.0, 2.0)] == [last, last]


@pytest.mark.parametrize(
    "domain",
    [Float(0, 0.5), Float(1e-4, 1e-1, log=True), Float(-3, 7), Float(0.3, 3e10, log=True)],
    ids=repr,
)
def test_an_interval_comes_back_exactly_at_its_bounds(domain: Float) -> None:
    assert [domain_to_unit(domain, value) for value in (domain.low, domain.high)] == [0, 1]
    assert domain_from_unit(domain, 0.0) == domain.low
    assert domain_from_unit(domain, 1.0) == domain.high


def test_neighbouring_floats_with_one_logarithm_are_no_division_by_zero() -> None:
    domain = Float(1e10, math.nextafter(1e10, math.inf), log=True)
    assert domain.contains(domain_from_unit(domain, domain_to_unit(domain, 1e10)))


def test_known_points() -> None:
    assert domain_to_unit(Float(1e-4, 1e-2, log=True), 1e-3) == pytest.approx(0.5)
    assert domain_to_unit(Int(1, 4), 2) == 0.375
    assert domain_to_unit(Int(16, 256, powers_of=2), 32) == pytest.approx(0.3)
    # log(1 / 0.5) / log(4.5 / 0.5): cells of a log grid have their edges at half steps.
    assert domain_to_unit(Int(1, 4, log=True), 1) == pytest.approx(math.log(2) / math.log(9))


def test_a_value_outside_its_domain_has_no_coordinate() -> None:
    with pytest.raises(ValueError, match=r"5 is not in Int\(1, 4\)"):
        domain_to_unit(Int(1, 4), 5)


def share(domain: Int | Float | Choice, value: object) -> float:
    """The part of a fine even lattice over [0, 1] that maps to ``value``."""
    lattice = (np.arange(20_000) + 0.5) / 20_000
    return float(np.mean([domain_from_unit(domain, unit) == value for unit in lattice.tolist()]))


def test_a_linear_grid_and_powers_are_drawn_evenly() -> None:
    assert [share(Int(1, 4), value) for value in (1, 4)] == pytest.approx([0.25, 0.25], abs=1e-3)
    assert share(Int(16, 256, powers_of=2), 256) == pytest.approx(0.2, abs=1e-3)
    assert share(Float(0, 1, step=0.5), 0.0) == pytest.approx(1 / 3, abs=1e-3)


def test_a_log_grid_is_drawn_evenly_in_the_logarithm() -> None:
    domain = Int(1, 256, log=True)
    for value in (1, 2, 17, 256):
        expected = math.log((value + 0.5) / (value - 0.5)) / math.log(256.5 / 0.5)
        assert share(domain, value) == pytest.approx(expected, abs=1e-3)


def test_low_below_a_step_keeps_a_finite_cell_on_a_log_scale() -> None:
    domain = Float(0.1, 1.0, step=0.3, log=True)  # 0.1, 0.4, 0.7, 1.0; edges 0.05 .. 1.15
    expected = math.log(0.25 / 0.05) / math.log(1.15 / 0.05)
    assert share(domain, 0.1) == pytest.approx(expected, abs=1e-3)


class Chain(SearchSpace):
    """Each parameter's parent is declared after it."""

    dropout: FloatParam = Float(0.0, 0.5, when={"depth": (2, 3, 4)})
    depth: IntParam = Int(1, 4, when={"cell": ("gru",)})
    cell: ChoiceParam = Choice(("gru", "lstm"))


def test_constants_have_no_dimension_and_inactive_ones_no_coordinate() -> None:
    space = GruSpace(hidden_size=64)
    cube = UnitCube(space)
    assert cube.names == ("num_layers", "dropout")
    assert cube.dimensions == 2
    one = cube.to_unit(space.validate({"num_layers": 1}))
    assert one.dtype == np.float64
    np.testing.assert_array_equal(one, [0.125, np.nan])
    two = cube.to_unit(space.validate({"num_layers": 2, "dropout": 0.25}))
    np.testing.assert_array_equal(two, [0.375, 0.5])


def test_a_point_becomes_values_with_inactive_ones_left_out() -> None:
    cube = UnitCube(GruSpace(hidden_size=64))
    constants = {"hidden_size": 64, "bidirectional": False, "readout": "last"}
    assert cube.from_unit([0.0, 0.5]) == {"num_layers": 1, **constants}
    assert cube.from_unit([0.9, 0.5]) == {"num_layers": 4, "dropout": 0.25, **constants}
    assert cube.from_unit([0.9, math.nan]) == {"num_layers": 4, **constants}
    assert cube.from_unit([math.nan, 0.5]) == constants


def test_a_child_declared_before_its_parent_is_decided_after_it() -> None:
    cube = UnitCube(Chain())
    assert cube.names == ("dropout", "depth", "cell")
    assert cube.from_unit([0.5, 0.9, 0.0]) == {"dropout": 0.25, "depth": 4, "cell": "gru"}
    assert cube.from_unit([0.5, 0.9, 0.9]) == {"cell": "lstm"}


def test_each_dimension_says_what_a_model_should_see() -> None:
    cube = JointSpace(GruSpace(), Training()).cube()
    assert dict(zip(cube.names, zip(cube.kinds, cube.cardinalities, strict=True), strict=True)) == {
        "num_layers": ("ordered", 4),
        "hidden_size": ("continuous", 0),
        "dropout": ("continuous", 0),
        "learning_rate": ("continuous", 0),
        "batch_size": ("ordered", 5),
    }
    assert UnitCube(Chain()).kinds[2] == "unordered"


def test_a_point_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\), not \(2,\)"):
        UnitCube(GruSpace()).from_unit([0.1, 0.2])
