from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from analysis import load_run
from analysis.importance.spearman import spearman
from analysis.warnings.brackets import stages, unpicked
from analysis.warnings.pruning import ordinal, pruning
from tests.analysis.tabled import halved, run_of

RUNGS = (1, 3, 9, 27)
SIZES = (27, 18, 12, 20)


def late_bloomers(trials: int = 77, seed: int = 0) -> np.ndarray:
    """Losses whose level after epoch 9 has nothing to do with that before."""
    rng = np.random.default_rng(seed)
    early, late = rng.permutation(trials) / trials, rng.permutation(trials) / trials
    epochs = np.arange(1, 28)
    return np.where(epochs <= 9, 2 + early[:, None], late[:, None]) - 0.001 * epochs


def parallel(trials: int = 77, seed: int = 0) -> np.ndarray:
    """Losses that fall alike and never cross."""
    levels = np.random.default_rng(seed).permutation(trials) / trials
    return levels[:, None] + np.exp(-np.arange(1, 28) / 9)


def hyperband_of(losses: np.ndarray, kind: str = "hyperband"):
    run = halved(losses, RUNGS, SIZES)
    return replace(run, meta=replace(run.meta, raw={"scheduler": {"kind": kind, "eta": 3}}))


def test_curves_that_never_cross_give_a_correlation_of_1_and_no_words():
    found = pruning(hyperband_of(parallel()))
    assert {a.correlation for a in found.agreements} == {1.0}
    assert not any(standing.ended for standing in found.standings)
    assert found.words() == ()


def test_late_bloomers_are_a_warning_with_its_numbers_and_a_way_out():
    found = pruning(hyperband_of(late_bloomers()))
    assert {a.early for a in found.harmful} == {1, 3, 9}
    assert {a.late for a in found.harmful} == {27}
    first = found.words()[0]
    assert first.startswith("pruning at epoch 1 looks harmful: its ranks agree with epoch 27's")
    assert first.endswith("20 trials)")
    assert found.words()[-1] == "--set scheduler.kind=fifo"


def test_the_advice_names_the_first_rung_that_is_not_harmful():
    rng = np.random.default_rng(3)
    losses = parallel()
    losses[:, 0] = 3 + rng.permutation(len(losses))  # the first epoch alone says nothing
    assert pruning(hyperband_of(losses)).words()[-1] == (
        "--set scheduler.kind=asha --set scheduler.min_epochs=3"
    )
    assert pruning(hyperband_of(losses, "asha")).words()[-1] == "--set scheduler.min_epochs=3"
    assert pruning(hyperband_of(losses, "optuna")).words()[-1] == (
        "let every trial run 3 epochs before any is stopped"
    )


def test_a_winner_that_a_cut_would_have_ended_is_named_with_its_rank():
    # The last bracket never cuts; its trial 57 is the worst of it at first and wins.
    losses = parallel()
    losses[57, :3] = 9.0
    losses[57, 3:] = -1.0
    found = pruning(hyperband_of(losses))
    there = {s.epoch: s for s in found.standings if s.place == 1}
    assert (there[1].number, there[1].rank, there[1].trials, there[1].keeps) == (57, 77, 77, 25)
    # At epoch 3 it meets those that no rung picked before: all brackets but the first.
    assert (there[3].rank, there[3].trials, there[3].ended) == (50, 50, True)
    assert (there[9].rank, there[9].trials, there[9].ended) == (1, 32, False)
    assert found.words() == ()  # one trial may be chance


def test_the_winners_rank_follows_the_warning():
    losses = late_bloomers()
    losses[57, :9] = 9.0
    losses[57, 9:] = -1.0
    words = pruning(hyperband_of(losses)).words()
    assert (
        "the winner, trial 57, was 77th of 77 trials at epoch 1: "
        "a cut to a third there would have ended it"
    ) in words


def test_a_trial_that_its_own_bracket_let_pass_was_not_ended():
    found = pruning(hyperband_of(parallel()))
    passed = [s for s in found.standings if s.passed]
    assert passed
    assert not any(s.ended for s in passed)


def test_trials_picked_at_a_rung_are_no_ground_for_a_verdict():
    # One bracket only: whoever is at epoch 27 was picked three times.
    losses = late_bloomers(270)
    run = halved(losses, RUNGS, (270,))
    found = pruning(run)
    assert all(a.picked for a in found.agreements)
    assert found.harmful == ()
    assert found.words() == ()


def test_agreement_is_measured_on_brackets_that_let_nobody_go():
    run = hyperband_of(late_bloomers())
    assert unpicked(run, 1, 3).sum() == 18 + 12 + 20
    assert unpicked(run, 3, 9).sum() == 12 + 20
    assert np.flatnonzero(unpicked(run, 1, 27)).tolist() == list(range(57, 77))
    agreement = pruning(run).agreements[2]
    assert (agreement.early, agreement.late, agreement.trials) == (1, 27, 20)
    best = np.minimum.accumulate(late_bloomers(), axis=1)[57:]
    assert agreement.correlation == pytest.approx(spearmanr(best[:, 0], best[:, 26])[0])


def test_one_rung_has_nothing_to_say():
    found = pruning(run_of([[1.0, 0.5], [0.9, 0.4]]))
    assert found.unknown
    assert found.words() == ()


@pytest.mark.parametrize("trials", [0, 1, 2, 5])
def test_a_few_trials_raise_no_error_and_no_warning(trials):
    run = halved(parallel(max(trials, 1)), RUNGS, (max(trials, 1),)) if trials else None
    found = pruning(run if run is not None else run_of([], rungs=RUNGS))
    assert found.words() == ()
    json.dumps(found.as_dict(), allow_nan=False)


def test_failed_trials_and_missing_values_are_survived():
    losses = late_bloomers()
    losses[60, :2] = np.nan
    losses[61, 5:] = np.nan
    json.dumps(pruning(hyperband_of(losses)).as_dict(), allow_nan=False)


def test_a_constant_objective_has_no_ranks():
    found = pruning(hyperband_of(np.ones((77, 27))))
    assert {a.correlation for a in found.agreements} == {None}
    assert found.words() == ()


def test_accuracies_rank_the_other_way_round():
    losses = hyperband_of(late_bloomers())
    rising = hyperband_of(late_bloomers())
    column = -rising.epochs["metric.loss"]
    rising = replace(
        rising,
        epochs=rising.epochs.with_columns(column.alias("metric.loss")),
        meta=replace(rising.meta, mode="max"),
    )
    assert pruning(rising).agreements == pruning(losses).agreements


def test_noise_alone_gives_no_alarm(make_run):
    alarms = 0
    for seed in range(6):
        run = load_run(make_run(f"run-{seed}", trials=46, noise=0.05, seed=seed))
        alarms += bool(pruning(run).words())
    assert alarms == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=30))
def test_spearman_is_scipys_ties_included(pairs):
    first, second = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    found = spearman(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
        return
    assert found is not None
    assert found[0] == pytest.approx(spearmanr(first, second)[0], abs=1e-12)
    assert -1 <= found[1] <= found[2] <= 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Two normal scores with a correlation of 0.5: Spearman's is 6/pi asin(0.25) = 0.483.
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        x = rng.normal(size=40)
        found = spearman(x, 0.5 * x + np.sqrt(0.75) * rng.normal(size=40))
        assert found is not None
        inside += found[1] <= 0.483 <= found[2]
    assert 88 <= inside <= 99


def test_many_trials_have_the_interval_of_a_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1_001)
    y = x + rng.normal(size=1_001)
    large, small = spearman(x, y), spearman(x[:1_000], y[:1_000])
    assert large is not None
    assert small is not None
    assert large[1:] == pytest.approx(small[1:], abs=0.02)


def test_stages_count_what_became_of_each_trial():
    run = hyperband_of(parallel())
    first = [(s.epoch, s.entered, s.promoted, s.stopped, s.completed)
             for s in stages(run) if s.first == 1]  # fmt: skip
    assert first == [(1, 27, 9, 18, 0), (3, 9, 3, 6, 0), (9, 3, 1, 2, 0), (27, 1, 0, 0, 1)]
    assert [(s.epoch, s.entered, s.completed) for s in stages(run) if s.first == 27] == [
        (27, 20, 20)
    ]


def test_stages_tell_failed_from_waiting():
    run = run_of(
        [[1.0], [1.0, 0.9], [1.0], [1.0]],
        rungs=(1, 3),
        states=["pruned", "failed", "paused", "failed"],
    )
    one, three = stages(run)
    assert (one.entered, one.promoted, one.stopped, one.failed, one.waiting) == (4, 1, 1, 1, 1)
    assert (three.epoch, three.entered, three.failed) == (3, 1, 1)
    assert stages(run_of([])) == ()


def test_ordinals():
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th",
    ]  # fmt: skip


def test_a_trial_that_failed_or_was_done_early_is_not_one_let_go():
    curves = [[1.0] * 9, [2.0] * 2, [3.0] * 4, [4.0] * 9]
    states = ["completed", "failed", "completed", "completed"]
    run = run_of(curves, rungs=(1, 3, 9), states=states)
    assert unpicked(run, 1, 9).tolist() == [True, False, True, True]
    stopped = run_of(curves, rungs=(1, 3, 9), states=[*states[:2], "pruned", states[3]])
    assert not unpicked(stopped, 1, 9).any()
