from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.budget.epoch_optimum import epoch_optimum


def test_the_planted_optimum_lies_in_the_interval_of_nearly_every_run(make_run):
    hits, errors = 0, []
    for seed in range(20):
        found = epoch_optimum(load_run(make_run(f"run-{seed}", seed=seed, optimum=12.0)))
        hits += found.low <= 12 <= found.high
        errors.append(found.epoch - 12)
    assert hits >= 18  # 95 % of 20 is 19
    assert abs(np.mean(errors)) < 0.75
    assert np.abs(errors).max() <= 3


def test_loss_and_accuracy_have_their_own_optimum(make_run):
    found = epoch_optimum(
        load_run(make_run(noise=0.0005, jitter=0.0, optimum=14.0, second_optimum=21.0))
    )
    assert found.second_metric == "accuracy"
    assert (found.epoch, found.second_epoch) == (14, 21)
    assert found.words().startswith("train 14 (")
    assert "accuracy would say 21" in found.words()


def test_when_accuracy_is_the_objective_the_loss_is_the_second_opinion(make_run):
    found = epoch_optimum(
        load_run(make_run(metric="accuracy", mode="max", noise=0.0005, jitter=0.0))
    )
    assert (found.epoch, found.second_epoch) == (22, 18)
    assert "valid_loss would say 18" in found.words()


def test_the_recommendation_ignores_levels_but_each_trial_keeps_its_own_optimum(make_run, rewrite):
    folder = make_run(trials=6, hyperband=False, noise=0.0)
    before = epoch_optimum(load_run(folder))
    run = load_run(folder)
    shifted = run.epochs.with_columns(pl.col("metric.valid_loss") + pl.col("number") * 0.0 + 5.0)
    rewrite(folder, run.trials, shifted, dict(run.meta.raw))
    after = epoch_optimum(load_run(folder))
    assert (after.epoch, after.low, after.high) == (before.epoch, before.low, before.high)
    assert after.trials == before.trials


def test_flat_after_is_the_first_epoch_within_one_standard_error(make_run, rewrite):
    # Three trials whose curves differ by known amounts: the mean falls linearly to epoch 10
    # and is level from there; at epoch 9 it is 0.1 above, the standard error 0.05 * 1/sqrt(3).
    folder = make_run(trials=3, hyperband=False, max_epochs=20, noise=0.0)
    run = load_run(folder)
    epoch = pl.col("epoch")
    level = pl.max_horizontal(10 - epoch, 0) * 0.1 + epoch * 1e-6
    wiggle = (pl.col("number") - 1) * 0.05 * (epoch % 2)
    epochs = run.epochs.with_columns((1 + level + wiggle).alias("metric.valid_loss"))
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    found = epoch_optimum(load_run(folder))
    assert found.flat_after in {9, 10}
    assert found.epoch in range(10, 13)


def test_curves_that_still_fall_are_not_given_an_optimum(make_run):
    found = epoch_optimum(load_run(make_run(optimum=200.0, second_optimum=200.0)))
    assert (found.epoch, found.improving) == (27, True)
    assert found.words() == (
        "train at least 27: valid_loss still improves at the last epoch; try --epochs 54"
    )


def test_pruned_trials_alone_cannot_tell(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    trials = run.trials.with_columns(state=pl.lit("pruned"))
    rewrite(folder, trials, run.epochs.filter(pl.col("epoch") <= 9), dict(run.meta.raw))
    found = epoch_optimum(load_run(folder))
    assert found.epoch is None
    assert found.words() == "cannot tell: no trial ran all 27 epochs (furthest 9)"


@pytest.mark.parametrize("trials", [1, 2])
def test_one_or_two_full_trials_give_no_interval(make_run, trials):
    found = epoch_optimum(load_run(make_run(trials=trials, hyperband=False, noise=0.001)))
    assert (found.low, found.high) == (None, None)
    assert found.words().startswith("train about 1")


def test_one_epoch_has_no_optimum(make_run):
    found = epoch_optimum(load_run(make_run(max_epochs=1, hyperband=False)))
    assert found.words() == "cannot tell: trials of 1 epoch have no optimum; try --epochs 27"


def test_pruned_trials_do_not_change_the_recommendation(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    full = run.epochs.filter(pl.col("epoch") == 27)["number"].to_list()
    before = epoch_optimum(run)
    keep = pl.col("number").is_in(full)
    rewrite(folder, run.trials.filter(keep), run.epochs.filter(keep), dict(run.meta.raw))
    after = epoch_optimum(load_run(folder))
    assert after.as_dict() == before.as_dict()


def test_the_number_of_top_trials_can_be_asked_for(make_run):
    run = load_run(make_run())
    assert len(epoch_optimum(run, top=3).used) == 3
    assert len(epoch_optimum(run, top=50).used) == 8
    assert epoch_optimum(run, top=1).used == epoch_optimum(run, top=50).used[:1]


def test_a_gap_in_a_full_curve_is_bridged(make_run, rewrite):
    folder = make_run(trials=5, hyperband=False, noise=0.001)
    run = load_run(folder)
    hole = (pl.col("number") == 1) & (pl.col("epoch") == 12)
    epochs = run.epochs.with_columns(
        pl.when(hole).then(float("inf")).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    assert epoch_optimum(load_run(folder)).epoch == epoch_optimum(run).epoch


def test_curves_that_never_change_have_no_optimum(make_run, rewrite):
    folder = make_run(trials=5, hyperband=False)
    run = load_run(folder)

    def flat(name):
        epochs = run.epochs.with_columns(pl.lit(0.5).alias(f"metric.{name}"))
        rewrite(folder, run.trials, epochs, dict(run.meta.raw))
        return epoch_optimum(load_run(folder))

    assert flat("valid_loss").words() == "cannot tell: valid_loss is the same after every epoch"
    assert flat("accuracy").second_epoch is None
    assert "accuracy" not in flat("accuracy").words()
