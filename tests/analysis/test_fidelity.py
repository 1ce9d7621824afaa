from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from analysis import analyze, load_run
from analysis.budget.epoch_optimum import epoch_optimum
from analysis.fidelity import at_epoch, comparable, ended, full, ranking, reached


def test_the_compared_epoch_is_the_furthest_that_twenty_trials_reached(make_run):
    # HyperBand of 46 trials: 46, 28, 16 and 8 reach epochs 1, 3, 9 and 27.
    run = load_run(make_run())
    assert [int((reached(run) >= epoch).sum()) for epoch in (1, 3, 9, 27)] == [46, 28, 16, 8]
    group = comparable(run)
    assert (group.epoch, group.trials) == (3, 28)
    assert group.reason == "the furthest epoch that at least 20 trials reached"
    assert (comparable(run, 16).epoch, comparable(run, 8).epoch) == (9, 27)


def test_with_few_trials_the_furthest_epoch_that_all_reached_is_taken(make_run):
    group = comparable(load_run(make_run(trials=12)))
    assert (group.epoch, group.trials) == (1, 12)
    assert group.reason == "only 12 trials have results, and all reached it"
    assert comparable(load_run(make_run("one", trials=1))).reason == (
        "only 1 trial has a result, and all reached it"
    )


def test_a_few_trials_that_failed_or_still_run_do_not_hold_the_others_back(make_run, rewrite):
    folder = make_run(trials=12, hyperband=False, fail=(4,))
    run = load_run(folder)
    assert (comparable(run).epoch, comparable(run).trials) == (27, 11)
    live = pl.col("number").is_in([2, 7])
    trials = run.trials.with_columns(state=pl.when(live).then(pl.lit("running")).otherwise("state"))
    rewrite(folder, trials, run.epochs.filter(~live | (pl.col("epoch") <= 2)), dict(run.meta.raw))
    group = comparable(load_run(folder))
    assert (group.epoch, group.trials) == (27, 9)
    assert group.reason == (
        "only 12 trials have results, and all that did not fail or still run reached it"
    )


def test_where_most_trials_still_run_they_are_compared_where_all_of_them_are(make_run, rewrite):
    folder = make_run(trials=12, hyperband=False)
    run = load_run(folder)
    live = pl.col("number") >= 5
    trials = run.trials.with_columns(state=pl.when(live).then(pl.lit("running")).otherwise("state"))
    rewrite(folder, trials, run.epochs.filter(~live | (pl.col("epoch") <= 2)), dict(run.meta.raw))
    assert (comparable(load_run(folder)).epoch, comparable(load_run(folder)).trials) == (2, 12)


def test_scores_are_the_best_up_to_the_compared_epoch_and_no_later_one(make_run):
    run = load_run(make_run())
    group = at_epoch(run, 3, "")
    for row, score in zip(group.rows, group.scores, strict=True):
        values = run.epochs.filter(pl.col("number") == int(row), pl.col("epoch") <= 3)
        assert score == values["metric.valid_loss"].min()
    assert (np.diff(group.scores) >= 0).all()


def test_scores_of_a_maximised_metric_fall(make_run):
    run = load_run(make_run(metric="accuracy", mode="max"))
    group = comparable(run)
    assert (np.diff(group.scores) <= 0).all()
    top = run.epochs.filter(pl.col("epoch") <= group.epoch)["metric.accuracy"].max()
    reached_it = run.epochs.filter(number=int(group.rows[0]))
    assert (
        group.scores[0]
        == reached_it.filter(pl.col("epoch") <= group.epoch)["metric.accuracy"].max()
    )
    assert group.scores[0] <= top


def test_a_trial_is_not_compared_at_an_epoch_where_it_had_no_finite_value(make_run):
    run = load_run(make_run(trials=8, hyperband=False, fail=(2,)))
    assert reached(run).tolist() == [27, 27, 12, 27, 27, 27, 27, 27]
    assert 2 not in full(run).rows


def test_without_a_full_trial_those_that_came_furthest_rank(make_run):
    run = load_run(make_run(trials=3, hyperband=False, fail=(0, 1, 2)))
    assert ranking(run).epoch == 12
    assert ranking(run).reason == "no trial ran all 27 epochs"


@pytest.mark.parametrize("trials", [0, 1])
def test_no_trial_and_one_trial_can_be_asked(make_run, trials):
    run = load_run(make_run(trials=trials))
    assert comparable(run).trials == trials
    assert ranking(run).trials == trials


def cut(folder, rewrite, numbers, last):
    """The same run, but those trials were completed by themselves at epoch ``last``."""
    trials, epochs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs"))
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    early = pl.col("number").is_in(numbers)
    epochs = epochs.filter(~early | (pl.col("epoch") <= last))
    trials = trials.with_columns(epochs=pl.when(early).then(last).otherwise("epochs"))
    rewrite(folder, trials, epochs, meta)
    return load_run(folder)


def test_a_failed_trial_that_came_furthest_is_not_the_best(make_run, rewrite):
    """Trial 0 failed after epoch 12; the sweep was interrupted when the others were at 4."""
    folder = make_run(trials=5, hyperband=False, fail=(0,))
    trials, epochs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs"))
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    others = pl.col("number") > 0
    trials = trials.with_columns(state=pl.when(others).then(pl.lit("running")).otherwise("state"))
    rewrite(folder, trials, epochs.filter(~others | (pl.col("epoch") <= 4)), meta)
    run = load_run(folder)
    assert reached(run).tolist() == [12, 4, 4, 4, 4]
    order = ranking(run)
    assert (order.epoch, order.trials) == (4, 4)
    assert 0 not in order.rows


def test_a_trial_that_was_completed_early_counts_as_one_that_ran_all_epochs(make_run, rewrite):
    before = load_run(make_run(trials=12, hyperband=False, noise=0.0, jitter=0.0, optimum=9.0))
    order = full(before).rows.tolist()
    run = cut(before.folder, rewrite, [0, 3, 5], 20)
    assert set(reached(run)) == {27}
    assert sorted(set(ended(run).tolist())) == [20, 27]
    assert full(run).rows.tolist() == order  # all were at their best at epoch 9
    assert full(run).scores.tolist() == full(before).scores.tolist()
    assert comparable(run).epoch == 27


@pytest.mark.filterwarnings("ignore::UserWarning")  # matplotlib, of few points
def test_when_every_full_trial_ended_early_the_optimum_is_still_found_and_drawn(make_run, rewrite):
    before = load_run(make_run(trials=12, hyperband=False, noise=0.001, optimum=9.0))
    run = cut(before.folder, rewrite, range(12), 14)
    optimum = epoch_optimum(run)
    assert (optimum.full_trials, optimum.unknown) == (12, "")
    assert abs((optimum.epoch or 0) - (epoch_optimum(before).epoch or 0)) <= 1
    analyze(run.folder)
    assert (run.folder / "figures" / "epoch_optimum.png").stat().st_size > 10_000


def test_a_trial_without_a_finite_objective_up_to_the_epoch_is_left_out(make_run, rewrite):
    folder = make_run(hyperband=False, trials=5)
    run = load_run(folder)
    late = (pl.col("number") == 2) & (pl.col("epoch") < 4)
    epochs = run.epochs.with_columns(
        pl.when(late).then(float("nan")).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    run = load_run(folder)
    assert sorted(at_epoch(run, 3, "").rows) == [0, 1, 3, 4]
    assert sorted(at_epoch(run, 4, "").rows) == [0, 1, 2, 3, 4]


def test_where_a_target_stopped_the_sweep_what_reached_it_is_best(make_run, rewrite):
    """As in ``orch best``; it may be far from its last epoch, and worse trials have come there."""
    folder = make_run(trials=12)
    run = load_run(folder)
    early = int(run.trials.filter(epochs=1)["number"][0])
    value = pl.when(number=early).then(-1.0).otherwise("metric.valid_loss")
    epochs = run.epochs.with_columns(value.alias("metric.valid_loss"))
    rewrite(folder, run.trials, epochs, {**run.meta.raw, "limit": "target"})
    analysis = analyze(folder, only=["learning_curves"])
    best = analysis.as_dict()["best"]
    assert (best["number"], best["epoch"], best["of_epochs"]) == (early, 1, None)
    (line,) = [line for line in analysis.lines if line.startswith("best")]
    assert f"trial {early}  valid_loss -1" in line
    assert line.endswith("epoch 1, at the target")
    assert load_run(folder).best().number == early
    rewrite(folder, run.trials, epochs, {**run.meta.raw, "limit": "max_time"})
    assert load_run(folder).best().number != early
