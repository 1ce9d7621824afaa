from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestRegressor

from analysis import load_run
from analysis.encoding import active_points
from analysis.fidelity import ranking
from analysis.importance.ablation import ablation, predict_where
from analysis.importance.effects import importance
from analysis.importance.fanova import leaf_boxes

PARAMETERS = {
    "a": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
    "b": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
    "kind": {"group": "space", "kind": "choice", "values": ["plain", "deep"]},
    "depth": {"group": "space", "kind": "int", "low": 1, "high": 5, "when": {"kind": ["deep"]}},
}


def config(rng):
    kind = str(rng.choice(["plain", "deep"]))
    return {"a": float(rng.random()), "b": float(rng.random()), "kind": kind,
            "depth": int(rng.integers(1, 6)) if kind == "deep" else None}  # fmt: skip


def floor(config):
    """Deep is worth 1, and its depth up to 1 more; a is worth 2, b is worth 0.5."""
    deep = 0.0 if config["depth"] is None else 1 + (config["depth"] - 1) / 4
    return 5 - deep + 2 * config["a"] + 0.5 * config["b"]


def walked(make_run, **changes):
    given = {
        "trials": 400, "hyperband": False, "max_epochs": 1, "noise": 1e-3, "jitter": 0.0,
        "optimum": 1.0, "parameters": PARAMETERS, "config": config, "floor": floor,
    }  # fmt: skip
    run = load_run(make_run(**given | changes))
    return run, ablation(run, importance(run))


def test_gains_are_the_terms_of_an_additive_function(make_run):
    run, found = walked(make_run)
    winner = ranking(run).rows[0]
    a, b = (float(run.trials[f"config.{name}"][int(winner)]) for name in "ab")
    steps = {step.name: step for step in found.steps}
    # In the middle a = b = 0.5 and "plain": 5 + 1 + 0.25; the child comes with its parent.
    assert found.predicted == pytest.approx(6.25, abs=0.15)
    assert dict(found.default) == {"a": 0.5, "b": 0.5, "kind": "plain"}
    assert list(steps) == ["kind", "a", "b"]
    assert steps["a"].gain == pytest.approx(2 * (0.5 - a), abs=0.2)
    assert steps["b"].gain == pytest.approx(0.5 * (0.5 - b), abs=0.15)
    depth = int(run.trials["config.depth"][int(winner)])
    assert steps["kind"].values == (("kind", "deep"), ("depth", depth))
    assert steps["kind"].gain == pytest.approx(1 + (depth - 1) / 4, abs=0.25)


def test_the_way_ends_at_the_forests_prediction_for_the_winner(make_run):
    run, found = walked(make_run)
    learned = importance(run).learned
    point = active_points(run.trials[ranking(run).rows[:1]], learned.parameters)
    expected = learned.forest.predictions(point)
    assert found.steps[-1].predicted == pytest.approx(expected.mean())
    assert found.steps[-1].low == pytest.approx(np.quantile(expected, 0.025))
    total = found.predicted - found.steps[-1].predicted
    assert sum(step.gain for step in found.steps) == pytest.approx(total)
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert after.gain == pytest.approx(before.predicted - after.predicted)


def test_each_step_is_the_best_of_those_that_are_left(make_run):
    run, found = walked(make_run)
    learned = importance(run).learned
    boxes = learned.boxes
    winner = active_points(run.trials[ranking(run).rows[:1]], learned.parameters)[0]
    # All parameters of the first step by hand: "plain" leaves the depth open.
    here = {0: 0.5, 1: 0.5, 2: 0.25}
    deep = {0: 0.5, 1: 0.5, 2: winner[2], 3: winner[3]}
    tried = [predict_where(boxes, place).mean() for place in (
        here | {0: winner[0]}, here | {1: winner[1]}, deep)]  # fmt: skip
    assert found.steps[0].predicted == pytest.approx(min(tried))


def test_a_prediction_averages_over_what_is_left_open():
    rng = np.random.default_rng(0)
    points = rng.random((60, 3))
    forest = RandomForestRegressor(5, random_state=0).fit(points, points.sum(axis=1))
    boxes = leaf_boxes(forest.estimators_, [None] * 3)
    place = points[7]
    fixed = predict_where(boxes, dict(enumerate(place)))
    single = place[None].astype(np.float32)
    expected = [tree.predict(single)[0] for tree in forest.estimators_]
    np.testing.assert_allclose(fixed, expected)
    # Averaged over the last axis: the mean of predictions at very many places along it.
    along = np.tile(place, (20_000, 1))
    along[:, 2] = (np.arange(20_000) + 0.5) / 20_000
    expected = [tree.predict(along.astype(np.float32)).mean() for tree in forest.estimators_]
    np.testing.assert_allclose(
        predict_where(boxes, {0: place[0], 1: place[1]}), expected, atol=1e-3
    )


def test_corners_of_the_cube_lie_in_a_leaf():
    rng = np.random.default_rng(0)
    points = rng.random((60, 2))
    forest = RandomForestRegressor(5, random_state=0).fit(points, points.sum(axis=1))
    boxes = leaf_boxes(forest.estimators_, [None] * 2)
    for corner in ([0.0, 0.0], [1.0, 1.0], [0.0, 1.0]):
        expected = [tree.predict([corner])[0] for tree in forest.estimators_]
        np.testing.assert_allclose(predict_where(boxes, dict(enumerate(corner))), expected)


def test_a_place_on_the_edge_between_two_leaves_lies_where_the_tree_puts_it():
    grid = np.arange(8) / 8 + 1 / 16
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    forest = RandomForestRegressor(5, random_state=0).fit(points, points.sum(axis=1))
    boxes = leaf_boxes(forest.estimators_, [None] * 2)
    for edge in ([0.5, 0.25], [0.125, 0.875]):
        expected = [tree.predict([edge])[0] for tree in forest.estimators_]
        np.testing.assert_allclose(predict_where(boxes, dict(enumerate(edge))), expected)


def test_a_maximised_objective_gains_upwards(make_run):
    _, low = walked(make_run)
    _, high = walked(make_run, mode="max", floor=lambda c: 10 - floor(c))
    assert [step.name for step in high.steps] == [step.name for step in low.steps]
    assert high.steps[0].gain == pytest.approx(low.steps[0].gain, abs=0.1)
    assert high.steps[-1].predicted > high.predicted
    assert high.steps[0].low <= high.steps[0].predicted <= high.steps[0].high


def test_words_name_the_way_and_its_gains(make_run):
    run, found = walked(make_run)
    winner = int(run.trials["number"][int(ranking(run).rows[0])])
    first, second = found.words()
    assert first.startswith("from the middle of the space (6.")
    assert f"to trial {winner} (" in first
    assert ": kind gains " in first
    assert ", a " in first
    assert second.startswith("predicted at epoch 1; 95 % of the trees say ")


def test_a_child_that_the_winner_leaves_out_is_averaged_over(make_run, rewrite):
    # As in an imported run: nothing says when the depth acts, and the winner has none.
    run, _ = walked(make_run)
    raw = dict(run.meta.raw)
    raw["parameters"] = {
        name: {key: value for key, value in entry.items() if key != "when"}
        for name, entry in raw["parameters"].items()
    }
    winner = int(run.trials["number"][int(ranking(run).rows[0])])
    none = pl.when(pl.col("number") == winner).then(None).otherwise("config.depth")
    rewrite(run.folder, run.trials.with_columns(none.alias("config.depth")), run.epochs, raw)
    changed = load_run(run.folder)
    found = ablation(changed, importance(changed))
    assert "depth" not in [name for step in found.steps for name, _ in step.values]
    assert np.isfinite([step.predicted for step in found.steps]).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "no trial has a result"),
        ({"trials": 5}, "only 5 trials can be compared (epoch 1); it takes 10"),
        ({"parameters": {}}, "every parameter is a constant"),
        ({"floor": lambda c: (c["a"] * 1e6) % 1}, "the forest predicts no trial"),
    ],
)
def test_what_the_forest_cannot_tell_is_withheld(make_run, changes, reason):
    _, found = walked(make_run, **changes)
    assert found.withheld.startswith(reason)
    assert found.steps == ()
    assert found.words() == (f"cannot tell: {found.withheld}",)
    assert found.as_dict()["predicted"] is None


def test_a_winner_in_the_middle_has_no_way_to_go(make_run):
    def only(rng):
        return {"a": float(rng.random()), "b": 0.5, "kind": "plain", "depth": None}

    run, _ = walked(make_run, config=only, floor=lambda c: abs(c["a"] - 0.5))
    middle = run.trials.with_columns(
        pl.when(pl.col("number") == int(run.trials["number"][int(ranking(run).rows[0])]))
        .then(0.5).otherwise("config.a").alias("config.a")
    )  # fmt: skip
    changed = type(run)(run.folder, middle, run.epochs, run.meta)
    found = ablation(changed, importance(changed))
    assert found.withheld.endswith("is the middle of the space")
