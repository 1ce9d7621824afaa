"""Normalisation with the statistics of valid training steps."""

from __future__ import annotations

import numpy as np

from trainables.data import Part
from trainables.data.scale import Scale


def test_mean_and_deviation_count_valid_steps_only():
    # by hand: feature 0 has the valid values 1, 3, 5, 7 (mean 4, deviation sqrt(5))
    part = Part.from_series(
        [np.array([[1.0, 2.0]]), np.array([[3.0, 2.0], [5.0, 2.0], [7.0, 2.0]])], [0, 1]
    )
    scale = Scale.of(part)
    np.testing.assert_allclose(scale.mean, [4.0, 2.0])
    np.testing.assert_allclose(scale.deviation, [np.sqrt(5.0), 1.0])  # a constant keeps 1
    values = scale.applied(part).values
    np.testing.assert_allclose(values[1, :, 0], (np.array([3, 5, 7]) - 4) / np.sqrt(5), rtol=1e-6)
    assert not values[:, :, 1].any()
    assert values.dtype == np.float32


def test_padding_stays_exactly_zero_and_the_original_is_untouched():
    draw = np.random.default_rng(0)
    series = [draw.normal(5, 2, size=(n, 3)) for n in (2, 7, 4)]
    part = Part.from_series(series, [0, 1, 0])
    before = part.values.copy()
    scaled = Scale.of(part).applied(part)
    for row, length in enumerate(part.lengths):
        assert not scaled.values[row, length:].any()
        assert not np.signbit(scaled.values[row, length:]).any()
    np.testing.assert_array_equal(part.values, before)
    valid = np.concatenate([scaled.values[r, :n] for r, n in enumerate(part.lengths)])
    np.testing.assert_allclose(valid.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(valid.std(axis=0), 1, atol=1e-6)


def test_a_constant_that_float32_cannot_hold_is_still_constant():
    part = Part.from_series([np.full((1000, 1), 0.1)], [0])
    assert Scale.of(part).deviation.tolist() == [1.0]
    np.testing.assert_allclose(Scale.of(part).applied(part).values, 0, atol=1e-7)
