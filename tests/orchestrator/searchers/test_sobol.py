"""Sobol's points: evenly spread, with constraints too, and found at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.sobol import MOST, SobolSearch
from orchestrator.searchers.testing import FACTS, SPACES, NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    Float,
    FloatParam,
    JointSpace,
    SearchSpace,
    constraint,
)


class Square(SearchSpace):
    x: FloatParam = Float(1e-4, 1.0, log=True)
    y: FloatParam = Float(-3.0, 3.0)
    flavour: ChoiceParam = Choice(("a", "b", "c", "d"))


class Narrow(SearchSpace):
    x: FloatParam = Float(0.0, 1.0)

    @constraint
    def x_is_tiny(self, config: Config, facts: object) -> bool:
        """One in five hundred."""
        return bool(config["x"] < 2e-3)


SQUARE = JointSpace(Square(), NoTraining())


def begun(space: JointSpace = SQUARE, seed: int = 0) -> SobolSearch:
    searcher = SobolSearch()
    searcher.begin(space, seed=seed, facts=FACTS)
    return searcher


def test_points_are_scrambled_sobol_points_of_the_cube():
    searcher = begun()
    points = np.array([SQUARE.cube().to_unit(searcher.suggest(n)) for n in range(64)])
    # A property of the sequence: 64 points in 2 dimensions have 1 in each of 8 x 8 boxes,
    # 8 in each eighth of a dimension, 16 for each of four values.
    boxes = np.floor(points[:, :2] * 8).astype(int)
    assert len({tuple(box) for box in boxes}) == 64
    values = [searcher.suggest(n)["flavour"] for n in range(64)]
    assert {values.count(value) for value in "abcd"} == {16}
    theirs = qmc.Sobol(3, rng=searcher.lasting_generator(0)).random(64)
    np.testing.assert_allclose(points[:, :2], theirs[:, :2], atol=1e-9)


def test_a_late_trial_needs_no_earlier_one():
    ordered = begun()
    early = [ordered.suggest(number) for number in range(40)]
    assert begun().suggest(33) == early[33]
    assert begun(SPACES["line"]).suggest(7) == [
        *map(begun(SPACES["line"]).suggest, range(8))
    ][7]  # fmt: skip


def test_the_allowed_part_is_filled_evenly():
    space = SPACES["line"]
    searcher, random = begun(space), RandomSearch()
    random.begin(space, seed=0, facts=FACTS)
    even, drawn = (
        np.array([[one.suggest(number)["x"] / 0.05] for number in range(64)])
        for one in (searcher, random)
    )
    assert qmc.discrepancy(even) < 0.1 * qmc.discrepancy(drawn)


@pytest.mark.parametrize("first", [0, 3])
def test_where_next_to_nothing_is_allowed_order_does_not_matter(first):
    space = JointSpace(Narrow(), NoTraining())
    searcher = begun(space)
    searcher.suggest(first)
    assert searcher.suggest(1) == begun(space).suggest(1)
    assert searcher._looked <= MOST * (first + 2) + 256


def test_another_seed_scrambles_otherwise():
    assert begun(seed=1).suggest(0) != begun(seed=2).suggest(0)
