from __future__ import annotations

import json
from math import comb

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.warnings.failures import failures
from analysis.warnings.regions import _tail


@pytest.fixture
def failing(make_run, rewrite):
    """A function that writes a run of which the trials chosen fail with the errors given."""

    def make(errors, **changes):
        folder = make_run(**{"trials": 46, "hyperband": False, "max_epochs": 9} | changes)
        run = load_run(folder)
        chosen = errors(run.trials) if callable(errors) else errors
        messages = [chosen.get(number) for number in run.trials["number"]]
        bad = pl.Series([message is not None for message in messages])
        trials = run.trials.with_columns(
            pl.Series("error", messages, dtype=pl.String),
            pl.when(bad).then(pl.lit("failed")).otherwise("state").alias("state"),
        )
        rewrite(folder, trials, run.epochs, dict(run.meta.raw))
        return load_run(folder)

    return make


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        (["loss became nan at epoch 3", "loss became nan at epoch 17"],
         "loss became nan at epoch …"),
        (["loss became nan at epoch 3", "loss became nan at epoch 3"],
         "loss became nan at epoch 3"),
        (["tried to allocate 2.50 GiB of 8GiB", "tried to allocate 512.00 GiB of 8GiB"],
         "tried to allocate … GiB of 8GiB"),
        (["cannot open /tmp/a-1/b.pt: gone", "cannot open /data/x/y/z.pt: gone"],
         "cannot open …: gone"),
        (["trial 7f3a-0017 lost its worker 0x7ffe", "trial 7f3a-0003 lost its worker 0x12ab"],
         "trial … lost its worker …"),
        (["gradient 1e-3 above -2.5", "gradient 2.5e+10 above 7"], "gradient … above …"),
    ],
)  # fmt: skip
def test_messages_that_differ_in_numbers_ids_and_paths_are_one_cause(failing, messages, cause):
    found = failures(failing(dict(zip((4, 9), messages, strict=True))))
    assert found.by_cause == {cause: 2}
    assert found.causes[0].trials == (4, 9)
    assert found.words() == (f"2 of 46 trials failed: {cause}",)


def test_different_causes_stay_apart_the_most_frequent_first(failing):
    run = failing({1: "out of memory", 2: "loss became nan", 3: "loss became nan", 5: None,
                   6: "loss became inf"})  # fmt: skip
    assert failures(run).by_cause == {
        "loss became nan": 2, "loss became inf": 1, "out of memory": 1
    }  # fmt: skip
    assert failures(run).words() == (
        "4 of 46 trials failed: loss became nan (2), loss became inf (1), out of memory (1)",
    )


def high_rates(trials):
    rates = trials.sort("config.learning_rate", descending=True)
    return dict.fromkeys(rates["number"][:7].to_list(), "loss became nan")


def test_the_region_in_which_trials_fail_is_told_with_the_range_that_avoids_it(failing):
    run = failing(high_rates)
    rates = np.sort(run.trials["config.learning_rate"].to_numpy())[::-1]
    found = failures(run)
    region = found.causes[0].region
    assert (region.name, region.side, region.hits, region.inside) == (
        "learning_rate",
        "above",
        7,
        7,
    )
    assert rates[7] < region.value < rates[6]
    assert found.words() == (
        "7 of 46 trials failed: loss became nan",
        f"all 7 trials with learning_rate above {region.value:g} failed so",
        f"--set training.learning_rate.high={region.value:g}",
    )
    assert region.yaml == f"training:\n  learning_rate:\n    high: {region.value:g}"
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_region_may_hold_a_few_trials_that_did_not_fail(failing):
    def errors(trials):
        rates = trials.sort("config.learning_rate", descending=True)["number"].to_list()
        return dict.fromkeys([*rates[:4], *rates[5:7], rates[8]], "loss became nan")

    run = failing(errors, floor=lambda c: 1 + c["learning_rate"])
    region = failures(run).causes[0].region
    assert (region.hits, region.inside, region.of) == (7, 9, 7)
    assert region.words()[0].startswith("7 of the 9 trials with learning_rate above 0.0")


@pytest.mark.parametrize("seed", range(8))
def test_failures_at_random_have_no_region(failing, seed):
    numbers = np.random.default_rng(seed).choice(46, 8, replace=False).tolist()
    assert failures(failing(dict.fromkeys(numbers, "lost"))).causes[0].region is None


def test_two_failures_are_no_pattern(failing):
    def errors(trials):
        rates = trials.sort("config.learning_rate", descending=True)["number"]
        return dict.fromkeys(rates[:2].to_list(), "loss became nan")

    assert failures(failing(errors)).causes[0].region is None


def test_a_value_of_a_choice_that_fails_leaves_the_others(failing):
    parameters = {"act": {"group": "space", "kind": "choice", "values": ["relu", "gelu", "tanh"]}}

    def errors(trials):
        return dict.fromkeys(trials.filter(pl.col("config.act") == "relu")["number"], "diverged")

    names = ["relu", "gelu", "tanh"]
    run = failing(errors, parameters=parameters, floor=lambda c: 1.0,
                  config=lambda rng: {"act": names[rng.integers(3)]})  # fmt: skip
    count = run.trials.filter(pl.col("config.act") == "relu").height
    assert failures(run).words()[1:] == (
        f"all {count} trials with act=relu failed so",
        "--set 'space.act.values=[gelu, tanh]'",
    )


def test_a_range_is_not_narrowed_past_the_best_trial(failing):
    def errors(trials):
        rates = trials.sort("config.learning_rate", descending=True)["number"].to_list()
        return dict.fromkeys(rates[1:10], "loss became nan")

    run = failing(errors, floor=lambda c: 1 - c["learning_rate"])
    region = failures(run).causes[0].region
    assert (region.keeps_winner, region.key, region.yaml) == (False, "", "")
    assert region.words()[0].endswith("failed so, but the best trial is one of them")


def test_the_chance_is_that_of_fishers_exact_test():
    """Fisher's tea: of 8 cups 4 had milk first; all found by chance in 1 of 70, 3 in 17 of 70."""
    assert _tail(8, 4, 4, 4) == pytest.approx(1 / 70)
    assert _tail(8, 4, 4, 3) == pytest.approx(17 / 70)
    assert _tail(46, 7, 9, 7) == pytest.approx(comb(39, 2) / comb(46, 9))


def test_runs_without_errors_or_without_the_column_are_read(make_run, rewrite):
    assert failures(load_run(make_run(trials=4))).words() == ()
    folder = make_run("other", trials=4, fail=(1,))
    run = load_run(folder)
    rewrite(folder, run.trials.drop("error"), run.epochs, dict(run.meta.raw))
    assert failures(load_run(folder)).by_cause == {"unknown reason": 1}
    assert failures(load_run(make_run("none", trials=0))).causes == ()


def test_of_many_causes_the_most_frequent_are_named(failing):
    errors = {number: f"{'abcdefgh'[number]} broke" for number in range(8)} | {20: "a broke"}
    words = failures(failing(errors)).words()
    assert words[0].startswith("9 of 46 trials failed: a broke (2), b broke (1), ")
    assert words[0].endswith(", e broke (1), 3 more causes")


def test_a_pattern_that_one_of_many_causes_shows_by_chance_is_none(failing):
    """Four failures at the greatest rates; 18 more of as many causes, or of nine."""

    def errors(trials, share):
        rates = trials.sort("config.learning_rate", descending=True)["number"].to_list()
        rest = np.random.default_rng(0).choice(rates[8:], 18, replace=False).tolist()
        names = "abcdefghijklmnopqr"
        return dict.fromkeys(rates[:4], "nan") | {
            number: f"{names[place // share]} broke" for place, number in enumerate(rest)
        }

    alone = failures(failing(lambda trials: errors(trials, 1), name="a")).causes[0]
    among = failures(failing(lambda trials: errors(trials, 2), name="b")).causes[0]
    assert (alone.count, among.count) == (4, 4)
    assert alone.region is not None
    assert among.region is None
