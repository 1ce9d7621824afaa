"""Advice on imported runs and on studies: in words, since no ``orch sweep`` takes options."""

from __future__ import annotations

import pytest

from analysis import analyze, load_run
from analysis.advice import in_words
from analysis.warnings.settings import option


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (option("space.hidden_size.high", 512), "search hidden_size up to 512"),
        (option("training.learning_rate.low", 1e-5), "search learning_rate from 1e-5 on"),
        (option("space.model/h.high", 128), "search model/h up to 128"),
        (option("space.model.lr.high", 0.2), "search model.lr up to 0.2"),
        (option("space.act.values", ("relu", "tanh")), "search act in [relu, tanh]"),
        (option("space.optimizer", "sgd"), "optimizer sgd"),
        (option("space.pool", "mean max"), 'pool "mean max"'),
        ("try --trials 34, or narrow the space", "try 34 trials, or narrow the space"),
        ("still improves; try --epochs 12", "still improves; try 12 epochs"),
        ("train fewer (--epochs 9), or try dropout", "train fewer (9), or try dropout"),
        ("at epoch 9, 46 trials", "at epoch 9, 46 trials"),
    ],
)  # fmt: skip
def test_options_become_words(typed, words):
    assert in_words(typed) == words


@pytest.mark.parametrize("said", [{"imported": {"from": "csv"}}, {"architecture": "ask"}])
def test_no_option_is_advised_where_no_sweep_takes_it(make_run, rewrite, said):
    folder = make_run(trials=300, seed=2)
    assert any(
        "--set space.hidden_size.high=512" in line for line in analyze(folder, only=[]).lines
    )
    run = load_run(folder)
    rewrite(folder, run.trials, run.epochs, {**run.meta.raw, **said})
    found = analyze(folder, only=[])
    assert "            search hidden_size up to 512" in found.lines
    assert not [line for line in (*found.lines, *found.as_dict()["look_out"]) if "--" in line]


def test_one_value_a_trial_is_no_reason_to_train_longer(make_run, rewrite):
    folder = make_run(trials=20, max_epochs=1)
    line = "epochs    cannot tell: trials of 1 epoch have no optimum"
    assert f"{line}; try --epochs 27" in analyze(folder, only=[]).lines
    run = load_run(folder)
    rewrite(folder, run.trials, run.epochs, {**run.meta.raw, "imported": {"from": "csv"}})
    assert line in analyze(folder, only=[]).lines
