from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.fidelity import full
from analysis.importance.ped_anova import divergences, ped_anova
from analysis.parameters import Parameter
from searchspaces import Choice, Float
from searchspaces.errors import ConfigurationError
from tests.analysis.tabled import run_of

FLOATS = {
    name: {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for name in ("a", "b", "c")
}


def uniform(rng):
    return {name: float(rng.random()) for name in FLOATS}


def plain_run(make_run, floor, **changes):
    given = {"trials": 200, "hyperband": False, "max_epochs": 1, "noise": 1e-4, "jitter": 0.0}
    given |= {"parameters": FLOATS, "config": uniform} | changes
    return load_run(make_run(floor=floor, **given))


def test_divergences_are_those_of_optuna(make_run):
    optuna = pytest.importorskip("optuna")
    run = plain_run(make_run, lambda c: 3 * (c["a"] - 0.3) ** 2 + 0.4 * c["b"])
    group = full(run)
    study = optuna.create_study()
    domain = optuna.distributions.FloatDistribution(0.0, 1.0)
    for row, score in zip(group.rows, group.scores, strict=True):
        values = {name: run.trials[f"config.{name}"][int(row)] for name in FLOATS}
        study.add_trial(optuna.trial.create_trial(
            params=values, distributions=dict.fromkeys(FLOATS, domain), value=float(score)
        ))  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        expected = optuna.importance.get_param_importances(
            study, evaluator=evaluator, normalize=False
        )
    found = ped_anova(run, group)
    # Optuna's variance is that of an indicator of a tenth: 0.1^2 times the divergence.
    # Its even spread is a wide Gaussian, ours is uniform: the second decimal may differ.
    for effect in found.effects:
        assert effect.divergence * 0.1**2 == pytest.approx(expected[effect.name], rel=0.03)


def test_the_divergence_of_a_choice_is_its_closed_form():
    parameter = Parameter("p", "space", Choice(("x", "y")))
    places = np.repeat([0.25, 0.75], [60, 40])
    chosen = np.zeros((1, 100), dtype=bool)
    chosen[0, :10] = chosen[0, 60:63] = True
    # One trial spread evenly: 10.5 and 3.5 of 14 against 60.5 and 40.5 of 101.
    top, base = np.array([10.5, 3.5]) / 14, np.array([60.5, 40.5]) / 101
    expected = ((top - base) ** 2 / base).sum()
    assert divergences(parameter, places, chosen)[0] == pytest.approx(expected)


def test_the_divergence_of_all_trials_is_nothing_and_an_absent_parameter_has_none():
    parameter = Parameter("p", "space", Float(0.0, 1.0))
    places = np.random.default_rng(0).random(50)
    assert divergences(parameter, places, np.ones((1, 50), bool))[0] == pytest.approx(0, abs=1e-9)
    assert divergences(parameter, np.full(50, np.nan), np.ones((1, 50), bool))[0] == 0


def test_a_conditional_parameter_counts_where_it_acts():
    # It acts in half of all trials, and in all or none of the chosen: part^2 / 0.5 of the rest.
    parameter = Parameter("p", "space", Float(0.0, 1.0))
    rng = np.random.default_rng(0)
    places = np.where(np.arange(100) < 50, rng.random(100), np.nan)
    low = np.zeros((3, 100), dtype=bool)
    low[0, :10] = True
    low[1, :10] = low[1, 60:70] = True
    low[2, 60:80] = True
    there = divergences(parameter, places[:50], low[:1, :50])[0]
    np.testing.assert_allclose(
        divergences(parameter, places, low), [2 * there, 0.5 * there, 0.0], rtol=1e-9
    )


def test_what_tells_the_best_apart_is_not_what_makes_the_variance(make_run):
    # "a" makes most of the variance, but only among bad trials; among the good ones it is "b".
    def floor(c):
        return max(0.0, 5 * (c["a"] - 0.5)) + 0.3 * c["b"]

    run = plain_run(make_run, floor, trials=400)
    found = ped_anova(run)
    assert [effect.name for effect in found.effects] == ["b", "a", "c"]
    assert [effect.noise for effect in found.effects] == [False, False, True]
    assert sum(effect.share for effect in found.effects) == pytest.approx(1.0)
    assert found.words()[0].startswith("the best tenth (40 of 400 trials): b sets them apart most")
    assert run.meta.parameters[0].name == "a"


def test_chance_alone_tells_nothing_apart(make_run):
    false = 0
    for seed in range(10):
        found = ped_anova(plain_run(make_run, lambda c: (c["a"] * 1e6) % 1, seed=seed))
        false += sum(not effect.noise for effect in found.effects)
    assert false <= 2
    assert "as far as chance lets see" in found.words()[0] or false


def test_a_maximised_objective_has_the_best_trials_of_its_negative(make_run, rewrite):
    run = plain_run(make_run, lambda c: c["a"])
    epochs = run.epochs.with_columns(-pl.col("metric.valid_loss"))
    rewrite(run.folder, run.trials, epochs, dict(run.meta.raw) | {"mode": "max"})
    assert ped_anova(load_run(run.folder)).effects == ped_anova(run).effects


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "no trial has a result"),
        ({"trials": 1}, "only 1 trial can be compared (epoch 1); it takes 20"),
        ({"trials": 30}, "the best tenth are 3 of 30 trials; it takes 4"),
        ({"parameters": {"clip": {"group": "space", "kind": "constant", "value": 1.0}},
          "config": lambda rng: {"clip": 1.0}}, "every parameter is a constant"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_withheld_with_the_reason(make_run, changes, reason):
    found = ped_anova(plain_run(make_run, lambda c: 0.5, **changes))
    assert found.withheld == reason
    assert found.words() == (f"cannot tell: {reason}",)
    assert found.as_dict()["effects"] == []


def test_scores_that_many_share_are_no_best_part(make_run, rewrite):
    run = plain_run(make_run, lambda c: c["a"])
    median = run.epochs["metric.valid_loss"].quantile(0.7)
    tied = pl.when(pl.col("metric.valid_loss") < median).then(0.5).otherwise("metric.valid_loss")
    epochs = run.epochs.with_columns(tied.alias("metric.valid_loss"))
    rewrite(run.folder, run.trials, epochs, dict(run.meta.raw))
    assert "share the best valid_loss" in ped_anova(load_run(run.folder)).withheld
    epochs = run.epochs.with_columns(pl.lit(0.5).alias("metric.valid_loss"))
    rewrite(run.folder, run.trials, epochs, dict(run.meta.raw))
    assert ped_anova(load_run(run.folder)).withheld == "every trial has the same valid_loss"


def test_a_quantile_beyond_0_and_1_is_refused(make_run):
    run = plain_run(make_run, lambda c: c["a"], trials=5)
    with pytest.raises(ConfigurationError, match=r"quantile: 1\.0 is not between 0 and 1"):
        ped_anova(run, quantile=1.0)


def test_chance_alone_sets_a_parameter_apart_in_one_run_of_twenty():
    """300 runs in which nothing matters: 5 % of them, within three standard errors."""
    rng = np.random.default_rng(0)
    base = run_of([[float(loss)] for loss in range(46)])
    parameters = tuple(Parameter(name, "space", Float(0.0, 1.0)) for name in ("a", "b", "c"))
    loud = 0
    for seed in range(300):
        places = {f"config.{p.name}": pl.Series(rng.random(46)) for p in parameters}
        run = replace(base, trials=base.trials.with_columns(**places),
                      meta=replace(base.meta, parameters=parameters))  # fmt: skip
        loud += any(not effect.noise for effect in ped_anova(run, seed=seed).effects)
    assert loud / 300 == pytest.approx(0.05, abs=3 * 0.0126)
