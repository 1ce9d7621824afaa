from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from analysis import load_run
from analysis.fidelity import comparable
from analysis.importance.rank_correlation import MANY, rank_correlations
from analysis.importance.spearman import spearman

PARAMETERS = {
    "up": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
    "down": {"group": "space", "kind": "int", "low": 1, "high": 64, "log": True},
    "valley": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
    "kind": {"group": "space", "kind": "choice", "values": ["x", "y", "z"]},
    "child": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0, "when": {"kind": ["x"]}},
}


def config(rng):
    kind = str(rng.choice(["x", "y", "z"]))
    child = float(rng.random()) if kind == "x" else None
    return {"up": float(rng.random()), "down": int(rng.integers(1, 65)), "kind": kind,
            "valley": float(rng.random()), "child": child}  # fmt: skip


def floor(config):
    child = config["child"] or 0.0
    return config["up"] - config["down"] / 64 + 4 * (config["valley"] - 0.5) ** 2 + child


def found_in(make_run, **changes):
    given = {"trials": 120, "hyperband": False, "max_epochs": 1, "noise": 0.01, "jitter": 0.0,
             "parameters": PARAMETERS, "config": config, "floor": floor}  # fmt: skip
    run = load_run(make_run(**given | changes))
    return run, rank_correlations(run)


def by_name(found):
    return {each.name: each for each in found.parameters}


@pytest.mark.parametrize("trials", [120, MANY + 100])
def test_rho_is_that_of_scipy_and_lies_in_its_interval(make_run, trials):
    run, found = found_in(make_run, trials=trials)
    losses = run.curves("valid_loss")[:, 0]
    for name in ("up", "down", "valley"):
        expected = spearmanr(run.trials[f"config.{name}"].to_numpy(), losses).statistic
        assert by_name(found)[name].rho == pytest.approx(expected)
        assert by_name(found)[name].low <= expected <= by_name(found)[name].high
        assert by_name(found)[name].trials == trials


def test_the_direction_says_which_way_is_better(make_run):
    _, found = found_in(make_run, seed=1)
    directions = {name: each.direction for name, each in by_name(found).items()}
    assert directions == {
        "up": "lower is better",
        "down": "higher is better",
        "valley": "no direction",
        "child": "lower is better",
    }
    assert found.words()[0].startswith("higher is better: down (0.")
    assert "valley" not in " ".join(found.words())


def test_a_conditional_parameter_is_looked_at_where_it_acts_and_choices_are_skipped(make_run):
    run, found = found_in(make_run)
    there = run.trials["config.child"].is_not_null().to_numpy()
    expected = spearmanr(
        run.trials["config.child"].drop_nulls().to_numpy(), run.curves("valid_loss")[there, 0]
    ).statistic
    assert by_name(found)["child"].rho == pytest.approx(expected)
    assert by_name(found)["child"].trials == there.sum()
    assert found.skipped == ("kind",)


def test_intervals_by_formula_and_by_resamples_are_about_as_wide(make_run):
    _, few = found_in(make_run, trials=MANY)
    _, many = found_in(make_run, name="more", trials=MANY + 1)
    for name in ("up", "down"):
        one, other = by_name(few)[name], by_name(many)[name]
        assert one.high - one.low == pytest.approx(other.high - other.low, rel=0.3)


def test_intervals_hold_no_correlation_about_as_often_as_they_say(make_run):
    # Of 3 idle parameters in 20 runs, 5 % is 3; the binomial's 99.9 % quantile is 9.
    wrong = 0
    for seed in range(20):
        _, found = found_in(make_run, name=f"run-{seed}", seed=seed, trials=40,
                            floor=lambda c: (c["up"] * 1e6) % 1)  # fmt: skip
        wrong += sum(each.clear for each in found.parameters if each.name != "child")
    assert wrong <= 9


def test_a_maximised_objective_has_the_same_better_side(make_run, rewrite):
    run, before = found_in(make_run)
    epochs = run.epochs.with_columns(-pl.col("metric.valid_loss"))
    rewrite(run.folder, run.trials, epochs, dict(run.meta.raw) | {"mode": "max"})
    assert rank_correlations(load_run(run.folder)).parameters == before.parameters


def test_trials_are_compared_at_one_epoch(make_run):
    run = load_run(make_run(trials=100))
    group = comparable(run)
    found = rank_correlations(run)
    assert found.fidelity.epoch == group.epoch
    # A long trial's later epochs are better, so that mixing would give another number.
    rate = run.trials["config.learning_rate"].to_numpy()[group.rows]
    expected = spearmanr(rate, group.scores).statistic
    assert by_name(found)["learning_rate"].rho == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "no trial has a result"),
        ({"trials": 3}, "only 3 trials can be compared (epoch 1); it takes 10"),
        ({"parameters": {}}, "every parameter is a constant"),
    ],
)
def test_what_cannot_be_said_is_withheld_with_the_reason(make_run, changes, reason):
    _, found = found_in(make_run, **changes)
    assert found.withheld == reason
    assert found.as_dict()["withheld"] == reason
    assert found.words() == (f"cannot tell: {reason}",)


def test_a_parameter_that_never_varied_or_always_orders_perfectly_is_survived(make_run):
    _, found = found_in(
        make_run, noise=0.0,
        config=lambda rng: config(rng) | {"valley": 0.5, "down": 3, "kind": "y", "child": None},
    )  # fmt: skip
    assert by_name(found)["up"].rho == pytest.approx(1.0)
    assert set(found.skipped) == {"down", "valley", "kind", "child"}
    assert np.isfinite([by_name(found)["up"].low, by_name(found)["up"].high]).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_few_trials_in_perfect_order_are_no_certainty(sign):
    """Of four trials one in 24 orders is perfect by chance; of ten hardly any is."""
    low, high = sorted(sign * end for end in spearman(np.arange(4.0), sign * np.arange(4.0))[1:])
    assert (low < 0, high) == (True, 1.0)
    low, high = sorted(sign * end for end in spearman(np.arange(10.0), sign * np.arange(10.0))[1:])
    assert 0.8 < low < high == 1.0


@pytest.mark.parametrize("trials", [4, 6, 10])
def test_the_interval_covers_the_truth_of_normal_pairs(trials):
    """Pairs that correlate by 0.9 have a Spearman's rho of 6 / pi * asin(0.45)."""
    rng = np.random.default_rng(0)
    truth, inside = 6 / np.pi * np.arcsin(0.45), 0
    for _ in range(200):
        first, other = rng.normal(size=(2, trials))
        _, low, high = spearman(first, 0.9 * first + np.sqrt(1 - 0.81) * other)
        inside += low <= truth <= high
    assert inside / 200 >= 0.9
