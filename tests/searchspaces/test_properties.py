"""Properties of any domain and any space, on generated ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    Int,
    IntParam,
    SearchSpace,
    domain_from_unit,
    domain_to_unit,
    interval_to_unit,
)

quick = settings(deadline=None, max_examples=60)

UNIT = st.floats(0, 1)
SMALL_INTS = st.integers(-20, 20)


@st.composite
def intervals(draw: st.DrawFn) -> Float:
    log = draw(st.booleans())
    bounds = st.floats(1e-8, 1e8) if log else st.floats(-1e8, 1e8)
    low, high = sorted([draw(bounds), draw(bounds)])
    return Float(low, high, log=log)


@st.composite
def float_grids(draw: st.DrawFn) -> Float:
    log = draw(st.booleans())
    step = draw(st.sampled_from([0.001, 0.1, 0.25, 0.3, 1.0, 7.5]))
    low = draw(st.integers(1, 50) if log else st.integers(-50, 50)) / 10
    high = round(low + step * (draw(st.integers(1, 30)) + draw(st.sampled_from([0, 0.4]))), 6)
    return Float(low, high, step=step, log=log)


@st.composite
def ints(draw: st.DrawFn, widest: int = 100_000) -> Int:
    log = draw(st.booleans())
    low = draw(st.integers(1, 1000) if log else st.integers(-1000, 1000))
    high = low + draw(st.integers(0, widest))
    step = draw(st.none() | st.integers(1, max(1, high - low))) if high > low else None
    return Int(low, high, log=log, step=step)


@st.composite
def powers(draw: st.DrawFn) -> Int:
    base, first, more = draw(st.integers(2, 10)), draw(st.integers(0, 4)), draw(st.integers(0, 4))
    return Int(base**first, base ** (first + more), powers_of=base)


scalars = st.booleans() | SMALL_INTS | st.text("abc", max_size=3)
choices = st.builds(
    Choice,
    st.lists(scalars, min_size=1, max_size=5, unique_by=repr).map(tuple),
    ordered=st.booleans(),
)
grids = float_grids() | ints() | powers() | choices


@quick
@given(grids, st.data())
def test_a_grid_value_comes_back_exactly(domain: Any, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, domain.size - 1))
    for value in (domain.value_at(0), domain.value_at(index), domain.value_at(domain.size - 1)):
        assert domain_from_unit(domain, domain_to_unit(domain, value)) == value
        assert domain.value_at(domain.index_of(value)) == value


@quick
@given(grids, UNIT)
def test_a_coordinate_falls_into_the_cell_of_its_value(domain: Any, unit: float) -> None:
    value = domain_from_unit(domain, unit)
    assert domain.contains(value)
    assert domain_from_unit(domain, domain_to_unit(domain, value)) == value


@quick
@given(intervals(), UNIT)
def test_a_point_of_an_interval_comes_back(domain: Float, unit: float) -> None:
    value = domain_from_unit(domain, unit)
    assert domain.contains(value)
    again = domain_from_unit(domain, domain_to_unit(domain, value))
    assert abs(float(again) - float(value)) <= 1e-12 * max(abs(domain.low), abs(domain.high))
    for bound in (domain.low, domain.high):
        assert domain_from_unit(domain, domain_to_unit(domain, bound)) in {domain.low, domain.high}


@quick
@given(grids | intervals(), UNIT, UNIT)
def test_a_greater_coordinate_never_gives_an_earlier_value(
    domain: Any, one: float, other: float
) -> None:
    values = [domain_from_unit(domain, unit) for unit in sorted([one, other])]
    ranks = [domain.index_of(value) for value in values] if isinstance(domain, Choice) else values
    assert ranks == sorted(ranks)


TYPES = {Float: FloatParam, Int: IntParam, Choice: ChoiceParam}


@st.composite
def spaces(draw: st.DrawFn, domains: st.SearchStrategy[Any]) -> SearchSpace:
    """A space of one to five parameters, each conditional on up to two finite others or not."""
    count = draw(st.integers(1, 5))
    names = draw(st.permutations([f"p{number}" for number in range(count)]))
    fields: dict[str, Any] = {}
    for position, name in enumerate(names):
        domain = draw(domains)
        finite = [other for other in names[:position] if fields[other][1].size < 50]
        parents = draw(st.lists(st.sampled_from(finite), max_size=2, unique=True)) if finite else []
        when = {}
        for parent in parents:
            members = [fields[parent][1].value_at(i) for i in range(fields[parent][1].size)]
            when[parent] = draw(st.lists(st.sampled_from(members), min_size=1, max_size=3))
        mapping = {**domain.as_mapping(), **({"when": when} if when else {})}
        fields[name] = (TYPES[type(domain)], type(domain)(**mapping))
    shuffled = {name: fields[name] for name in sorted(fields)}
    return create_model("Generated", __base__=SearchSpace, **shuffled)()


tiny = st.builds(Int, st.just(1), st.integers(1, 3)) | st.builds(
    Choice, st.sampled_from([("a",), ("a", "b"), (True, 1), (0.5, "x", 2)])
)


def configs_by_hand(space: SearchSpace) -> set[frozenset[tuple[str, str]]]:
    """Every config: all combinations, from which inactive names fall until nothing changes."""
    domains: dict[str, Any] = space.parameters()
    values = [[one.value_at(index) for index in range(one.size)] for one in domains.values()]
    found = set()
    for combination in itertools.product(*values):
        config = dict(zip(domains, combination, strict=True))
        before = None
        while before != config:
            before = dict(config)
            for name, domain in domains.items():
                for parent, allowed in (domain.when or {}).items():
                    if repr(config.get(parent)) not in map(repr, allowed):
                        config.pop(name, None)
        found.add(frozenset((name, repr(value)) for name, value in config.items()))
    return found


@quick
@given(spaces(tiny))
def test_size_is_the_number_of_configs_found_by_hand(space: SearchSpace) -> None:
    assert space.size == len(configs_by_hand(space))


@quick
@given(spaces(tiny), st.integers(0, 2**32))
def test_every_draw_is_one_of_the_configs_found_by_hand(space: SearchSpace, seed: int) -> None:
    config = space.sample(np.random.default_rng(seed))
    assert frozenset((name, repr(value)) for name, value in config.items()) in configs_by_hand(
        space
    )


@quick
@given(spaces(grids | intervals()), st.integers(0, 2**32))
def test_what_is_drawn_is_valid_and_comes_back_from_the_cube(space: SearchSpace, seed: int) -> None:
    cube = space.cube()
    config = space.sample(np.random.default_rng(seed))
    assert space.validate(dict(config)) == config
    point = cube.to_unit(config)
    assert np.nanmin(point, initial=0.0) >= 0
    assert np.nanmax(point, initial=1.0) <= 1
    again = space.validate(cube.from_unit(point))
    assert list(again) == list(config)
    np.testing.assert_allclose(cube.to_unit(again), point, atol=1e-6)


@quick
@given(spaces(grids | intervals()))
def test_any_space_survives_being_written_and_read(space: SearchSpace) -> None:
    kind = type(space)
    assert kind.model_validate(space.model_dump()) == space
    assert kind.model_validate_json(space.model_dump_json()) == space


@quick
@given(spaces(grids | intervals()), st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_and_nothing_else_is_drawn_from(
    space: SearchSpace, seed: int
) -> None:
    before = str(np.random.get_state())  # noqa: NPY002  # it must stay as it is
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    assert [space.sample(one) for _ in range(3)] == [space.sample(other) for _ in range(3)]
    assert str(np.random.get_state()) == before  # noqa: NPY002  # it must stay as it is


@quick
@given(intervals(), st.lists(UNIT, min_size=1, max_size=20))
def test_many_numbers_of_an_interval_lie_where_each_alone_lies(domain, shares):
    values = np.clip(
        domain.low + np.array(shares) * (domain.high - domain.low), domain.low, domain.high
    )
    if domain.size == 1:
        return
    alone = [domain_to_unit(domain, float(value)) for value in values]
    np.testing.assert_allclose(interval_to_unit(domain, values), alone, atol=1e-9)


def test_numbers_outside_an_interval_lie_at_its_bounds_and_none_stays_none():
    values = np.array([0.5, 8.0, np.nan])
    np.testing.assert_array_equal(interval_to_unit(Float(1.0, 4.0), values), [0, 1, np.nan])
