from __future__ import annotations

import json

import polars as pl
import pytest

from analysis import load_run
from analysis.warnings.ties import _repeats, ties

X = {"x": {"group": "space", "kind": "float", "low": 0.0, "high": 100.0}}


def listed(floors, repeats=1):
    """Configs whose floors are those listed, the first drawn first."""
    order = iter([floor for floor in floors for _ in range(repeats)])
    return {
        "config": lambda rng: {"x": next(order)}, "floor": lambda c: c["x"], "parameters": X,
        "trials": len(floors) * repeats, "hyperband": False, "jitter": 0.0,
    }  # fmt: skip


def test_configs_closer_than_the_noise_are_tied(make_run):
    run = load_run(make_run(noise=0.01, **listed([0.5, 0.3, 0.301, 0.6, 0.302, 0.9])))
    found = ties(run)
    assert set(found.tied) == {1, 2, 4}
    assert found.noise.source == "epochs"
    first, second = found.words()
    assert first == (
        f"trials {found.tied[0]}, {found.tied[1]} and {found.tied[2]} "
        f"cannot be told apart (noise at least {found.noise.sd:.1g})"
    )
    assert "other seeds" in second or "not even 50" in second
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_clear_winner_is_not_spoken_of(make_run):
    found = ties(load_run(make_run(noise=0.01, **listed([0.5, 0.3, 0.7]))))
    assert found.tied == (1,)
    assert found.words() == ()


def test_repeats_part_configs_that_single_runs_do_not(make_run):
    """With 9 runs of each the standard error of a difference is a third."""
    floors, noise = [0.3, 0.305, 0.6], 0.01
    once = ties(load_run(make_run("once", noise=noise, **listed(floors))))
    often = ties(load_run(make_run("often", noise=noise, **listed(floors, repeats=60))))
    assert len(once.tied) == 2
    assert len(often.tied) == 1
    assert (often.noise.source, often.configs) == ("repeats", 3)
    assert once.noise.sd == pytest.approx(often.noise.sd, rel=0.35)


def test_the_number_of_repeats_is_that_of_the_textbook():
    """Two-sided 5 %, power 80 %, a difference of one standard deviation: 16 in each group
    (Lehr, Statistics in Medicine 11 (1992)); half of one: 63."""
    assert _repeats(1.0, 1.0) == 16
    assert _repeats(0.5, 1.0) == 63
    assert _repeats(100.0, 1.0) == 2
    assert _repeats(0.0, 1.0) is None


def test_the_smallest_of_the_tied_is_named(make_run, rewrite):
    folder = make_run(noise=0.01, **listed([0.3, 0.3001, 0.9]))
    run = load_run(folder)
    trials = run.trials.with_columns(pl.Series("weights", [5000, 1234, 10]))
    rewrite(folder, trials, run.epochs, dict(run.meta.raw))
    found = ties(load_run(folder))
    assert found.smallest == 1
    assert "take trial 1, the smallest (1,234 weights)" in found.words()[1]


def test_equal_scores_without_noise_are_said_to_be_equal(make_run, rewrite):
    folder = make_run(trials=4, hyperband=False)
    run = load_run(folder)
    epochs = run.epochs.with_columns(pl.lit(0.5).alias("metric.valid_loss"))
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    found = ties(load_run(folder))
    assert found.words() == (
        "trials 0, 1, 2 and 3 scored exactly the same",
        "take trial 0, the smallest (3,400 weights)",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": 1}, "only 1 trial can be compared"),
        ({"trials": 0}, "no trial ran all 27 epochs"),
        ({"trials": 5, "max_epochs": 1, "hyperband": False},
         "noise unknown: no config was repeated, and 1 epoch is too few to see it"),
        ({"parameters": {}, "trials": 9, "hyperband": False}, "there is only 1 config"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_why(make_run, changes, why):
    found = ties(load_run(make_run(**changes)))
    assert (found.unknown, found.words()) == (why, ())


def test_a_metric_to_maximise_is_tied_alike(make_run):
    floors = [0.5, 0.3, 0.301, 0.9]
    found = ties(load_run(make_run(metric="accuracy", mode="max", noise=0.01, **listed(floors))))
    assert set(found.tied) == {1, 2}


def test_a_config_as_far_behind_as_chance_takes_1_of_20_pairs_is_the_last_that_is_tied(make_run):
    """1.96 standard deviations of the difference of two scores (noise of each times root 2)."""
    run = load_run(make_run(noise=0.01, **listed([0.3 + 0.001 * k for k in range(80)])))
    found = ties(run)
    scores = found.fidelity.scores
    close = scores - scores[0] <= 1.959964 * found.noise.sd * 2**0.5
    assert 5 < len(found.tied) == close.sum() < 60
    assert found.words()[0].startswith(f"the best {len(found.tied)} of 80 trials cannot be told")


def test_repeated_configs_are_counted_as_configs(make_run):
    """8 configs of 3 runs each, within the noise: they are not "all 8 trials" of 24."""
    found = ties(load_run(make_run(noise=0.1, **listed([0.3 + k / 1e4 for k in range(8)], 3))))
    assert len(found.tied) > 4
    assert found.words()[0].startswith(("all 8 configs at epoch 27", "the best "))
    assert "configs cannot be told apart" in found.words()[0].replace(" at epoch 27", "")
