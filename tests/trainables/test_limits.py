"""Limits on metrics: what a person may write, and where a broken one puts a loss."""

from __future__ import annotations

import itertools
import math
import random
import re

import pytest

from searchspaces import ConfigurationError
from trainables.limits import CEILING, Limit, broken_words, limit, limited, violation


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("weights < 50000", Limit("weights", "<", 50000)),
        ("weights<50_000", Limit("weights", "<", 50000)),
        ("latency_ms <= 5", Limit("latency_ms", "<=", 5)),
        ("  accuracy>= .9 ", Limit("accuracy", ">=", 0.9)),
        ("val/f1 > -1e-3", Limit("val/f1", ">", -0.001)),
    ],
)
def test_a_limit_is_a_metric_a_sign_and_a_number(text, read):
    assert limit(text) == read
    assert limit(str(read)) == read


@pytest.mark.parametrize(
    "text", ["", "weights", "weights <", "< 5", "weights = 5", "weights << 5", "weights < many",
             "weights < 5 < 6", "weights < nan", "weights < 1e999", "5 > weights + 1"],
)  # fmt: skip
def test_what_is_no_limit_is_refused_in_a_line(text):
    line = (
        f"{text!r} is no limit. Write a metric, one of < <= > >=, and a number, such as "
        f"'weights < 50000'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        limit(text)


def test_a_violation_is_the_share_of_the_bound_by_which_it_is_missed():
    assert limit("weights < 50000").violation({"weights": 60000.0}) == pytest.approx(0.2)
    assert limit("accuracy >= 0.8").violation({"accuracy": 0.6}) == pytest.approx(0.25)
    assert limit("gap <= 0").violation({"gap": 0.5}) == 0.5  # a bound of 0: its own unit
    both = [limit("weights < 50000"), limit("accuracy >= 0.8")]
    assert violation(both, {"weights": 60000.0, "accuracy": 0.6}) == pytest.approx(0.45)
    assert violation(both, {"weights": 1.0, "accuracy": 0.9}) == 0


def test_on_its_bound_a_limit_is_broken_only_where_it_says_less_or_more():
    at = {"x": 5.0}
    kept = {text: limit(text).violation(at) == 0 for text in ("x < 5", "x <= 5", "x > 5", "x >= 5")}
    assert kept == {"x < 5": False, "x <= 5": True, "x > 5": False, "x >= 5": True}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_value_that_nobody_knows_breaks_a_limit_more_than_any_number(value):
    unknown = limit("x < 5").violation({"x": value})
    assert unknown >= limit("x < 5").violation({"x": 1e300})
    assert math.isfinite(limited(0.0, unknown))


def test_a_metric_that_is_not_reported_is_named_with_those_that_are():
    with pytest.raises(ConfigurationError) as caught:
        limit("weight < 5").violation({"valid_loss": 1.0, "weights": 4.0})
    assert str(caught.value) == (
        "outcomes: no metric 'weight' is reported. Did you mean 'weights'? Known: valid_loss, "
        "weights. Report it in every epoch, or leave 'weight < 5' out."
    )


def test_kept_limits_come_first_then_the_smaller_violation_whatever_the_losses_are():
    """Deb 2000, section 3: the three rules of a tournament, over 2,000 random pairs."""
    random_ = random.Random(0)
    losses = [0.0, -3.0, 1e-9, 7.5, 1e6, -1e99, 1e99, 1e300, math.inf, -math.inf]
    broken = [0.0, 0.0, 2.0**-40, 1e-3, 0.2, 1.0, 40.0, 1e9, 1e100]
    for _ in range(2000):
        one, other = [(random_.choice(losses), random_.choice(broken)) for _ in range(2)]
        a, b = limited(*one), limited(*other)
        if one[1] != other[1]:
            assert (a < b) == (one[1] < other[1]), (one, other)
        elif one[1] == 0 and max(one[0], other[0]) < CEILING:
            assert (a < b) == (one[0] < other[0])
        else:
            assert one[1] == 0 or a == b


def test_a_loss_that_breaks_a_limit_is_finite_and_nan_stays_nan():
    for loss, broken in itertools.product([-math.inf, 0.0, math.inf], [2.0**-40, 1.0, 1e100]):
        assert CEILING < limited(loss, broken) < math.inf
    assert math.isnan(limited(math.nan, 1.0))
    assert limited(0.25, 0) == 0.25


def test_broken_limits_are_told_with_the_value():
    limits = [limit("weights < 50000"), limit("accuracy >= 0.8"), limit("lat < 1")]
    metrics = {"weights": 61000.0, "accuracy": 0.9, "lat": None}
    assert broken_words(limits, metrics) == "weights 61000, not < 50000; lat unknown, not < 1"
