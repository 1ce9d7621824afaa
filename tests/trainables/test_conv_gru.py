"""The convolution and the pooling against NumPy, one series at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from searchspaces import ConvGruSpace, JointSpace, Training
from trainables.architectures.conv_gru import ConvGru
from trainables.testing import FACTS

LENGTHS = [1, 2, 3, 5, 9, 12, 12]


def _model(**values) -> ConvGru:
    space = ConvGruSpace(num_layers=1, hidden_size=16, filters=6, **values)
    torch.manual_seed(8)
    config = JointSpace(space, Training()).validate({"learning_rate": 0.01, "batch_size": 16})
    return ConvGru(config, FACTS).eval()


def _by_hand(model: ConvGru, one: np.ndarray) -> np.ndarray:
    """What the GRU reads of one series: (ceil(steps / pooling), filters)."""
    kernels = model.convolution.weight.detach().numpy()  # (filters, features, width)
    bias = model.convolution.bias.detach().numpy()
    reach = kernels.shape[2] // 2
    around = np.pad(one, ((reach, reach), (0, 0)))
    filtered = np.stack(
        [
            np.einsum("wf,kfw->k", around[step : step + kernels.shape[2]], kernels) + bias
            for step in range(len(one))
        ]
    )
    positive = np.maximum(filtered, 0.0)
    starts = range(0, len(one), model.pooling)
    return np.stack([positive[start : start + model.pooling].max(axis=0) for start in starts])


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize(("kernel", "pooling"), [(1, 1), (3, 1), (3, 2), (5, 3), (9, 4), (31, 20)])
def test_each_series_is_filtered_and_pooled_as_if_alone(kernel, pooling, readout):
    model = _model(kernel_size=kernel, pooling=pooling, readout=readout)
    draw = np.random.default_rng(kernel)
    values = torch.full((len(LENGTHS), 12, FACTS.features), float("nan"))
    expected = []
    for row, length in enumerate(LENGTHS):
        one = draw.normal(size=(length, FACTS.features)).astype(np.float32)
        values[row, :length] = torch.from_numpy(one)
        read = _by_hand(model, one)
        assert len(read) == -(-length // pooling)
        outputs, _ = model.recurrent(torch.from_numpy(read.astype(np.float32)).unsqueeze(0))
        summary = outputs[0, -1] if readout == "last" else outputs[0].mean(dim=0)
        expected.append(model.head(summary))
    found = model(values, torch.tensor(LENGTHS))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-5)
