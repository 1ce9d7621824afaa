"""What can be said of a few repeats, against closed forms and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.comparison.statistics import (
    half_width,
    holm,
    mean_ranks,
    p_value,
    rank_interval,
    rank_shares,
)


def test_p_values_are_those_of_scipy() -> None:
    from scipy.stats import ttest_ind, ttest_rel

    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, 6), rng.normal(0.7, 2, 6)
    assert p_value(one, other, paired=True) == pytest.approx(ttest_rel(one, other).pvalue)
    welch = ttest_ind(one[:4], other, equal_var=False).pvalue
    assert p_value(one[:4], other, paired=False) == pytest.approx(welch)


def test_differences_without_scatter_are_counted_not_divided_by_zero() -> None:
    # Of the 2**3 ways to sign three equal differences, two are as extreme.
    one = np.array([0.9, 0.8, 0.7])
    assert p_value(one, one - 0.1, paired=True) == pytest.approx(2 / 8)
    assert p_value(one, one, paired=True) == 1.0
    assert p_value(np.full(3, 1.0), np.full(2, 2.0), paired=False) == 2 / math.comb(5, 2)
    assert p_value(one[:1], one, paired=False) is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_the_interval_of_a_mean_is_students() -> None:
    from scipy.stats import sem, t

    values = np.array([0.1, 0.12, 0.15, 0.09])
    _, high = t.interval(0.95, 3, loc=values.mean(), scale=sem(values))
    assert half_width(values) == pytest.approx(high - values.mean())
    assert np.isnan(half_width(values[:1]))


def test_ranks_share_ties_and_put_what_has_no_score_last() -> None:
    losses = [np.array([[np.nan, 1.0, 1.0]]), np.array([[2.0, 1.0, 2.0]])]
    np.testing.assert_array_equal(mean_ranks(losses, paired=True), [[2, 1.5, 1], [1, 1.5, 2]])


def test_unpaired_ranks_are_those_of_all_ways_to_draw_a_repeat_each() -> None:
    losses = [np.array([[1.0], [3.0]]), np.array([[2.0], [4.0], [0.0]])]
    # 1 beats 2 and 4; 3 beats 4: three wins in six.
    np.testing.assert_allclose(mean_ranks(losses, paired=False)[:, 0], [1.5, 1.5])
    unequal = [losses[0], np.array([[2.0], [4.0], [5.0]])]
    np.testing.assert_allclose(mean_ranks(unequal, paired=False)[:, 0], [1 + 1 / 6, 2 - 1 / 6])


def test_five_wins_in_five_have_jeffreys_interval() -> None:
    from scipy.stats import beta

    finals = [np.arange(5.0), np.arange(5.0) + 1]
    shares = rank_shares(finals, paired=True)
    np.testing.assert_array_equal(shares, [[1, 0], [0, 1]])
    low, high = rank_interval(shares[0], 5) or (0, 0)
    assert low == 1
    assert high == pytest.approx(1 + beta(0.5, 5.5).ppf(0.975), abs=0.02)
    assert rank_interval(shares[0], 1) is None


@pytest.mark.parametrize("paired", [True, False])
def test_equal_strategies_are_called_different_once_in_twenty(*, paired: bool) -> None:
    draws = np.random.default_rng(1).normal(size=(2000, 2, 5))
    sure = np.mean([(p_value(*pair, paired=paired) or 0) < 0.05 for pair in draws])
    assert 0.03 < sure < 0.065
