"""Convolutions over images against NumPy, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from searchspaces import CnnSpace, DataFacts, JointSpace, Training
from trainables.architectures.cnn import Cnn


def _model(facts: DataFacts, **values) -> Cnn:
    torch.manual_seed(6)
    space = JointSpace(CnnSpace(dropout=0.4, filters=8), Training())
    training = {"learning_rate": 0.01, "batch_size": 16}
    return Cnn(space.validate({**training, **values}, facts), facts).eval()


def _by_hand(model: Cnn, image: np.ndarray) -> np.ndarray:
    """Logits of one image: (rows, columns, channels)."""
    maps = image
    for block in model.blocks:
        kernels = block.weight.detach().numpy()  # (filters, channels, width, width)
        reach = kernels.shape[2] // 2
        around = np.pad(maps, ((reach, reach), (reach, reach), (0, 0)))
        windows = sliding_window_view(around, kernels.shape[2:], axis=(0, 1))
        filtered = np.einsum("rcxij,kxij->rck", windows, kernels) + block.bias.detach().numpy()
        rows, columns = filtered.shape[0] // 2, filtered.shape[1] // 2
        cut = filtered[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, -1)
        maps = np.maximum(cut, 0.0).max(axis=(1, 3))
    weight, bias = (one.detach().numpy() for one in model.head.parameters())
    return maps.mean(axis=(0, 1)) @ weight.T + bias


@pytest.mark.parametrize(
    ("rows", "columns", "channels", "depth", "kernel"),
    [(8, 8, 1, 3, 3), (28, 28, 1, 4, 5), (9, 6, 2, 2, 3), (5, 12, 3, 1, 7)],
)
def test_rows_are_steps_and_channels_lie_side_by_side(rows, columns, channels, depth, kernel):
    facts = DataFacts(features=columns * channels, classes=3, steps=rows, channels=channels)
    model = _model(facts, depth=depth, kernel_size=kernel)
    images = np.random.default_rng(1).normal(size=(2, rows, columns, channels)).astype(np.float32)
    series = torch.from_numpy(images.reshape(2, rows, columns * channels))
    found = model(series, torch.tensor([rows, rows])).detach().numpy()
    expected = np.stack([_by_hand(model, image) for image in images])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_every_block_drops_out_while_training():
    facts = DataFacts(features=8, classes=3, steps=8, channels=1)
    model = _model(facts, depth=2, kernel_size=3)
    values, lengths = torch.randn(4, 8, 8), torch.full((4,), 8)
    assert torch.equal(model(values, lengths), model(values, lengths))
    model.train()
    assert not torch.equal(model(values, lengths), model(values, lengths))
