"""The GRU that skips padding, against torch.nn.GRU and a slow loop in double precision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces import DataFacts, GruSpace, JointSpace, Training
from trainables.architectures.gru import Gru
from trainables.packed_gru import Packing, packed_gru
from trainables.pooling import POOLINGS

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def _series(lengths: list[int], size: int, padding: float = 0.0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(len(lengths))
    values = torch.randn(len(lengths), 9, size, generator=draw)
    values[torch.arange(9) >= torch.tensor(lengths).unsqueeze(1)] = padding
    return values


def _layers(inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> torch.nn.GRU:
    torch.manual_seed(4)
    return torch.nn.GRU(inputs, hidden, layers, batch_first=True, dropout=dropout)


@given(LENGTHS)
@settings(deadline=None, max_examples=60)
def test_rows_lie_step_by_step_the_longest_first(lengths):
    packing = Packing.of(torch.tensor(lengths), 9)
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    expected = [(row, step) for step in range(9) for row in order if step < lengths[row]]
    assert [divmod(row, 9) for row in packing.rows.tolist()] == expected
    place = {cell: index for index, cell in enumerate(expected)}
    assert packing.before.tolist() == [place[row, step - 1] for row, step in expected if step]
    assert packing.last.tolist() == [place[row, lengths[row] - 1] for row in range(len(lengths))]
    longer = [sum(length > step for length in lengths) for step in range(max(lengths))]
    assert packing.sizes == longer


@given(LENGTHS, st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
@settings(deadline=None, max_examples=40)
def test_outputs_and_gradients_are_those_of_torch(lengths, inputs, hidden, layers):
    gru = _layers(inputs, hidden, layers)
    ends = torch.tensor(lengths)
    packing = Packing.of(ends, 9)
    weight = torch.randn(len(lengths), 9, hidden)
    weight[torch.arange(9) >= ends.unsqueeze(1)] = 0.0
    found = []
    for packed in (True, False):
        values = _series(lengths, inputs).requires_grad_()
        gru.zero_grad()
        if packed:
            outputs = packing.padded(packed_gru(gru, values, packing, training=True), 9)
        else:
            outputs, _ = gru(values)
            outputs = outputs.masked_fill((torch.arange(9) >= ends.unsqueeze(1)).unsqueeze(2), 0)
        (outputs * weight).sum().backward()
        found.append([outputs, values.grad, *(one.grad for one in gru.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_finite_differences():
    gru = _layers(2, 3, 2).double()
    packing = Packing.of(torch.tensor([3, 1, 4]), 9)
    values = _series([3, 1, 4], 2).double().requires_grad_()
    weights = [weight.detach().requires_grad_() for weight in gru.parameters()]
    names = [name for name, _ in gru.named_parameters()]

    def run(values, *weights):
        for name, weight in zip(names, weights, strict=True):
            del gru._parameters[name]
            gru._parameters[name] = weight
        return packed_gru(gru, values, packing, training=True)

    assert torch.autograd.gradcheck(run, (values, *weights))


def test_padding_is_never_read():
    gru = _layers(3, 5, 2)
    lengths = [2, 9, 5]
    packing = Packing.of(torch.tensor(lengths), 9)
    clean = packed_gru(gru, _series(lengths, 3), packing, training=False)
    dirty = packed_gru(gru, _series(lengths, 3, float("nan")), packing, training=False)
    assert torch.equal(clean, dirty)


def test_dropout_acts_between_layers_in_training_only():
    gru = _layers(3, 64, 2, dropout=0.5)
    packing = Packing.of(torch.tensor([9] * 8), 9)
    values = _series([9] * 8, 3)
    calm = packed_gru(gru, values, packing, training=False)
    assert torch.equal(calm, packed_gru(gru, values, packing, training=False))
    assert not torch.equal(calm, packed_gru(gru, values, packing, training=True))
    single = _layers(3, 64, 1)
    expected = packed_gru(single, values, packing, training=False)
    assert torch.equal(packed_gru(single, values, packing, training=True), expected)


@pytest.mark.parametrize("readout", ["last", "mean", "max"])
def test_an_architecture_gives_the_logits_of_torchs_layers_for_every_readout(readout):
    space = JointSpace(
        GruSpace(num_layers=2, hidden_size=16, dropout=0.0, readout=readout),
        Training(learning_rate=0.01, batch_size=16),
    )
    model = Gru(space.validate({}), DataFacts(features=3, classes=4, steps=9))
    lengths = torch.tensor([4, 9, 1, 4])
    values = _series(lengths.tolist(), 3)
    outputs, _ = model.recurrent(values)
    expected = model.head(POOLINGS[readout](outputs, lengths))
    torch.testing.assert_close(model(values, lengths), expected, rtol=1e-5, atol=1e-6)
    with torch.inference_mode():
        torch.testing.assert_close(model(values, lengths), expected.detach(), rtol=1e-5, atol=1e-6)
