"""Optuna's TPE and CMA-ES: what the libraries are told, and what comes of it."""

from __future__ import annotations

import logging
import math
import sys

import numpy as np
import pytest

from orchestrator.searchers import Observation, Searcher
from orchestrator.searchers.testing import FACTS, SPACES, NoTraining, observations
from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    UsageError,
)

pytest.importorskip("optuna", reason="the extra is not installed: pip install orch-sweep[optuna]")
pytest.importorskip("cmaes", reason="the extra is not installed: pip install orch-sweep[optuna]")

from orchestrator.searchers.cmaes_ import CmaEs  # without the extra it cannot begin
from orchestrator.searchers.optuna_tpe import OptunaTpe  # see above


def begun(searcher: Searcher, space: JointSpace = SPACES["awkward"], seed: int = 0) -> Searcher:
    searcher.begin(space, seed=seed, facts=FACTS)
    return searcher


def test_the_library_sees_indices_floats_and_no_inactive_parameters():
    searcher = begun(OptunaTpe())
    values = {"cell": "rnn", "width": 8, "heads": 4, "attention": True, "gate": 0.25}
    config = SPACES["awkward"].validate({**values, "grade": "large"})
    searcher.observe(Observation(3, config, 1, 0.5))
    [trial] = searcher._trials.values()
    # heads 1, 2, 4, 8; gate 0, 0.25, ...; warmth hangs on the cell gru.
    assert trial.params.keys() == {"cell", "width", "heads", "attention", "gate", "grade"}
    assert {**trial.params, "width": None} == {
        "cell": 2, "width": None, "heads": 2, "attention": 1, "gate": 1, "grade": 2,
    }  # fmt: skip
    # 4, 8, ..., 32 on a log scale, edges 2 and 34.
    assert trial.params["width"] == pytest.approx(math.log(8 / 2) / math.log(34 / 2))


def test_parameters_with_the_same_conditions_are_drawn_jointly():
    groups = [sorted(group) for group in begun(OptunaTpe())._by_condition()]
    assert groups == [["attention", "cell", "grade", "heads", "width"], ["gate"], ["warmth"]]


def test_a_config_comes_back_from_what_the_library_knows_it_by():
    space = SPACES["awkward"]
    searcher = begun(OptunaTpe())
    rng = np.random.default_rng(0)
    for _ in range(200):
        config = space.sample(rng, FACTS)
        known = searcher._encoded(config)
        drawn = dict.fromkeys(searcher._cells, 0) | known
        assert dict(space.validate(searcher._decoded(drawn), FACTS)) == pytest.approx(dict(config))


def test_ranks_put_further_epochs_first_and_failed_trials_last():
    searcher = begun(OptunaTpe(n_startup_trials=1), SPACES["line"])
    for number, epoch, loss in [(0, 1, 0.1), (1, 9, 5.0), (2, 9, math.inf), (3, 1, 0.0)]:
        config = SPACES["line"].validate({"x": number / 1000})
        searcher.observe(Observation(number, config, epoch, loss))
    searcher.suggest(4)
    ranks = {number: trial.value for number, trial in searcher._trials.items()}
    assert ranks == {1: 0.0, 3: 1.0, 0: 2.0, 2: 3.0}


class Pair(SearchSpace):
    """Nothing to be conditional about."""

    x: FloatParam = Float(1e-3, 1e2, log=True)
    n: IntParam = Int(1, 64)
    flavour: ChoiceParam = Choice(("a", "b", "c"))


def test_suggestions_are_those_of_a_study_of_optuna():
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.samplers import TPESampler

    space = JointSpace(Pair(), NoTraining())
    searcher = begun(OptunaTpe(), space)
    rng = np.random.default_rng(0)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    forms = {"x": FloatDistribution(0, 1), "n": FloatDistribution(0, 1)}
    forms["flavour"] = CategoricalDistribution((0, 1, 2))
    for number in range(30):
        config = space.sample(rng)
        loss = float((math.log10(config["x"])) ** 2 + config["n"] / 10)
        searcher.observe(Observation(number, config, 1, loss))
        params = searcher._encoded(config)
        study.add_trial(optuna.create_trial(params=params, distributions=forms, value=loss))
    seed = int(searcher.generator(30, 1).integers(2**31))
    study.sampler = TPESampler(seed=seed, multivariate=True, constant_liar=False)
    asked = study.ask(forms).params
    assert searcher.suggest(30) == space.validate(searcher._decoded(asked))


@pytest.mark.parametrize("make", [OptunaTpe, CmaEs])
def test_the_library_neither_logs_nor_prints(make, caplog, capfd):
    searcher = begun(make())
    with caplog.at_level(logging.DEBUG):
        for number in range(24):
            config = searcher.suggest(number)
            searcher.observe(Observation(number, config, 1, float(number)))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("make", "library"), [(OptunaTpe, "optuna"), (CmaEs, "cmaes")], ids=["optuna-tpe", "cmaes"]
)
def test_a_missing_library_is_one_line_that_says_what_to_install(make, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError) as error:
        begun(make())
    assert str(error.value) == (
        f"searcher {make().kind} needs {library}. Install it: pip install 'orch-sweep[optuna]'"
    )


@pytest.mark.parametrize("make", [OptunaTpe, CmaEs])
def test_a_constrained_space_is_searched_by_the_model_not_at_random(make):
    searcher, space, losses = begun(make()), SPACES["awkward"], []
    for number in range(120):
        config = searcher.suggest(number)
        losses.append(observations(space, 0, config)[0].loss - 1)  # 1 / epoch is no merit
        seen = math.inf if number % 7 == 5 else losses[-1]
        searcher.observe(Observation(number, config, 1, seen))
    random = [
        observations(space, 0, space.sample(np.random.default_rng(n), FACTS))[0].loss - 1
        for n in range(100)
    ]
    assert np.mean(losses[-30:]) < 0.7 * np.mean(random)


class Plane(SearchSpace):
    """Two intervals."""

    x: FloatParam = Float(0.0, 1.0)
    y: FloatParam = Float(0.0, 1.0)


PLANE = JointSpace(Plane(), NoTraining())


def test_one_after_the_other_the_generations_are_those_of_the_library():
    from cmaes import CMA

    searcher = begun(CmaEs(sigma0=0.2), PLANE)
    theirs = CMA(
        mean=np.full(2, 0.5), sigma=0.2, bounds=np.array([[0.0, 1.0]] * 2), n_max_resampling=20
    )
    told = []
    for number in range(60):
        config = searcher.suggest(number)
        theirs.reseed_rng(int(searcher.generator(number, 1).integers(2**32)))
        point = theirs.ask()
        assert [config["x"], config["y"]] == pytest.approx(point.tolist(), abs=1e-12)
        loss = (config["x"] - 0.9) ** 2 + 10 * (config["y"] - config["x"]) ** 2
        searcher.observe(Observation(number, config, 1, loss))
        told.append((point, loss))
        if len(told) == theirs.population_size:
            theirs.tell(told)
            told = []
    assert theirs.generation == 10
    assert loss < 0.1


def test_a_converged_search_begins_elsewhere_with_twice_the_population():
    searcher = begun(CmaEs(), PLANE)
    for number in range(900):
        config = PLANE.validate({"x": 0.25, "y": 0.75})
        searcher.observe(Observation(number, config, 1, 0.0))
    searcher.suggest(900)
    starts = [generation.start for generation in searcher._told]
    assert starts[-1] >= 1
    sizes = {generation.start: len(generation.told) for generation in searcher._told}
    assert sizes[0] == 6  # 4 + 3 ln 2
    last = searcher._told[-1]
    assert last.after.population_size == 6 * 2**last.start


def test_a_late_result_tells_only_the_generations_after_it_anew():
    searcher = begun(CmaEs(), PLANE)
    rng = np.random.default_rng(0)
    configs = [PLANE.sample(rng) for _ in range(60)]
    for number, config in enumerate(configs):
        searcher.observe(Observation(number, config, 1, float(number % 7)))
    searcher.suggest(60)
    before = list(searcher._told)
    searcher.observe(Observation(33, configs[33], 3, 0.0))
    searcher.suggest(60)
    assert all(one is two for one, two in zip(before[:5], searcher._told[:5], strict=True))
    assert not any(one is two for one, two in zip(before[5:], searcher._told[5:], strict=True))
    assert searcher._told[5].told[0] == 33


def test_a_trial_on_a_grid_is_told_within_its_cell():
    searcher = begun(CmaEs())
    space = SPACES["awkward"]
    rng = np.random.default_rng(1)
    normal = searcher._now().after
    points = []
    for number in range(100):
        config = space.sample(rng, FACTS)
        searcher.observe(Observation(number, config, 1, 0.0))
        point = searcher._point(number, normal)
        points.append(point)
        assert space.cube().from_unit(searcher._unit(point)) == pytest.approx(dict(config))
    assert len({round(float(point[3]), 6) for point in points}) > 60  # 8 widths
