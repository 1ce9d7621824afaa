from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.smoothing import fill_gaps, smoother


@settings(deadline=None, max_examples=30)
@given(st.integers(5, 120), st.tuples(*[st.floats(-3, 3)] * 3))
def test_a_quadratic_stays_as_it_is(epochs, coefficients):
    x = np.arange(epochs) / epochs
    curve = np.polyval(coefficients, x)
    np.testing.assert_allclose(smoother(epochs) @ curve, curve, atol=1e-8)


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_a_few_epochs_are_left_alone(epochs):
    np.testing.assert_array_equal(smoother(epochs), np.eye(epochs))


def test_noise_is_reduced_at_every_epoch():
    # The variance of a linear smoother's output is the row's sum of squares (Cleveland 1988).
    variance = (smoother(27) ** 2).sum(axis=1)
    assert variance[5:22].max() < 0.6
    assert variance.max() < 1.0


def test_gaps_are_bridged_and_ends_continued():
    curves = np.array([[np.nan, 1.0, np.nan, 3.0, np.nan], [np.nan] * 5])
    filled = fill_gaps(curves)
    assert filled[0].tolist() == [1.0, 1.0, 2.0, 3.0, 3.0]
    assert np.isnan(filled[1]).all()
