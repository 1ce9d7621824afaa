"""Priors in suggestions: how much, how long, and within the space."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from orchestrator.engine.earlier import Earlier, Seen
from orchestrator.engine.learning import Learning
from orchestrator.searchers import Observation, searchers
from orchestrator.searchers.priors import DEVIATION, FADING, SHARE, Believing, drawn, source_of
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.testing import FACTS, SPACES, AwkwardSpace, observations
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
)
from searchspaces.inline import NoTraining, inline_space

GOOD = {"x": 0.2, "y": 0.15, "z": 0.25}


def space(believed: float | None = None, confidence: str = "medium") -> JointSpace:
    """Four numbers; a prior on three of them is ``believed`` away from where they are best."""
    said = {
        name: {} if believed is None else {"prior": best + believed, "confidence": confidence}
        for name, best in GOOD.items()
    }
    domains = {name: {"low": 0.0, "high": 1.0, **said.get(name, {})} for name in "xyzw"}
    return JointSpace(inline_space(domains), NoTraining())


def loss(config: Config) -> float:
    return (
        sum((config[name] - best) ** 2 for name, best in GOOD.items())
        + 0.3 * (config["w"] - 0.6) ** 2
    )


def best_after(kind: str, where: JointSpace, seed: int, trials: int = 30) -> float:
    learning = Learning(searchers.get(kind)(), where, seed, None)
    best = math.inf
    for number in range(trials):
        config = learning.suggest(number)
        learning.started(number, config)
        learning.observe(Observation(number, config, 1, loss(config)))
        best = min(best, loss(config))
    return best


def regret(kind: str, where: JointSpace) -> float:
    """Geometric mean over 12 seeds of the best after 30 trials."""
    return math.exp(np.mean([math.log(best_after(kind, where, seed)) for seed in range(12)]))


@pytest.mark.parametrize("kind", ["random", "bohb"])
def test_a_good_prior_helps_and_a_wrong_one_costs_little(kind):
    without = regret(kind, space())
    assert regret(kind, space(0.0)) < 0.8 * without
    assert regret(kind, space(0.0, "high")) < 0.5 * without
    assert regret(kind, space(0.6)) < 1.6 * without
    assert regret(kind, space(0.6, "high")) < 1.6 * without


@pytest.mark.parametrize("kind", ["random", "sobol", "bohb", "hyperopt", "auto"])
def test_without_a_prior_the_suggestions_are_the_searchers_own(kind):
    alone, where = searchers.get(kind)(), SPACES["gru"]  # where no config comes twice
    alone.begin(where, seed=3, facts=FACTS)
    learning = Learning(searchers.get(kind)(), where, 3, FACTS)
    assert source_of(alone, where, FACTS) is alone
    for number in range(24):
        config = alone.suggest(number)
        assert learning.suggest(number) == config
        alone.begun(number, config)
        learning.started(number, config)
        for seen in observations(where, number, config):
            alone.observe(seen)
            learning.observe(seen)


def test_the_share_that_follows_the_priors_fades_with_what_was_observed():
    searcher, where = RandomSearch(), space(0.0, "high")
    searcher.begin(where, seed=1, facts=None)
    source = Believing(searcher, where, None)

    def follow() -> float:
        return np.mean([source.suggest(n) != searcher.suggest(n) for n in range(400)])

    assert source.share == SHARE
    assert follow() == pytest.approx(SHARE, abs=0.06)
    for number in [*range(FADING), *range(FADING)]:  # a trial counts once
        source.observed(number)
    assert source.share == SHARE / 2
    assert follow() == pytest.approx(SHARE / 2, abs=0.06)


def test_an_earlier_run_says_nothing_of_a_prior_that_it_did_not_know():
    """Random search does not learn: with the prior's whole share it suggests the same."""
    where = space(0.0, "high")
    earlier = [Earlier("before", n - 46, {"w": n / 46}, (Seen(1, 0.5),)) for n in range(46)]
    alone, after = (Learning(RandomSearch(), where, 0, None, known) for known in ((), earlier))
    follow = []
    for number in range(20):
        config = alone.suggest(number)
        assert after.suggest(number) == config
        follow.append(abs(config["x"] - GOOD["x"]) < 2 * DEVIATION["high"])
    assert sum(follow) >= 14


def test_a_number_is_drawn_from_a_normal_distribution_cut_off_at_the_bounds():
    """Against the truncated normal's distribution function in closed form."""
    domain = Float(1.0, 10_000.0, log=True, prior=10.0, confidence="medium")
    rng = np.random.default_rng(0)
    units = np.array([drawn(domain, rng) for _ in range(4000)])
    normal = NormalDist(0.25, DEVIATION["medium"])
    inside = normal.cdf(1) - normal.cdf(0)
    for at in (0.1, 0.25, 0.5, 0.75):
        expected = (normal.cdf(at) - normal.cdf(0)) / inside
        assert np.mean(units <= at) == pytest.approx(expected, abs=0.03)
    assert 0 <= units.min() <= units.max() <= 1


def test_a_value_of_a_choice_is_drawn_more_often_and_neighbours_of_an_ordered_one_too():
    rng = np.random.default_rng(0)
    choice = Choice(("a", "b", "c", "d"), prior="c", confidence="high")
    found = [choice.value_at(int(drawn(choice, rng) * 4)) for _ in range(4000)]
    assert np.mean([value == "c" for value in found]) == pytest.approx(0.75 + 0.25 / 4, abs=0.03)
    ordered = Choice(("a", "b", "c", "d", "e"), ordered=True, prior="b", confidence="high")
    units = [min(int(drawn(ordered, rng) * 5), 4) for _ in range(4000)]
    counts = np.bincount(units, minlength=5)
    assert counts[1] > counts[0] > counts[4]
    assert counts[1] > counts[2] > counts[3] > counts[4]
    assert drawn(Int(1, 64, powers_of=2, prior=1), rng) <= 1


class Believed(AwkwardSpace):
    """The awkward space, with somebody who is sure."""

    width: IntParam = Int(4, 32, log=True, step=4, prior=24, confidence="high")
    heads: IntParam = Int(1, 8, powers_of=2, prior=4, confidence="high")
    attention: ChoiceParam = Choice((False, True), prior=True)
    gate: FloatParam = Float(0.0, 1.0, step=0.25, when={"attention": (True,)}, prior=0.5)


@pytest.mark.parametrize("kind", ["random", "bohb", "optuna-tpe"])
def test_conditions_and_constraints_hold_and_the_same_is_drawn_again(kind):
    if kind == "optuna-tpe":
        pytest.importorskip("optuna")
    where = JointSpace(Believed(), NoTraining())
    runs = []
    for _ in range(2):
        learning = Learning(searchers.get(kind)(), where, 5, FACTS)
        configs = []
        for number in range(25):
            config = learning.suggest(number)
            assert where.validate(dict(config), FACTS) == config
            assert learning.suggest(number) == config
            learning.started(number, config)
            for seen in observations(where, number, config):
                learning.observe(seen)
            configs.append(config)
        runs.append(configs)
    assert runs[0] == runs[1]
