"""Which metric is meant, and how steps become epochs."""

from __future__ import annotations

import pytest

from orchestrator.importing.objective import choose, mode_of
from orchestrator.importing.steps import epochs_of
from searchspaces.errors import UsageError


@pytest.mark.parametrize(
    ("name", "mode"),
    [("val_loss", "min"), ("eval/accuracy", "max"), ("meanAccuracy", "max"), ("RMSE", "min"),
     ("episode_reward_mean", "max"), ("error_score", None), ("x", None), ("accordion", None)],
)  # fmt: skip
def test_a_metrics_name_says_whether_it_is_to_be_small(name, mode):
    assert mode_of(name) == mode


def test_the_one_held_out_loss_is_taken_and_said_to_be_a_guess():
    chosen = choose(["train_loss", "val_loss", "val_acc"])
    assert (chosen.metric, chosen.mode) == ("val_loss", "min")
    assert chosen.how == "guessed among 3 metrics; min guessed from its name"


def test_the_sweeps_own_word_goes_before_a_guess_and_the_persons_before_both():
    names = ["train_loss", "val_loss"]
    assert choose(names, recorded="train_loss").metric == "train_loss"
    assert choose(names, recorded="train_loss", metric="val_loss").how == (
        "as you said; min guessed from its name"
    )
    assert choose(names, recorded="gone").metric == "val_loss"


def test_where_nothing_tells_metrics_apart_they_are_listed():
    with pytest.raises(UsageError) as error:
        choose(["val_acc", "val_f1"], place="a.csv")
    assert str(error.value) == (
        "--metric: a.csv does not say which metric is the objective. Give one of: val_acc, val_f1."
    )


@pytest.mark.parametrize(
    ("steps", "epochs", "words"),
    [
        ([1, 2, 3], [1, 2, 3], ""),
        ([3, 4], [3, 4], ""),
        ([0, 1, 2], [1, 2, 3], "the first step, 0, is epoch 1"),
        ([100, 200, 400], [1, 2, 4], "every 100 steps are an epoch"),
        ([0, 50, 100], [1, 2, 3],
         "every 50 steps are an epoch; the first step, 0, is epoch 1"),
        ([-1, 0, 1], [1, 2, 3], "the first step, -1, is epoch 1"),
        ([0], [1], "the first step, 0, is epoch 1"),
        ([27], [27], ""),
        ([3, 9, 27], [3, 9, 27], ""),
        ([0.5, 1.0, 1.5], [1, 2, 3], "the 3 different steps are numbered in their order"),
        ([1, 99_999], [1, 2], "the 2 different steps are numbered in their order"),
    ],
)  # fmt: skip
def test_steps_become_epochs_from_one(steps, epochs, words):
    found = epochs_of([*steps, *steps])
    assert [found.epochs[step] for step in steps] == epochs
    assert found.words == words
