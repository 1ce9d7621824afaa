from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.fidelity import full
from analysis.warnings.noise import by_config, rounded, score_noise
from tests.analysis.tabled import run_of


def test_the_noise_of_epochs_is_measured_beside_the_curve(make_run):
    run = load_run(make_run(trials=40, hyperband=False, max_epochs=60, optimum=40, noise=0.02,
                            floor=lambda c: 0.3))  # fmt: skip
    found = score_noise(run, full(run))
    assert found.source == "epochs"
    assert found.epoch_sd == pytest.approx(0.02, rel=0.1)


def test_a_score_varies_as_the_least_of_its_epochs_does(make_run):
    """The curve is known, so 20,000 draws of its noise tell mean and spread of its least."""
    run = load_run(make_run(trials=40, hyperband=False, max_epochs=60, optimum=40, noise=0.02,
                            jitter=0.0, floor=lambda c: 0.3))  # fmt: skip
    x = np.arange(1, 61) / 40
    curve = 0.3 + 0.5 * (x - 1 - np.log(x))
    noise = np.random.default_rng(5).normal(0, 0.02, (20_000, 60))
    least = (curve + noise).min(axis=1)
    found = score_noise(run, full(run))
    assert found.sd == pytest.approx(least.std(), rel=0.2)
    assert found.flattery == pytest.approx(0.3 - least.mean(), rel=0.2)


def test_repeats_of_a_config_say_what_seeds_do(make_run):
    def config(rng):
        return {"x": float(rng.integers(3))}

    run = load_run(make_run(
        trials=300, hyperband=False, max_epochs=3, noise=0.05, jitter=0.0, optimum=3.0,
        config=config, floor=lambda c: 1.0 + c["x"],
        parameters={"x": {"group": "space", "kind": "float", "low": 0.0, "high": 2.0}},
    ))  # fmt: skip
    group = full(run)
    found = score_noise(run, group)
    assert (found.source, found.freedom) == ("repeats", 297)
    scores = run.trials
    squares = [
        float(part["objective"].var(ddof=0)) * len(part) for part in scores.partition_by("config.x")
    ]
    assert found.sd == pytest.approx(np.sqrt(sum(squares) / 297))
    assert [len(places) for places in by_config(run, group)] == [
        len(part) for part in scores.sort("config.x").partition_by("config.x", maintain_order=True)
    ]


def test_copies_with_the_same_seed_are_no_repeats(make_run, rewrite):
    folder = make_run(trials=30, hyperband=False, config=lambda rng: {"x": 1.0},
                      floor=lambda c: 1.0,
                      parameters={"x": {"group": "space", "kind": "float", "low": 0.0,
                                        "high": 2.0}})  # fmt: skip
    run = load_run(folder)
    rewrite(folder, run.trials.with_columns(pl.lit(1).alias("seed")), run.epochs,
            dict(run.meta.raw))  # fmt: skip
    assert score_noise(load_run(folder), full(run)).source == "epochs"


def test_noise_is_unknown_from_few_epochs_without_repeats(make_run):
    run = load_run(make_run(trials=10, hyperband=False, max_epochs=3))
    found = score_noise(run, full(run))
    assert found.sd is None
    assert found.unknown == "no config was repeated, and 3 epochs are too few to see it"


def test_a_single_spike_does_not_make_all_scores_noisy(make_run, rewrite):
    folder = make_run(trials=20, hyperband=False, noise=0.01, floor=lambda c: 0.3)
    run = load_run(folder)
    before = score_noise(run, full(run)).epoch_sd
    spike = (pl.col("epoch") == 20) & (pl.col("number") == int(full(run).rows[0]))
    epochs = run.epochs.with_columns(
        pl.when(spike).then(5.0).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    assert score_noise(load_run(folder), full(run)).epoch_sd == pytest.approx(before, rel=0.3)


def test_a_run_without_parameters_and_without_results_has_no_configs(make_run):
    run = load_run(make_run(trials=3, hyperband=False, max_epochs=2, fail=(0, 1, 2), parameters={}))
    assert by_config(run, full(run)) == []


def test_bad_configs_that_scatter_more_do_not_make_good_ones_noisy(make_run, rewrite):
    """30 configs three times each; the worst 20 scatter a hundred times as much."""
    places = iter([k // 3 for k in range(90)])
    folder = make_run(
        trials=90, hyperband=False, max_epochs=3, noise=0.001, jitter=0.0, optimum=3.0,
        config=lambda rng: {"x": float(next(places))}, floor=lambda c: 1.0 + c["x"],
        parameters={"x": {"group": "space", "kind": "float", "low": 0.0, "high": 30.0}},
    )  # fmt: skip
    run = load_run(folder)
    shift = np.where(run.trials["config.x"].to_numpy() >= 10, 1.0, 0.0)
    shift *= np.random.default_rng(0).normal(0, 0.1, 90)
    rewrite(
        folder,
        run.trials,
        run.epochs.with_columns(
            pl.col("metric.valid_loss") + pl.Series(shift[run.epochs["number"].to_numpy()])
        ),
        dict(run.meta.raw),
    )
    run = load_run(folder)
    found = score_noise(run, full(run))
    assert (found.source, found.freedom) == ("repeats", 20)
    assert 0.0003 < found.sd < 0.002


def test_nothing_is_rounded_to_minus_nought():
    assert [rounded(value, 0.5) for value in (-0.04, 0.04, -0.06)] == ["0.0", "0.0", "-0.1"]


@pytest.mark.parametrize(
    ("raw", "known"), [({"seeds": 4}, True), ({"seeds": 4, "folds": 2}, False)]
)
def test_seeds_of_a_trial_tell_the_noise_of_their_mean(raw, known):
    """Of 4 seeds the mean varies half as much as each; how hard a fold is moves all trials."""
    run = run_of([[0.9, 0.5, 0.6], [0.8, 0.7, 0.55]], raw=raw)
    apart = pl.Series([9.0, 0.3, 9.0, 9.0, 9.0, 0.4])
    run = replace(run, epochs=run.epochs.with_columns(apart.alias("metric.loss_std")))
    found = score_noise(run, full(run))
    if not known:
        assert found.source != "repeats"
        return
    assert (found.source, found.freedom) == ("repeats", 6)
    assert found.sd == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2) / 2)


def test_two_seeds_of_one_trial_are_too_few_to_tell_the_noise():
    run = run_of([[0.9, 0.5, 0.6]], raw={"seeds": 2})
    epochs = run.epochs.with_columns(pl.Series("metric.loss_std", [9.0, 0.3, 9.0]))
    run = replace(run, epochs=epochs)
    assert score_noise(run, full(run)).source != "repeats"
