"""Numbers, times and lists as people read them."""

from __future__ import annotations

import pytest

from orchestrator.cli.view.words import (
    about,
    clock,
    config_items,
    cut,
    ends,
    fold,
    metric,
    numbers,
    plural,
    sparkline,
)


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (0.182, "valid_loss", "0.1820"),
        (0.18203999, "valid_loss", "0.1820"),
        (2.3025851, "valid_loss", "2.303"),
        (1234.5, "valid_loss", "1234"),
        (1.25e31, "valid_loss", "1.25e+31"),
        (0.00012346, "valid_loss", "0.0001235"),
        (0.95149, "accuracy", "0.951"),
        (1.0, "valid_accuracy", "1.000"),
        (0.0, "valid_loss", "0"),
        (None, "valid_loss", "-"),
        (float("nan"), "valid_loss", "-"),
    ],
)
def test_losses_have_four_significant_digits_and_accuracies_three_decimals(value, name, words):
    assert metric(value, name) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.6, "1:00"), (358, "5:58"), (3599, "59:59"), (3600, "1:00:00"), (-3, "0:00")],
)
def test_times_are_minutes_and_seconds(seconds, words):
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "about 10 s"), (42, "about 40 s"), (362, "about 6 min"), (9000, "about 2.5 h")],
)
def test_estimates_are_round(seconds, words):
    assert about(seconds) == words


def test_configs_are_short():
    config = {"layers": 2, "rate": 0.0031234, "batch": 64, "bias": True, "act": "relu"}
    assert config_items(config) == [
        "layers 2", "rate 0.00312", "batch 64", "bias true", "act relu",
    ]  # fmt: skip


def test_counts_agree_with_their_noun():
    assert [plural(1, "trial"), plural(0, "trial"), plural(1200, "epoch")] == [
        "1 trial", "0 trials", "1,200 epochs",
    ]  # fmt: skip


def test_lists_of_trials_end_with_and():
    assert numbers([12]) == "trial 12"
    assert numbers([3, 5, 9]) == "trials 3, 5 and 9"
    assert numbers([1, 2, 3, 4, 5, 6, 7]) == "trials 1, 2, 3, 4, 5 and 2 more"


def test_items_fold_between_and_never_within():
    assert fold(["ab c", "de", "fghij"], 8) == ["ab c  de", "fghij"]
    assert fold(["longer than that"], 8) == ["longer than that"]
    assert fold([], 8) == []


def test_what_has_no_room_at_the_right_goes():
    assert ends("left", "right", 12) == "left   right"
    assert ends("left", "right", 10) == "left"
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


def test_sparklines_span_their_range():
    assert sparkline([8, 7, 6, 5, 4, 3, 2, 1], 8) == "█▇▆▅▄▃▂▁"
    assert sparkline([9, 1, 1, 1, 1], 3) == "█▁▁"
    assert sparkline([2, 2], 8) == "▁▁"
    assert sparkline([], 8) == ""
    assert sparkline([1.0], 0) == ""
