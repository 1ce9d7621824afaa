from __future__ import annotations

import json

import polars as pl
import pytest

from analysis import load_run
from analysis.metrics import train_metric
from analysis.warnings.overfitting import overfitting


def test_validation_that_rises_while_training_falls_is_overfitting(make_run):
    run = load_run(make_run(trials=20, hyperband=False, optimum=14, noise=0.004))
    found = overfitting(run)
    assert found.epoch == pytest.approx(14, abs=1)
    # The curve is floor + 0.5 (x - 1 - ln x) with x = epoch / 14, at 27.
    assert found.rise == pytest.approx(0.5 * (27 / 14 - 1 - 0.6568), abs=0.02)
    assert found.low < 0.136 < found.high
    first, second = found.words()
    assert first.startswith(f"overfitting: from epoch {found.epoch} on training loss falls by 0.")
    assert "while validation loss rises by 0.1" in first
    assert first.endswith("(5 full trials)")
    assert second == f"train fewer epochs (--epochs {found.epoch}), or try more dropout"
    json.dumps(found.as_dict(), allow_nan=False)


def test_the_fall_of_training_and_the_gaps_are_those_of_the_curves(make_run):
    run = load_run(make_run(trials=20, hyperband=False, optimum=14, noise=0.0, jitter=0.0))
    found = overfitting(run, top=1)
    row = int(found.fidelity.rows[0])
    train, valid = run.curves("train_loss")[row], run.curves("valid_loss")[row]
    assert found.fall == pytest.approx(train[13] - train[26], abs=0.003)
    assert found.gaps[0].at_best == pytest.approx(valid[13] - train[13], abs=0.003)
    assert found.gaps[0].at_last == pytest.approx(valid[26] - train[26], abs=0.003)


def test_curves_that_still_improve_are_no_overfitting(make_run):
    found = overfitting(load_run(make_run(trials=20, hyperband=False, optimum=60)))
    assert (found.words(), found.unknown) == ((), "")


@pytest.mark.parametrize("seed", range(6))
def test_noise_alone_is_no_overfitting(make_run, seed):
    """The optimum lies at the last epoch but one; noise makes dips before it."""
    run = load_run(make_run(trials=20, hyperband=False, optimum=25, noise=0.05, seed=seed,
                            floor=lambda c: 0.5))  # fmt: skip
    assert overfitting(run).words() == ()


def test_training_above_validation_as_dropout_makes_it_is_no_overfitting(make_run, rewrite):
    folder = make_run(trials=20, hyperband=False, optimum=14, noise=0.004)
    run = load_run(folder)
    epochs = run.epochs.with_columns(pl.col("metric.train_loss") + 5)
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    found = overfitting(load_run(folder))
    assert found.gap < 0
    assert found.words() == ()


def test_training_that_gets_worse_too_is_no_overfitting(make_run, rewrite):
    folder = make_run(trials=20, hyperband=False, optimum=14, noise=0.004)
    run = load_run(folder)
    epochs = run.epochs.with_columns(pl.col("metric.valid_loss").alias("metric.train_loss") - 0.1)
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    assert overfitting(load_run(folder)).words() == ()


def test_an_accuracy_falls_while_that_of_training_rises(make_run, rewrite):
    folder = make_run(trials=20, hyperband=False, metric="accuracy", mode="max", noise=0.004,
                      second_optimum=14)  # fmt: skip
    run = load_run(folder)
    epochs = run.epochs.with_columns((pl.col("epoch") / 27).alias("metric.train_accuracy"))
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    run = load_run(folder)
    assert train_metric("accuracy", run.metrics) == "train_accuracy"
    found = overfitting(run)
    assert found.fall == pytest.approx((27 - found.epoch) / 27)
    assert "train accuracy rises by 0." in found.words()[0]
    assert "while validation accuracy falls by 0.0" in found.words()[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": 1, "fail": (0,)}, "no trial ran all 27 epochs"),
        ({"max_epochs": 5}, "it takes 6 epochs to see it, not 5"),
        ({"metric": "accuracy", "mode": "max"}, "no accuracy on the training data was reported"),
    ],
)
def test_what_cannot_be_told_says_why(make_run, changes, why):
    found = overfitting(load_run(make_run(**changes)))
    assert (found.unknown, found.words()) == (why, ())
