"""Attention against NumPy, one series and one head at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from searchspaces import AttentionGruSpace, JointSpace, Training
from trainables.architectures.attention_gru import AttentionGru
from trainables.testing import FACTS

LENGTHS = [1, 2, 5, 12]


def _model(**values) -> AttentionGru:
    space = AttentionGruSpace(num_layers=1, hidden_size=16, dropout=0.3, **values)
    torch.manual_seed(4)
    config = JointSpace(space, Training()).validate({"learning_rate": 0.01, "batch_size": 16})
    return AttentionGru(config, FACTS)


def _linear(layer: torch.nn.Linear, values: np.ndarray) -> np.ndarray:
    return values @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def _by_hand(model: AttentionGru, outputs: np.ndarray) -> np.ndarray:
    """Section 3.2 of Vaswani et al. on one series' GRU outputs: (steps, size)."""
    size = outputs.shape[1] // model.heads
    query = _linear(model.query, outputs)
    key, value = np.split(_linear(model.key_value, outputs), 2, axis=1)
    heads = []
    for head in range(model.heads):
        own = slice(head * size, (head + 1) * size)
        scores = np.exp(query[:, own] @ key[:, own].T / np.sqrt(size))
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, own])
    total = outputs + _linear(model.attended, np.concatenate(heads, axis=1))
    centred = total - total.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + model.norm.eps)


@pytest.mark.parametrize("readout", ["last", "mean", "max"])
@pytest.mark.parametrize("heads", [1, 2, 8])
def test_each_series_attends_to_its_own_valid_steps_alone(heads, readout):
    model = _model(num_heads=heads, readout=readout).eval()
    values = torch.full((len(LENGTHS), 14, FACTS.features), float("nan"))
    expected = []
    for row, length in enumerate(LENGTHS):
        one = torch.randn(1, length, FACTS.features)
        values[row, :length] = one[0]
        attended = _by_hand(model, model.recurrent(one)[0][0].detach().numpy())
        summary = {
            "last": attended[-1],
            "mean": attended.mean(axis=0),
            "max": attended.max(axis=0),
        }[readout]
        expected.append(_linear(model.head, summary))
    found = model(values, torch.tensor(LENGTHS)).detach().numpy()
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-5)


def test_what_attention_gives_is_dropped_out_while_training():
    model = _model(num_heads=2, readout="last")
    values, lengths = torch.randn(3, 6, FACTS.features), torch.tensor([6, 4, 1])
    assert not torch.equal(model(values, lengths), model(values, lengths))
    assert torch.equal(model.eval()(values, lengths), model(values, lengths))
