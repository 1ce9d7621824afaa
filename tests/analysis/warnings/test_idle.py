from __future__ import annotations

import json
from dataclasses import replace

import pytest

from analysis import load_run
from analysis.fidelity import full
from analysis.importance.effects import Effect, Importance, PairEffect
from analysis.warnings.idle import idle


@pytest.fixture
def run(make_run):
    return load_run(make_run(trials=60, hyperband=False, max_epochs=9))


def known(run, **changes):
    effects = (
        Effect("learning_rate", 0.8, 0.05, False),
        Effect("hidden_size", 0.1, 0.04, False),
        Effect("dropout", 0.02, 0.01, True),
        Effect("num_layers", 0.02, 0.02, True),
        Effect("batch_size", 0.01, 0.002, True),
    )
    return replace(Importance(full(run), effects, noise=0.05, r2=0.9), **changes)


def test_what_explains_nothing_is_fixed_at_the_best_trials_value(run):
    found = idle(run, known(run))
    best = run.trials[full(run).rows]
    size = best["config.batch_size"][0]
    rate = best["config.dropout"].drop_nulls()[0]
    assert [fixed.name for fixed in found.parameters] == ["dropout", "batch_size"]
    assert found.words() == (
        "dropout and batch_size do not matter here (each at most 0.04 of the variance); fix them:",
        f"--set space.dropout={rate:.3g}",
        f"--set training.batch_size={size}",
    )
    assert found.yaml == (
        f"space:\n  dropout: {rate:.3g}\ntraining:\n  batch_size: {size}"
    )  # fmt: skip
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_small_share_that_beats_noise_or_may_be_larger_is_not_fixed(run):
    effects = (Effect("dropout", 0.02, 0.01, False), Effect("num_layers", 0.02, 0.02, True))
    assert idle(run, known(run, effects=(Effect("learning_rate", 0.9, 0.0, False), *effects))) == (
        idle(run, known(run, effects=(Effect("learning_rate", 0.9, 0.0, False),)))
    )


def test_a_parameter_that_matters_through_another_is_not_fixed(run):
    loud = PairEffect("dropout", "learning_rate", 0.06, 0.02, noise=False, chance=0.01)
    faint = PairEffect("batch_size", "learning_rate", 0.02, 0.02, noise=True, chance=0.02)
    found = idle(run, known(run, pairs=(loud, faint)))
    assert [fixed.name for fixed in found.parameters] == ["batch_size"]


def test_a_sweep_finds_the_parameters_that_do_nothing(make_run):
    from analysis.importance.effects import importance

    run = load_run(make_run(trials=100, hyperband=False))
    names = {fixed.name for fixed in idle(run, importance(run)).parameters}
    assert "batch_size" in names
    assert not names & {"learning_rate", "hidden_size"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"withheld": "every parameter is a constant"}, "every parameter is a constant"),
        ({"r2": 0.3}, "the forest explains 0.30 of the variance; it takes 0.5"),
        ({"effects": (Effect("dropout", 0.01, 0.0, True), Effect("x", 0.5, 0.1, False))},
         "parameters explain 0.49 of the variance only together"),
    ],
)  # fmt: skip
def test_weak_evidence_fixes_nothing_and_says_why(run, changes, why):
    found = idle(run, known(run, **changes))
    assert (found.withheld, found.words(), found.yaml) == (why, (), "")


def test_few_trials_or_early_epochs_fix_nothing(make_run):
    run = load_run(make_run(trials=46))
    few = idle(run, known(run))
    assert few.withheld == f"importance rests on {full(run).trials} trials; it takes 30"
    group = replace(full(load_run(make_run("more", trials=60, hyperband=False))), epoch=8)
    early = idle(run, known(run, fidelity=group))
    assert early.withheld == "importance is known at epoch 8 of 27 only"
