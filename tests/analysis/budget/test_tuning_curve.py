from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analysis.budget.tail import fit_tail, gains_to_come
from analysis.budget.tuning_curve import tuning_curve
from tests.analysis.tabled import run_of


def scores_of(losses, **changes):
    return run_of([[float(loss)] for loss in losses], **changes)


def test_the_best_of_n_of_uniform_scores_is_one_in_n_plus_1():
    # Scores i / (N + 1): the mean least of n drawn without replacement is exactly 1 / (n + 1).
    found = tuning_curve(scores_of(np.arange(1, 100) / 100))
    so_far = found.counts <= 99
    assert found.expected[so_far] == pytest.approx(1 / (found.counts[so_far] + 1), rel=1e-9)


def test_accuracies_give_the_same_curve_upside_down():
    low = tuning_curve(scores_of(np.arange(1, 100) / 100))
    high = tuning_curve(scores_of(-np.arange(1, 100) / 100, mode="max"))
    so_far = slice(0, int((low.counts <= 99).sum()))
    assert high.expected[so_far] == pytest.approx(-low.expected[so_far])


def test_the_order_of_trials_changes_nothing_but_what_came_late():
    losses = np.random.default_rng(0).random(40)
    one, other = tuning_curve(scores_of(losses)), tuning_curve(scores_of(losses[::-1]))
    assert (one.gain, one.low, one.high) == (other.gain, other.low, other.high)
    assert max(one.late_gain, other.late_gain) == pytest.approx(
        abs(losses[:20].min() - losses[20:].min())
    )


@pytest.mark.parametrize("directions", [2, 4, 8])
def test_gains_to_come_lie_in_their_interval(directions):
    # Losses of a quadratic bowl in d directions: u ** (2 / d).
    rng = np.random.default_rng(1)
    inside, mean, true = [], [], []
    for seed in range(12):
        losses = rng.random(46) ** (2 / directions)
        found = tuning_curve(scores_of(losses), seed=seed)
        least = (rng.random((200, 30)) ** (2 / directions)).min(axis=1)
        gains = np.maximum(losses.min() - least, 0)
        inside.append(((gains >= found.low) & (gains <= found.high)).mean())
        mean.append(found.gain)
        true.append(gains.mean())
    assert np.mean(inside) > 0.9
    assert 1 / 3 < np.mean(mean) / np.mean(true) < 3


def test_k_more_of_n_trials_beat_the_best_k_times_in_n_plus_k():
    tail = fit_tail(np.sort(np.random.default_rng(0).random(50)))
    gains = gains_to_come(tail, np.full(40_000, tail.power), 50, np.array([10, 50]),
                          np.random.default_rng(0))  # fmt: skip
    assert (gains > 0).mean(axis=0) == pytest.approx([10 / 60, 50 / 100], abs=0.01)


def test_the_power_of_a_tail_is_that_of_its_distribution():
    rng = np.random.default_rng(0)
    powers = [fit_tail(np.sort(rng.random(200))).power for _ in range(100)]
    assert np.mean(powers) == pytest.approx(1.0, abs=0.1)
    square = [fit_tail(np.sort(np.sqrt(rng.random(200)))).power for _ in range(100)]
    assert np.mean(square) == pytest.approx(0.5, abs=0.1)


def test_more_trials_gain_more_and_never_less_than_nothing():
    found = tuning_curve(scores_of(np.random.default_rng(2).normal(size=60)))
    beyond = found.counts > 60
    assert (np.diff(found.expected[beyond]) <= 0).all()
    assert found.low == 0
    assert 0 < found.gain < found.high


def test_words_name_gain_cost_and_what_came_late():
    curves = [[loss, loss] for loss in np.linspace(1, 2, 20)]
    words = tuning_curve(run_of([*curves, *([3.0] for _ in range(20))], rungs=(1, 2))).words()
    assert words[0].startswith("30 more trials gain about 0.0")
    assert words[0].endswith("in loss at epoch 2, if they are like those so far")
    # 60 epochs in 40 trials are 1.5 a trial.
    assert words[1] == "they cost about 45 epochs; the last 20 trials gained 0"


def test_stopped_trials_count_as_no_better():
    losses = np.linspace(1, 2, 20)
    ran = tuning_curve(run_of([[x] * 3 for x in losses], rungs=(1, 3)))
    some = tuning_curve(run_of([*([x] * 3 for x in losses), *([9.0] for _ in range(20))],
                               rungs=(1, 3)))  # fmt: skip
    assert (some.trials, some.compared) == (40, 20)
    # Of one draw with a result nothing changes; of many, half as many have one.
    assert some.expected[0] == pytest.approx(ran.expected[0])
    assert some.expected[some.counts == 10][0] > ran.expected[ran.counts == 10][0]
    assert some.gain < ran.gain


def test_a_loss_is_not_expected_below_0_nor_a_share_above_1():
    found = tuning_curve(scores_of(np.linspace(0.001, 1, 12)))
    assert (found.lower >= 0).all()
    rising = tuning_curve(scores_of(np.linspace(0.5, 0.999, 12), mode="max"))
    assert (rising.lower <= 1).all()


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        ([0.5] * 9, "9 trials reached epoch 1, and the tail of their scores needs 10"),
        ([0.5] * 12, "all 12 trials score the same"),
        ([0.0, *np.linspace(0.1, 1, 12)], "the best score, 0, cannot be beaten"),
        ([], "0 trials reached epoch 1, and the tail of their scores needs 10"),
    ],
)
def test_without_ground_it_says_why(losses, reason):
    found = tuning_curve(scores_of(losses))
    assert found.unknown == reason
    assert found.words() == (f"cannot tell whether more trials pay: {reason}",)
    json.dumps(found.as_dict(), allow_nan=False)


def test_scores_after_a_tenth_of_the_epochs_are_not_asked():
    found = tuning_curve(run_of([*([float(k)] for k in range(30)), [1.0] * 27], rungs=(1, 27)))
    assert found.unknown == "1 trial reached epoch 9, and the tail of their scores needs 10"


def test_ties_at_the_best_are_survived():
    found = tuning_curve(scores_of([*[0.5] * 15, *np.linspace(0.6, 1, 5)]))
    assert found.gain is not None
    assert found.gain >= 0


def test_trials_under_way_do_not_count_yet():
    run = scores_of(np.linspace(1, 2, 20))
    states = ["completed"] * 20
    more = run_of([*([x] * 3 for x in np.linspace(1, 2, 20)), [3.0], [3.0]], rungs=(1, 3),
                  states=[*states, "running", "paused"])  # fmt: skip
    assert tuning_curve(more).trials == tuning_curve(run).trials == 20


def test_the_same_run_gives_the_same_answer():
    run = scores_of(np.random.default_rng(0).random(30))
    assert tuning_curve(run).as_dict() == tuning_curve(replace(run)).as_dict()
    assert tuning_curve(run, seed=1).as_dict() != tuning_curve(run).as_dict()


def test_an_unknown_number_of_epochs_is_no_epoch():
    run = scores_of(np.random.default_rng(0).random(30))
    trials = run.trials.with_columns(pl.lit(None, pl.Int64).alias("epochs"))
    assert tuning_curve(replace(run, trials=trials)).epochs == 0


def test_where_no_early_trial_came_as_far_it_is_not_said_that_late_ones_gained_nothing():
    stopped, full = [[3.0] for _ in range(20)], [[x, x] for x in np.linspace(1, 2, 20)]
    late = tuning_curve(run_of([*stopped, *full], rungs=(1, 2)))
    assert late.late_gain is None
    assert late.words()[1] == "they cost about 45 epochs"
    early = tuning_curve(run_of([*full, *stopped], rungs=(1, 2)))
    assert early.late_gain == 0.0
