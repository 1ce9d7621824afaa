from __future__ import annotations

import numpy as np
import pytest

from analysis import load_run
from analysis.importance.active_region import active_region
from analysis.importance.effects import importance
from analysis.importance.marginals import marginals

PARAMETERS = {
    "rate": {"group": "training", "kind": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "kind": {"group": "space", "kind": "choice", "values": ["plain", "deep"]},
    "depth": {"group": "space", "kind": "int", "low": 1, "high": 5, "when": {"kind": ["deep"]}},
    "idle": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
}


def config(rng):
    kind = str(rng.choice(["plain", "deep"]))
    return {
        "rate": float(10 ** rng.uniform(-4, -1)),
        "kind": kind,
        "depth": int(rng.integers(1, 6)) if kind == "deep" else None,
        "idle": float(rng.random()),
    }


def floor(config):
    """A valley along the rate; depth halves the loss step by step, from 0 for plain to 2."""
    rate = np.log10(config["rate"]) + 2.5
    return 1 + rate**2 + (0 if config["depth"] is None else (config["depth"] - 1) / 2)


def looked_at(make_run, **changes):
    given = {
        "trials": 400, "hyperband": False, "max_epochs": 1, "noise": 1e-3, "jitter": 0.0,
        "optimum": 1.0, "parameters": PARAMETERS, "config": config, "floor": floor,
    }  # fmt: skip
    run = load_run(make_run(**given | changes))
    found = importance(run)
    return run, found, marginals(run, found)


def by_name(found):
    return {curve.name: curve for curve in found.curves}


def test_a_marginal_is_the_mean_over_all_else_in_closed_form(make_run):
    _, _, found = looked_at(make_run)
    rate = by_name(found)["rate"]
    # E over kind and depth of (depth - 1) / 2 is 1 / 2 where deep is half of the space: 0.5.
    expected = 1 + (rate.at * 3 - 4 + 2.5) ** 2 + 0.5
    inner = (rate.at > 0.05) & (rate.at < 0.95)
    np.testing.assert_allclose(rate.mean[inner], expected[inner], atol=0.2)
    assert np.abs(rate.mean - expected)[inner].mean() < 0.06
    assert (rate.low <= rate.mean).all()
    assert (rate.mean <= rate.high).all()
    assert not rate.grid


def test_a_conditional_parameter_is_averaged_where_it_acts(make_run):
    run, importances, found = looked_at(make_run)
    depth = by_name(found)["depth"]
    assert depth.grid
    np.testing.assert_allclose(depth.at, np.arange(5) / 5 + 0.1)
    # Among deep configs 1 + E[rate^2] + (depth - 1) / 2, with E = 9 / 12 over 3 decades.
    np.testing.assert_allclose(depth.mean, 1.75 + np.arange(5) / 2, atol=0.15)
    deep = int((run.trials["config.kind"] == "deep").sum())
    assert len(depth.places) == len(depth.scores) == deep
    effect = next(effect for effect in importances.effects if effect.name == "depth")
    # Where it acts: V = (0, .5, 1, 1.5, 2).var() = 0.5, beside the rate's 9^2 / 180 = 0.45.
    assert effect.active == pytest.approx(0.5 / 0.95, abs=0.06)
    assert effect.share < 0.5 * effect.active
    assert all(e.active is None for e in importances.effects if e.name != "depth")


def test_the_best_value_of_each_parameter_above_noise_is_named(make_run):
    _, _, found = looked_at(make_run)
    best = dict(found.best)
    assert best["depth"] == 1
    assert best["kind"] == "plain"
    assert best["rate"] == pytest.approx(10**-2.5, rel=0.5)
    assert "idle" not in best
    (line,) = found.words()
    assert line.startswith("best with all else averaged: ")
    assert "kind plain" in line


def test_curves_come_in_the_order_of_importance(make_run):
    _, importances, found = looked_at(make_run)
    assert [c.name for c in found.curves] == [e.name for e in importances.effects]
    assert found.trials == 400
    assert found.epoch == 1


def test_a_maximised_objective_keeps_its_sign(make_run):
    _, _, low = looked_at(make_run)
    _, _, high = looked_at(make_run, mode="max", metric="valid_loss",
                           floor=lambda c: 6 - floor(c))  # fmt: skip
    assert dict(high.best)["depth"] == dict(low.best)["depth"] == 1
    assert by_name(high)["depth"].mean[0] > by_name(high)["depth"].mean[-1]
    assert (by_name(high)["rate"].low <= by_name(high)["rate"].high).all()


def test_scores_belong_to_their_places(make_run):
    run, _, found = looked_at(make_run, trials=80)
    rate = by_name(found)["rate"]
    expected = {
        round(float(place), 9): score
        for place, score in zip(
            run.meta.parameters[0].to_unit(run.trials["config.rate"]),
            run.curves("valid_loss")[:, 0],
            strict=True,
        )
    }
    for place, score in zip(rate.places, rate.scores, strict=True):
        assert score == pytest.approx(expected[round(float(place), 9)])


def test_what_importance_withholds_is_withheld(make_run):
    run = load_run(make_run(trials=5))
    found = marginals(run, importance(run))
    assert found.withheld.startswith("only 5 trials")
    assert found.curves == ()
    assert found.words() == (f"cannot tell: {found.withheld}",)
    assert found.as_dict()["curves"] == []


def test_the_region_of_a_parameter_follows_its_ancestors(make_run):
    chain = {
        "a": {"group": "space", "kind": "int", "low": 1, "high": 4},
        "b": {"group": "space", "kind": "choice", "values": ["x", "y"], "when": {"a": [2, 3]}},
        "c": {"group": "space", "kind": "float", "low": 0, "high": 1, "when": {"b": ["y"]}},
        "fixed": {"group": "space", "kind": "constant", "value": 1},
        "d": {"group": "space", "kind": "float", "low": 0, "high": 1,
              "when": {"fixed": [1], "a": [1, 2, 3, 4]}},
        "e": {"group": "space", "kind": "float", "low": 0, "high": 1,
              "when": {"b": ["x"], "a": [3, 4]}},
    }  # fmt: skip

    def draw(rng):
        return {"a": 2, "b": "y", "c": float(rng.random()), "d": 0.5, "e": None, "fixed": 1}

    parameters = load_run(make_run(trials=2, parameters=chain, config=draw,
                                   floor=lambda c: c["c"])).meta.parameters  # fmt: skip
    assert [p.name for p in parameters] == ["a", "b", "c", "d", "e"]
    assert active_region(parameters, 0) == {}
    region = active_region(parameters, 2)
    assert region[0][1].tolist() == [False, True, True, False]
    assert region[1][1].tolist() == [False, True]
    np.testing.assert_allclose(region[0][0], [0, 0.25, 0.5, 0.75, 1])
    assert active_region(parameters, 3) == {}  # all values of "a", and a constant
    both = active_region(parameters, 4)  # "a" activates "b" by 2 and 3, and "e" by 3 and 4
    assert both[0][1].tolist() == [False, False, True, False]
    assert both[1][1].tolist() == [True, False]
