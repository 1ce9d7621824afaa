"""The grid: its values, its conditions, its constraints, its order."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orchestrator.searchers.fresh import most_trials
from orchestrator.searchers.grid import GridSearch, grid_values
from orchestrator.searchers.testing import FACTS, SPACES, LineSpace, NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    ConfigurationError,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    Training,
)


class Net(SearchSpace):
    layers: IntParam = Int(1, 2)
    kind: ChoiceParam = Choice(("a", "b"))
    dropout: FloatParam = Float(0.0, 0.5, when={"layers": (2,)})


def configs(searcher: GridSearch, space: JointSpace, seed: int = 0) -> list[dict[str, object]]:
    searcher.begin(space, seed=seed, facts=FACTS)
    return [dict(searcher.suggest(number)) for number in range(searcher.limit(space))]


def test_every_combination_comes_once_and_inactive_parameters_make_no_duplicates():
    # By hand: with one layer there is no dropout, so 1 * 2 + 1 * 2 * 3 configs.
    space = JointSpace(Net(), NoTraining())
    assert configs(GridSearch(points=3, order="plain"), space) == [
        {"layers": 1, "kind": "a"},
        {"layers": 1, "kind": "b"},
        {"layers": 2, "kind": "a", "dropout": 0.0},
        {"layers": 2, "kind": "a", "dropout": 0.25},
        {"layers": 2, "kind": "a", "dropout": 0.5},
        {"layers": 2, "kind": "b", "dropout": 0.0},
        {"layers": 2, "kind": "b", "dropout": 0.25},
        {"layers": 2, "kind": "b", "dropout": 0.5},
    ]


def test_the_shuffled_grid_is_the_same_grid_in_an_order_of_the_seed():
    space = JointSpace(Net(), NoTraining())
    plain = configs(GridSearch(order="plain"), space)
    one, two = configs(GridSearch(), space, seed=1), configs(GridSearch(), space, seed=2)
    assert one != plain
    assert one != two
    assert sorted(map(repr, one)) == sorted(map(repr, plain)) == sorted(map(repr, two))


def test_the_gru_grid_has_2000_configs():
    # By hand: (1 + 3 * 5 dropouts) * 5 widths * 5 rates * 5 batch sizes.
    searcher = GridSearch()
    assert searcher.limit(JointSpace(GruSpace(), Training())) == (1 + 3 * 5) * 125


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Float(0, 1), [0, 0.25, 0.5, 0.75, 1]),
        (Float(1e-4, 1, log=True), [1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (Float(0, 1, step=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (Int(16, 256, log=True), [16, 32, 64, 128, 256]),
        (Int(1, 6), [1, 2, 4, 5, 6]),  # 1, 2.25, 3.5, 4.75, 6; a half goes up
        (Int(1, 5), [1, 2, 3, 4, 5]),
        (Int(10, 70, step=10), [10, 20, 30, 40, 50, 60, 70]),
        (Int(1, 128, powers_of=2), [1, 2, 4, 8, 16, 32, 64, 128]),
        (Int(1, 7, log=True), [1, 2, 3, 4, 7]),
        (Choice(("x", True, 3)), ["x", True, 3]),
        (7, [7]),
        (Float(2, 2), [2.0]),
    ],
)
def test_values_lie_evenly_on_the_scale_with_both_bounds(domain, values):
    assert grid_values(domain, 5) == pytest.approx(values)


def test_constraints_thin_the_grid_out():
    space = SPACES["awkward"]
    found = configs(GridSearch(points=4), space)
    assert {config["width"] % config["heads"] for config in found} == {0}
    assert min(config["width"] for config in found) == 8  # FACTS has 8 features


def test_facts_decide_the_limit_once_begun():
    searcher = GridSearch(points=4)
    before = searcher.limit(SPACES["awkward"])
    searcher.begin(SPACES["awkward"], seed=0, facts=FACTS)
    # Without facts width 4 counts too: 3 cells * heads 1, 2, 4 * 3 sizes * its conditions.
    per_cell = 1 + 5  # attention off; on, with five gates
    gru_extra = 2 * (4 - 1)  # warmth has four values at two of the gates
    assert before - searcher.limit(SPACES["awkward"]) == 3 * 3 * (3 * per_cell + gru_extra)


def test_one_trial_too_many_is_refused():
    space = JointSpace(Net(), NoTraining())
    searcher = GridSearch(points=3)
    searcher.begin(space, seed=0, facts=None)
    with pytest.raises(ConfigurationError) as error:
        searcher.suggest(8)
    assert str(error.value) == (
        "trials: the grid has 8 configs, and trial 8 would need one more. "
        "Raise searcher.points or ask for fewer trials."
    )


def test_a_grid_that_nobody_can_run_is_refused():
    with pytest.raises(ConfigurationError) as error:
        GridSearch(points=20).limit(JointSpace(GruSpace(), Training()))
    assert str(error.value) == (
        "searcher: the grid has more than 100,000 configs. Lower searcher.points (20), "
        "fix some parameters, or choose searcher random."
    )


def test_a_grid_without_a_valid_config_is_refused():
    space = JointSpace(LineSpace(x=Float(0.04, 1)), NoTraining())
    assert configs(GridSearch(points=2), space) == [{"x": 0.04}]
    with pytest.raises(ConfigurationError) as error:
        GridSearch(points=2).limit(JointSpace(LineSpace(x=Float(0.3, 1)), NoTraining()))
    assert str(error.value) == (
        "searcher: constraints refuse every config of the grid. "
        "Raise searcher.points (2) or widen the space."
    )


def test_a_grid_of_which_constraints_leave_little_is_not_looked_through_for_ever(monkeypatch):
    monkeypatch.setattr("orchestrator.searchers.grid.LONGEST", 10)
    space = JointSpace(LineSpace(x=Float(0.04, 1)), NoTraining())
    assert len(configs(GridSearch(points=10), space)) < 10
    with pytest.raises(ConfigurationError) as error:
        GridSearch(points=11).limit(space)
    assert str(error.value) == (
        "searcher: the grid has more than 10 combinations, of which constraints leave few. "
        "Lower searcher.points (11), fix some parameters, or choose searcher random."
    )


def test_an_interval_needs_two_points():
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        GridSearch(points=1)


def test_with_repeats_the_grid_is_gone_through_again():
    space = JointSpace(Net(), NoTraining())
    once = configs(GridSearch(points=3), space)
    searcher = GridSearch(points=3, repeats=True)
    searcher.begin(space, seed=0, facts=FACTS)
    assert searcher.limit(space) is None
    assert most_trials(searcher, space, 20) == 20
    assert [dict(searcher.suggest(number)) for number in range(20)] == [*once, *once, *once[:4]]
