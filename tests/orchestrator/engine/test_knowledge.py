"""Points and earlier trials in the space of a sweep."""

from __future__ import annotations

import math
from typing import Any

import pytest

from orchestrator.engine import knowledge
from orchestrator.engine.earlier import Carried, Earlier, Seen, carried
from orchestrator.engine.knowledge import configs_of
from orchestrator.engine.learning import Learning
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.known import known
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.testing import FACTS, SPACES
from searchspaces import ConfigurationError, JointSpace
from searchspaces.inline import NoTraining, inline_space


def space(**domains: Any) -> JointSpace:
    return JointSpace(inline_space(domains), NoTraining())


def one(where: JointSpace, **values: Any) -> Carried | None:
    """A trial with these values, in that space."""
    earlier = Earlier("before", -3, values, (Seen(1, 0.5),))
    found = carried(where, [earlier], seed=0, facts=None)
    return found[0] if found else None


X = {"low": 0.0, "high": 1.0}
K = {"low": 1, "high": 8}


def test_a_trial_of_the_same_space_is_what_it_was():
    found = one(space(x=X, k=K), x=0.25, k=3)
    assert found is not None
    assert dict(found.config) == {"x": 0.25, "k": 3}
    assert found.whole
    assert found.number == -3
    assert found.seen == (Seen(1, 0.5),)


def test_what_the_space_has_no_more_is_dropped_and_what_is_outside_is_left_out():
    found = one(space(x=X), x=0.25, gone="relu")
    assert found is not None
    assert dict(found.config) == {"x": 0.25}
    assert not found.whole  # nobody has trained that without the rest
    assert one(space(x={"low": 0.5, "high": 1.0}), x=0.25) is None
    assert one(space(x=0.5, k=K), x=0.25, k=3) is None
    assert one(space(x=0.25, k=K), x=0.25, k=3) is not None
    assert one(space(k={"low": 2, "high": 8, "step": 2}), k=3) is None


def test_what_is_new_is_its_constant_or_drawn_for_each_trial():
    found = one(space(x=X, cell="gru"), x=0.25)
    assert found is not None
    assert dict(found.config) == {"x": 0.25, "cell": "gru"}
    assert found.whole
    where = space(x=X, k=K)
    several = [Earlier("before", -n, {"x": 0.25}, (Seen(1, 0.5),)) for n in range(1, 60)]
    drawn = carried(where, several, seed=0, facts=None)
    assert {trial.config["k"] for trial in drawn} == set(range(1, 9))
    assert not any(trial.whole for trial in drawn)
    assert drawn == carried(where, several, seed=0, facts=None)
    assert drawn[3:] == carried(where, several[3:], seed=0, facts=None)


def test_a_new_parent_is_drawn_so_that_what_was_known_is_active():
    domains = {
        "optimizer": {"values": ["sgd", "adam", "adagrad"]},
        "momentum": {"low": 0.0, "high": 1.0, "when": {"optimizer": ["sgd"]}},
    }
    found = one(space(**domains), momentum=0.9)
    assert found is not None
    assert dict(found.config) == {"optimizer": "sgd", "momentum": 0.9}
    found = one(space(**domains), optimizer="adam", momentum=0.9)  # it was active always, then
    assert found is not None
    assert dict(found.config) == {"optimizer": "adam"}
    assert not found.whole
    found = one(space(**domains), optimizer="sgd")  # it was never searched, then
    assert found is not None
    assert 0 <= found.config["momentum"] <= 1


def test_a_new_parent_is_drawn_right_however_many_values_it_has():
    where = space(
        layers={"low": 1, "high": 2_000},
        cell={"values": list(range(50)), "when": {"layers": [7]}},
        dropout={**X, "when": {"cell": [3]}},
    )
    found = one(where, dropout=0.3)
    assert found is not None
    assert dict(found.config) == {"layers": 7, "cell": 3, "dropout": 0.3}


def test_what_is_not_active_whatever_is_drawn_is_dropped():
    domains = {
        "layers": {"low": 1, "high": 4},
        "cell": {"values": ["gru", "lstm"]},
        "dropout": {**X, "when": {"cell": ["gru"], "layers": [2, 3, 4]}},
    }
    found = one(space(**domains), layers=1, dropout=0.3)
    assert found is not None
    assert found.config.keys() == {"layers", "cell"}
    found = one(space(**domains), layers=2, dropout=0.3)
    assert found is not None
    assert dict(found.config) == {"layers": 2, "cell": "gru", "dropout": 0.3}


def test_what_constraints_refuse_is_left_out_unless_another_draw_helps():
    where = SPACES["awkward"]
    values = {"cell": "lstm", "heads": 8, "attention": False, "grade": "small"}
    earlier = Earlier("before", -1, {**values, "width": 12}, (Seen(1, 0.5),))
    assert carried(where, [earlier], seed=0, facts=FACTS) == []
    free = Earlier("before", -1, values, (Seen(1, 0.5),))
    [found] = carried(where, [free], seed=0, facts=FACTS)
    assert found.config["width"] % 8 == 0


def test_earlier_trials_teach_a_searcher_and_count_as_tried():
    where = space(k={"low": 1, "high": 6})
    earlier = [Earlier("before", -n, {"k": n}, (Seen(1, float(n)),)) for n in range(1, 5)]
    learning = Learning(RandomSearch(), where, 0, None, earlier)
    assert learning.most_trials(20) == 2
    first = learning.suggest(0)
    learning.started(0, first)
    assert {first["k"], learning.suggest(1)["k"]} == {5, 6}
    everything = [*earlier, *(Earlier("x", -n, {"k": n}, (Seen(1, 1.0),)) for n in (5, 6))]
    with pytest.raises(ConfigurationError) as caught:
        Learning(RandomSearch(), where, 0, None, everything).most_trials(20)
    assert str(caught.value) == (
        "warm_start: every config of the space was tried before. Search a wider space, or allow "
        "that with --set searcher.repeats=true."
    )
    assert Learning(RandomSearch(repeats=True), where, 0, None, everything).most_trials(9) == 9


def test_a_model_is_there_before_the_first_trial_and_after_the_space_has_changed():
    wide = space(x=X, y=X)
    earlier = [
        Earlier("before", n - 40, {"x": n / 40, "y": (n * 7 % 40) / 40}, (Seen(1, abs(n - 8)),))
        for n in range(40)
    ]
    learning = Learning(Bohb(random_fraction=0), wide, 0, None, earlier)
    near = [learning.suggest(number)["x"] for number in range(20)]
    assert sum(abs(x - 0.2) < 0.2 for x in near) > 14
    narrow = space(x={"low": 0.5, "high": 1.0}, y=X)
    learning.search_in(narrow)
    assert all(learning.suggest(number)["x"] < 0.85 for number in range(10))  # 0.5 was best here
    learning.search_in(wide)
    again = [learning.suggest(number)["x"] for number in range(20)]
    assert again == near


def test_points_are_filled_up_the_same_way_each_time_and_lie_in_the_space():
    where = SPACES["awkward"]
    points = ({"width": 24}, {"gate": 0.5, "cell": "gru"}, {"warmth": 0.1}, {"heads": 8})
    configs = configs_of(points, where, 3, FACTS, repeats=False)
    assert configs == configs_of(points, where, 3, FACTS, repeats=False)
    for config, values in zip(configs, points, strict=True):
        assert where.validate(config, FACTS) == config
        assert values.items() <= dict(config).items()
    alone = configs_of(points[:1], where, 3, FACTS, repeats=False)
    assert configs[0] == alone[0]
    other = configs_of(points, where, 4, FACTS, repeats=False)
    assert other != configs


def test_what_a_point_leaves_out_is_drawn_where_its_parent_is_a_constant():
    depends = {"low": 0.0, "high": 0.5, "when": {"layers": [2, 3]}}
    [found] = configs_of(
        [{"x": 0.25}], space(x=X, layers=2, dropout=depends), 0, None, repeats=False
    )
    assert set(found) == {"x", "layers", "dropout"}
    [found] = configs_of(
        [{"x": 0.25}], space(x=X, layers=1, dropout=depends), 0, None, repeats=False
    )
    assert set(found) == {"x", "layers"}


def test_no_two_points_are_the_same_config():
    where = space(k={"low": 1, "high": 2}, flag={"values": [False, True]})
    points = ({"k": 1}, {"k": 1}, {"k": 2, "flag": True})
    configs = configs_of(points, where, 0, None, repeats=False)
    assert len({known(config) for config in configs}) == 3
    with pytest.raises(ConfigurationError) as caught:
        configs_of((points[2], points[0], points[2]), where, 0, None, repeats=False)
    assert str(caught.value) == (
        "points.2: this is points.0 again. Leave it out, or allow that with "
        "--set searcher.repeats=true."
    )
    assert len(configs_of((points[2],) * 2, where, 0, None, repeats=True)) == 2


def test_a_failed_trial_of_an_earlier_run_is_told_as_failed():
    where = space(x=X)
    told = []

    class Hears(RandomSearch):
        def observe(self, observation):
            told.append(observation.loss)

    Learning(Hears(), where, 0, None, [Earlier("a", -1, {"x": 0.5}, (Seen(3, math.inf),))])
    assert told == [math.inf]


def test_many_points_are_compared_with_no_effort_that_grows_with_their_number(monkeypatch):
    compared = []

    def counted(config):
        compared.append(config)
        return known(config)

    monkeypatch.setattr(knowledge, "known", counted)
    points = tuple({"x": n / 400} for n in range(400))
    assert len(configs_of(points, space(x=X), 0, None, repeats=False)) == 400
    assert len(compared) <= 2 * 400
