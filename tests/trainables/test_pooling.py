"""Readouts against NumPy, one series at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.pooling import POOLINGS, padding

BY_HAND = {
    "last": lambda one: one[-1],
    "mean": lambda one: one.mean(axis=0),
    "max": lambda one: one.max(axis=0),
    "min": lambda one: one.min(axis=0),
    "mean+max": lambda one: np.concatenate([one.mean(axis=0), one.max(axis=0)]),
}


def _garbage_padded(lengths: list[int]) -> tuple[list[np.ndarray], torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(len(lengths))
    series = [draw.normal(size=(length, 3)).astype(np.float32) for length in lengths]
    values = torch.full((len(lengths), max(lengths) + 2, 3), float("nan"))
    for row, one in enumerate(series):
        values[row, : len(one)] = torch.from_numpy(one)
    return series, values, torch.tensor(lengths)


@pytest.mark.parametrize("name", POOLINGS)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_a_pooling_is_that_of_each_series_alone(name, lengths):
    series, values, sizes = _garbage_padded(lengths)
    expected = np.stack([BY_HAND[name](one) for one in series])
    found = POOLINGS[name](values, sizes).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
def test_no_gradient_flows_into_padding(name):
    _, values, sizes = _garbage_padded([2, 5, 1])
    values.requires_grad_()
    torch.autograd.backward(POOLINGS[name](values, sizes).sum())
    behind = padding(sizes, values.shape[1]).expand_as(values)
    assert not values.grad[behind].any()
    assert values.grad[~behind].isfinite().all()


def test_padding_is_what_lies_behind_a_length():
    assert padding(torch.tensor([1, 3]), 3).squeeze(2).tolist() == [
        [False, True, True],
        [False, False, False],
    ]
