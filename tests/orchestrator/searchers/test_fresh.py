"""No config is trained twice, and a small space ends a sweep instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from orchestrator import Sweep
from orchestrator.cli.view.outline import outline_of
from orchestrator.engine.learning import Learning
from orchestrator.searchers import Observation, Searcher, searchers
from orchestrator.searchers.fresh import every, fresh, most_trials
from orchestrator.searchers.grid import GridSearch
from orchestrator.searchers.known import known
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.testing import FACTS, SPACES, NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    constraint,
)


class Six(SearchSpace):
    """By hand: b and c have 2 widths each, a has none: 1 + 4 configs, and c at 3 more."""

    cell: ChoiceParam = Choice(("a", "b", "c"))
    width: IntParam = Int(1, 3, when={"cell": ("b", "c")})

    @constraint
    def b_is_narrow(self, config: Config, facts: object) -> bool:
        """A b has at most two widths."""
        return config["cell"] != "b" or config["width"] <= 2


class Mixed(SearchSpace):
    x: ChoiceParam = Choice((1, True, 1.5))


class Line(SearchSpace):
    x: FloatParam = Float(0.0, 1.0)


SIX, MIXED, LINE = (JointSpace(space(), NoTraining()) for space in (Six, Mixed, Line))


def begun(searcher: Searcher, space: JointSpace = SIX) -> Searcher:
    searcher.begin(space, seed=0, facts=None)
    return searcher


def test_every_config_of_a_finite_space_is_listed_once():
    allowed = [values for values in every(SIX) if SIX.permits(values)]
    assert allowed == [
        {"cell": "a"},
        {"cell": "b", "width": 1},
        {"cell": "b", "width": 2},
        {"cell": "c", "width": 1},
        {"cell": "c", "width": 2},
        {"cell": "c", "width": 3},
    ]


@pytest.mark.parametrize(
    ("searcher", "space", "wanted", "there_are"),
    [
        (RandomSearch(), SIX, 20, 6),
        (RandomSearch(), SIX, 6, 6),
        (RandomSearch(), SIX, 4, 4),
        (RandomSearch(repeats=True), SIX, 20, 20),
        (RandomSearch(), LINE, 20, 20),
        (RandomSearch(), MIXED, 20, 3),
        (RandomSearch(), SPACES["constant"], 20, 20),  # seeds are all there is to see
        (GridSearch(), SIX, 20, 6),
        (GridSearch(points=3), LINE, 20, 3),
    ],
)
def test_a_sweep_has_no_more_trials_than_configs_unless_repeats_are_asked_for(
    searcher, space, wanted, there_are
):
    assert most_trials(begun(searcher, space), space, wanted) == there_are


def test_what_people_ask_for_is_trained_beside_all_that_is_new():
    configs = [SIX.validate(values) for values in every(SIX) if SIX.permits(values)]
    tried = {known(config) for config in configs[:4]}
    searcher = begun(RandomSearch())
    expected = {  # points, and what is neither a point nor tried
        (): 2,
        (0,): 3,
        (0, 5): 3,
        (4, 5): 2,
        (0, 1, 2, 3): 6,
    }
    for points, there_are in expected.items():
        asked = [configs[index] for index in points]
        assert most_trials(searcher, SIX, 20, tried=tried, points=asked) == there_are
        assert most_trials(searcher, SIX, 2, tried=tried, points=asked) == 2
    everything = {known(config) for config in configs}
    assert most_trials(searcher, SIX, 20, tried=everything, points=configs[3:4]) == 1


@pytest.mark.parametrize("name", searchers.names())
def test_every_searcher_tries_each_config_of_a_small_space_once(name):
    learning = Learning(searchers.get(name)(), SIX, seed=1, facts=FACTS)
    found = []
    for number in range(6):
        config = learning.suggest(number)
        found.append(config)
        learning.started(number, config)
        loss = float(len(config)) + config.get("width", 0)
        learning.observe(Observation(number, config, 1, loss))
    assert len(set(found)) == 6


def test_what_comes_in_place_of_a_known_config_is_the_same_after_an_interruption():
    def sweep(until: int, before: list[Config]) -> list[Config]:
        learning = Learning(RandomSearch(), SIX, seed=3, facts=None)
        for number, config in enumerate(before):
            learning.started(number, config)
        found = list(before)
        for number in range(len(before), until):
            found.append(learning.suggest(number))
            assert learning.suggest(number) == found[-1]
            learning.started(number, found[-1])
        return found

    whole = sweep(6, [])
    assert all(sweep(6, whole[:cut]) == whole for cut in range(6))


def test_the_first_suggestion_stays_where_it_is_new():
    searcher = begun(RandomSearch(), LINE)
    assert fresh(searcher, 5, set(), LINE, None) == searcher.suggest(5)


def test_other_suggestions_come_from_the_searcher_as_long_as_they_are_new():
    searcher = begun(RandomSearch(), LINE)
    first = searcher.suggest(5)
    other = fresh(searcher, 5, {known(first)}, LINE, None)
    assert other == searcher.suggest_other(5, 1) != first
    assert searcher.suggest(5) == first


class Grid(SearchSpace):
    """1,296 configs, so that the best ones are soon known and most are not."""

    a: IntParam = Int(1, 6)
    b: IntParam = Int(1, 32, powers_of=2)
    c: ChoiceParam = Choice(("u", "v", "w", "x", "y", "z"))
    d: FloatParam = Float(0.0, 0.5, step=0.1)


@pytest.mark.parametrize("kind", ["auto", "bohb", "cmaes", "hyperopt", "optuna-tpe"])
def test_a_model_names_its_next_best_config_in_place_of_a_known_one(kind, monkeypatch):
    space = JointSpace(Grid(), NoTraining())
    learning = Learning(searchers.get(kind)(), space, 0, None)
    others, draws = [], []
    first, sample = Searcher.suggest_other, JointSpace.sample
    monkeypatch.setattr(Searcher, "suggest_other", lambda *of: others.append(of[1]) or first(*of))
    tried = set()
    for number in range(60):
        if number == 30:  # from here on it is a model that suggests
            monkeypatch.setattr(JointSpace, "sample", lambda *of: draws.append(of) or sample(*of))
        config = learning.suggest(number)
        learning.started(number, config)
        tried.add(known(config))
        loss = float(np.sum((space.cube().to_unit(config) - 0.3) ** 2))
        learning.observe(Observation(number, config, 9, loss))
    assert len(tried) == 60
    assert not others
    assert len(draws) <= (16 if kind == "bohb" else 0)  # which takes a third at random


@pytest.mark.parametrize("repeats", [False, True])
def test_where_nothing_new_is_left_a_config_repeats(repeats):
    searcher = begun(RandomSearch(repeats=repeats))
    tried = {known(SIX.validate(values)) for values in every(SIX) if SIX.permits(values)}
    assert fresh(searcher, 9, tried, SIX, None) == searcher.suggest(9)


def test_repeats_are_left_alone_where_they_are_asked_for():
    learning = Learning(RandomSearch(repeats=True), SIX, seed=1, facts=None)
    found = []
    for number in range(12):
        found.append(learning.suggest(number))
        learning.started(number, found[-1])
    plain = begun(RandomSearch())
    plain.begin(SIX, seed=1, facts=None)
    assert found == [plain.suggest(number) for number in range(12)]


def test_one_and_true_are_two_configs():
    one, true = (MIXED.validate({"x": x}) for x in (1, True))
    assert known(one) != known(true)
    assert known(one) == known(MIXED.validate({"x": 1.0}))


def test_what_was_tried_before_the_space_changed_is_not_tried_again():
    learning = Learning(RandomSearch(), SIX, seed=1, facts=None)
    first = SIX.validate({"cell": "a"})
    learning.started(0, first)
    learning.search_in(JointSpace(Six(cell=Choice(("a", "c"))), NoTraining()))
    found = []
    for number in range(1, 4):
        found.append(learning.suggest(number))
        learning.started(number, found[-1])
    assert {config["width"] for config in found} == {1, 2, 3}


def test_a_repeated_observation_is_no_start():
    searcher = begun(RandomSearch())
    searcher.observe(Observation(0, SIX.validate({"cell": "a"}), 1, 0.5))
    assert most_trials(searcher, SIX, 20) == 6


INLINE = {
    "cell": {"values": ["a", "b"]},
    "width": {"low": 1, "high": 5, "when": {"cell": ["b"]}},
}


def asked_until_it_ends(sweep: Any, runs: Any, *, interrupted_after: int = 99) -> list[Any]:
    """The configs of a study, which may be interrupted and resumed once."""
    study, found = sweep.ask_tell(runs), []
    run = study.run.path
    while (trial := study.ask()) is not None:
        found.append(trial.config)
        for epoch in range(trial.epoch + 1, trial.until + 1):
            study.tell(trial, {"loss": len(trial.config) + 1 / epoch}, epoch=epoch)
        if len(found) == interrupted_after:
            study.close()
            study = type(study).resume(run)
    study.close()
    return found


@pytest.mark.parametrize("strategy", ["random", "asha", "hyperopt"])
def test_a_sweep_of_a_small_space_ends_when_each_config_was_trained(strategy, tmp_path):
    sweep = Sweep(f"ask-{strategy}", space=INLINE, trials=20, epochs=2, metric="loss")
    assert outline_of(sweep.spec).plan.startswith("6 trials (there are no more configs), ")
    found = asked_until_it_ends(sweep, tmp_path)
    assert len(found) == len(set(found)) == 6


def test_a_resumed_sweep_tries_no_config_again(tmp_path):
    sweep = Sweep("ask-random", space=INLINE, trials=20, epochs=2, metric="loss")
    whole = asked_until_it_ends(sweep, tmp_path / "whole")
    assert asked_until_it_ends(sweep, tmp_path / "cut", interrupted_after=3) == whole


def test_a_sweep_repeats_configs_when_it_is_asked_to(tmp_path):
    sweep = Sweep(
        "ask-random", space=INLINE, trials=20, epochs=1, metric="loss", searcher={"repeats": True}
    )
    found = asked_until_it_ends(sweep, tmp_path)
    assert len(found) == 20
    assert len(set(found)) <= 6


@pytest.mark.parametrize("strategy", ["random", "grid"])
def test_the_plan_counts_what_the_data_allow(strategy, tmp_path):
    """Images of 8 rows are halved three times at most: depth 1, 2 and 3 of 1 to 5."""
    fixed = {"filters": 8, "kernel_size": 3, "dropout": 0.0}
    sweep = Sweep(
        f"cnn-{strategy}",
        dataset="digits",
        space={"depth": {"low": 1, "high": 5}, **fixed},
        training={"learning_rate": 0.01, "batch_size": 32},
        trials=20,
        epochs=1,
    )
    assert outline_of(sweep.spec).trials == 5
    assert outline_of(sweep.spec, facts=sweep.data.facts).trials == 3
    with sweep.ask_tell(tmp_path) as study:
        found = []
        while (trial := study.ask()) is not None:
            found.append(trial.config["depth"])
            study.tell(trial, {"valid_loss": 0.5})
    assert sorted(found) == [1, 2, 3]
    assert outline_of(sweep.spec, study.run).plan.startswith("3 trials (there are no more configs)")
