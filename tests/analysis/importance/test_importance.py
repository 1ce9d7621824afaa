from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.encoding import full_points
from analysis.fidelity import comparable
from analysis.importance.effects import importance


def shares(found):
    return {effect.name: effect.share for effect in found.effects}


def test_the_planted_order_of_importance_is_found(make_run):
    for seed in range(5):
        found = importance(load_run(make_run(f"run-{seed}", trials=120, seed=seed)))
        assert [effect.name for effect in found.effects[:2]] == ["learning_rate", "hidden_size"]
        assert all(effect.noise for effect in found.effects[2:])
        assert found.r2 > 0.5


def test_a_parameter_that_explains_eighty_percent_is_given_about_that(make_run):
    # Additive: Var(c u) = c^2 / 12 for u uniform, so 2 : 1 in size is 4 : 1 in variance.
    def floor(config):
        rate = (math.log10(config["learning_rate"]) + 4) / 3
        return 1.0 + 2.0 * rate + 1.0 * (config["dropout2"])

    parameters = {
        "learning_rate": {
            "group": "training",
            "kind": "float",
            "low": 1e-4,
            "high": 0.1,
            "log": True,
        },
        "dropout2": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
        "idle": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
    }  # fmt: skip

    def config(rng):
        return {
            "learning_rate": float(10 ** rng.uniform(-4, -1)),
            "dropout2": float(rng.random()),
            "idle": float(rng.random()),
        }

    run = load_run(
        make_run(trials=400, hyperband=False, max_epochs=3, noise=0.001, floor=floor,
                 config=config, parameters=parameters)
    )  # fmt: skip
    found = importance(run)
    assert shares(found)["learning_rate"] == pytest.approx(0.8, abs=0.04)
    assert shares(found)["dropout2"] == pytest.approx(0.2, abs=0.04)
    assert shares(found)["idle"] < 0.01
    assert [effect.noise for effect in found.effects] == [False, False, True]
    assert found.together < 0.05
    for effect, truth in zip(found.effects, (0.8, 0.2, 0.0), strict=True):
        assert abs(effect.share - truth) <= 2 * effect.spread + 0.01
    assert all(pair.noise for pair in found.pairs)


def test_trials_stopped_before_the_compared_epoch_change_nothing(make_run, rewrite):
    folder = make_run(trials=100)
    run = load_run(folder)
    epoch = comparable(run).epoch
    assert epoch > 1
    there = run.epochs.filter(pl.col("epoch") == epoch)["number"].to_list()
    keep = pl.col("number").is_in(there)
    rewrite(folder, run.trials.filter(keep), run.epochs.filter(keep), dict(run.meta.raw))
    assert importance(load_run(folder)).as_dict() == importance(run).as_dict()


def test_results_after_the_compared_epoch_change_nothing(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    epoch = comparable(run).epoch
    later = pl.col("epoch") > epoch
    epochs = run.epochs.with_columns(
        pl.when(later).then(-99.0).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    assert importance(load_run(folder)).as_dict() == importance(run).as_dict()


def test_the_same_run_gives_the_same_numbers(make_run):
    run = load_run(make_run())
    assert (
        importance(run) == importance(run) or importance(run).as_dict() == importance(run).as_dict()
    )


def test_noise_alone_is_withheld_with_the_reason(make_run):
    def floor(config):
        return float(np.random.default_rng(int(config["learning_rate"] * 1e9)).random())

    withheld = 0
    for seed in range(5):
        found = importance(load_run(make_run(f"run-{seed}", floor=floor, seed=seed)))
        if found.withheld:
            withheld += 1
            assert "out-of-bag R2 -" in found.withheld or "R2 0.00" in found.withheld
            assert found.effects == ()
            assert found.words()[0].startswith("cannot tell: the forest predicts no trial")
    assert withheld >= 4


def test_the_child_is_not_credited_with_what_its_condition_does(make_run):
    # One layer is much worse, and only then is dropout inactive; dropout itself does nothing.
    def floor(config):
        return 1.0 if config["num_layers"] == 1 else 0.2

    found = importance(load_run(make_run(trials=150, hyperband=False, max_epochs=3, floor=floor)))
    assert shares(found)["num_layers"] > 0.9
    assert shares(found)["dropout"] < 0.02


def test_inactive_parameters_get_the_same_place_whatever_trials_are_compared(make_run):
    run = load_run(make_run(trials=60))
    points = full_points(run.trials, run.meta.parameters)
    assert np.isfinite(points).all()
    assert ((points >= 0) & (points <= 1)).all()
    some = [3, 17, 40, 59]
    np.testing.assert_array_equal(full_points(run.trials[some], run.meta.parameters), points[some])


def test_one_parameter_explains_everything(make_run):
    parameters = {"x": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0}}
    run = load_run(
        make_run(floor=lambda c: c["x"], config=lambda rng: {"x": float(rng.random())},
                 parameters=parameters)
    )  # fmt: skip
    found = importance(run)
    assert shares(found) == {"x": pytest.approx(1.0)}
    assert not found.effects[0].noise
    assert found.words()[0] == "x matters, the only parameter"


def test_a_maximised_objective_has_the_importance_of_its_negative(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    before = importance(run)
    epochs = run.epochs.with_columns(-pl.col("metric.valid_loss"))
    rewrite(folder, run.trials, epochs, dict(run.meta.raw) | {"mode": "max"})
    after = importance(load_run(folder))
    assert shares(after) == pytest.approx(shares(before))


def test_a_trial_that_nearly_diverged_does_not_become_all_of_the_variance(make_run, rewrite):
    folder = make_run(trials=60)
    run = load_run(folder)
    worst = int(comparable(run).rows[-1])
    epochs = run.epochs.with_columns(
        pl.when(pl.col("number") == worst)
        .then(1e9)
        .otherwise("metric.valid_loss")
        .alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    found = importance(load_run(folder))
    assert found.cut >= 1
    assert found.effects[0].name == "learning_rate"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "no trial has a result"),
        ({"trials": 1}, "only 1 trial can be compared (epoch 27); it takes 10"),
        ({"trials": 9}, "only 9 trials can be compared (epoch 1); it takes 10"),
        ({"trials": 30, "fail": tuple(range(30))}, "only "),
        ({"floor": lambda config: 1.0, "noise": 0.0, "optimum": 18.0}, "every trial has the same"),
        ({"parameters": {"clip": {"group": "training", "kind": "constant", "value": 1.0}}},
         "every parameter is a constant"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_withheld_with_the_reason(make_run, rewrite, changes, reason):
    folder = make_run(**changes)
    run = load_run(folder)
    if "floor" in changes:
        epochs = run.epochs.with_columns(pl.lit(0.5).alias("metric.valid_loss"))
        rewrite(folder, run.trials, epochs, dict(run.meta.raw))
        run = load_run(folder)
    found = importance(run)
    assert found.withheld.startswith(reason)
    assert found.effects == ()


def test_where_promoted_trials_tell_nothing_an_earlier_epoch_with_more_trials_is_used(make_run):
    # What decides at epoch 1 has decided who is promoted; the rest is noise.
    run = load_run(make_run(floor=lambda config: 0.5))
    losses = run.epochs["metric.valid_loss"].to_numpy().copy()
    numbers, epochs = run.epochs["number"].to_numpy(), run.epochs["epoch"].to_numpy()
    rates = dict(zip(run.trials["number"], np.log(run.trials["config.learning_rate"]), strict=True))
    rng = np.random.default_rng(1)
    for row, (number, epoch) in enumerate(zip(numbers, epochs, strict=True)):
        losses[row] = (rates[number] if epoch == 1 else -20.0) + 1e-3 * rng.random()
    planted = replace(run, epochs=run.epochs.with_columns(pl.Series("metric.valid_loss", losses)))
    found = importance(planted)
    assert (found.fidelity.epoch, found.fidelity.trials) == (1, 46)
    assert found.effects[0].name == "learning_rate"
    assert "at epoch 3)" in found.instead
    assert found.words()[-1] == f"later epochs cannot tell: {found.instead}"


FLOATS = {
    name: {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for name in ("a", "b", "c")
}


def flat(make_run, floor, **changes):
    given = {"trials": 300, "hyperband": False, "max_epochs": 1, "noise": 0.02, "jitter": 0.0,
             "parameters": FLOATS, "floor": floor,
             "config": lambda rng: {name: float(rng.random()) for name in FLOATS}}  # fmt: skip
    return load_run(make_run(**given | changes))


def test_an_exclusive_or_is_a_pair_and_no_parameter_alone(make_run):
    found = importance(flat(make_run, lambda c: float((c["a"] > 0.5) ^ (c["c"] > 0.5))))
    first = found.pairs[0]
    assert (first.a, first.b, first.noise) == ("a", "c", False)
    assert first.share > 0.4
    assert first.share > first.chance + first.spread > first.spread
    assert [pair.noise for pair in found.pairs] == [False, True, True]
    assert all(effect.noise for effect in found.effects)
    assert found.words()[0] == f"a x c {first.share:.2f} together, rest below noise alone"


def test_effects_that_only_add_up_name_no_pair(make_run):
    run = flat(make_run, lambda c: 2 * c["a"] + c["b"] ** 2)
    found = importance(run)
    assert [effect.noise for effect in found.effects] == [False, False, True]
    assert all(pair.noise for pair in found.pairs)
    assert " x " not in found.words()[0]


def test_shares_alone_in_pairs_and_of_three_together_make_the_whole(make_run):
    found = importance(flat(make_run, lambda c: c["a"] * c["b"] * c["c"]))
    total = sum(effect.share for effect in (*found.effects, *found.pairs)) + found.together
    assert total == pytest.approx(1.0)
    assert found.together > 0
    assert len(found.pairs) == 3
    pairs = found.as_dict()["pairs"]
    assert [pair["share"] for pair in pairs] == sorted((p["share"] for p in pairs), reverse=True)
    assert set(pairs[0]) == {"a", "b", "share", "spread", "noise", "chance"}


def test_a_forest_of_very_many_trials_is_grown_on_some_and_says_so(make_run, monkeypatch):
    monkeypatch.setattr("analysis.importance.effects.MOST_ROWS", 100)
    run = flat(make_run, lambda c: c["a"])
    found = importance(run)
    assert (found.used, found.fidelity.trials) == (100, 300)
    assert found.words()[1].startswith("at epoch 1, 100 of 300 trials, forest explains 0.9")
    learned = found.learned
    assert learned is not None
    numbers = run.trials["number"].to_numpy()[learned.rows]
    assert len(set(numbers.tolist())) == 100
    # Places and losses are those of the same trials.
    np.testing.assert_allclose(learned.forest.losses, run.curves("valid_loss")[learned.rows, 0])
    np.testing.assert_allclose(
        learned.forest.points[:, 0], run.trials["config.a"].to_numpy()[learned.rows]
    )
    assert importance(run) == found


def test_one_parameter_has_no_pairs_and_two_leave_nothing_for_three(make_run):
    one = {"a": FLOATS["a"]}
    assert importance(flat(make_run, lambda c: c["a"], parameters=one)).pairs == ()
    two = {name: FLOATS[name] for name in "ab"}
    found = importance(flat(make_run, lambda c: c["a"] * c["b"], name="two", parameters=two))
    assert len(found.pairs) == 1
    assert found.together == pytest.approx(0, abs=1e-9)


def test_the_share_of_a_conditional_parameter_is_also_told_where_it_acts(make_run):
    # Dropout is half of the variance where it acts, and acts in three of four configs.
    def floor(config):
        return config["dropout"] if config["dropout"] is not None else 0.0

    found = importance(
        load_run(make_run(trials=200, hyperband=False, max_epochs=1, noise=1e-3, jitter=0.0,
                          floor=floor))
    )  # fmt: skip
    (dropout,) = (effect for effect in found.effects if effect.name == "dropout")
    assert dropout.active == pytest.approx(0.97, abs=0.03)
    assert dropout.share < dropout.active - 0.2
    assert all(e.active is None for e in found.effects if e.name != "dropout")
