"""Readouts against NumPy, one series at a time."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.pooling import last_valid, masked_mean


def _garbage_padded(lengths: list[int]) -> tuple[list[np.ndarray], torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(len(lengths))
    series = [draw.normal(size=(length, 3)).astype(np.float32) for length in lengths]
    values = torch.full((len(lengths), max(lengths) + 2, 3), float("nan"))
    for row, one in enumerate(series):
        values[row, : len(one)] = torch.from_numpy(one)
    return series, values, torch.tensor(lengths)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_the_masked_mean_is_the_mean_of_each_series(lengths):
    series, values, sizes = _garbage_padded(lengths)
    expected = np.stack([one.mean(axis=0) for one in series])
    np.testing.assert_allclose(masked_mean(values, sizes).numpy(), expected, rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_the_last_valid_step_is_the_end_of_each_series(lengths):
    series, values, sizes = _garbage_padded(lengths)
    expected = np.stack([one[-1] for one in series])
    np.testing.assert_array_equal(last_valid(values, sizes).numpy(), expected)
