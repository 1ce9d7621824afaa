"""Both directions against torch's own bidirectional layers on packed sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from searchspaces import (
    Choice,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    LstmSpace,
    RnnSpace,
    SearchSpace,
    Training,
)
from trainables.architectures._recurrent import BothWays, reversed_rows
from trainables.architectures.gru import Gru
from trainables.architectures.lstm import Lstm
from trainables.architectures.rnn import Rnn
from trainables.testing import FACTS

CELLS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
LENGTHS = torch.tensor([7, 1, 4, 9, 9, 2])


def _config(space, **values):
    return JointSpace(space, Training()).validate(
        {"learning_rate": 0.01, "batch_size": 16, **values}
    )


def _twins(cell, layers: int) -> tuple[BothWays, torch.nn.RNNBase]:
    """Layers of ours and torch's bidirectional ones with the same weights."""
    torch.manual_seed(2)
    ours = BothWays(cell, 3, 5, layers, dropout=0.0)
    theirs = cell(3, 5, layers, batch_first=True, bidirectional=True)
    for way, suffix in ((ours.forth, ""), (ours.back, "_reverse")):
        for number, layer in enumerate(way):
            for name, weight in layer.named_parameters():
                getattr(theirs, f"{name[:-1]}{number}{suffix}").data.copy_(weight.data)
    return ours, theirs


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_both_directions_are_those_of_packed_sequences(cell, layers):
    ours, theirs = _twins(cell, layers)
    values = torch.randn(6, 9, 3)
    packed = pack_padded_sequence(values, LENGTHS, batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    last = last[0] if isinstance(last, tuple) else last
    expected, _ = pad_packed_sequence(outputs, batch_first=True)
    forth, back = ours(values, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        found = torch.cat([forth[row, :length], back[row, :length].flip(0)], dim=1)
        torch.testing.assert_close(found, expected[row, :length])
        # What each direction read last: the forward one ends at the end, the other at the start.
        torch.testing.assert_close(forth[row, length - 1], last[-2, row])
        torch.testing.assert_close(back[row, length - 1], last[-1, row])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_both_directions_have_the_gradients_of_packed_sequences(cell):
    ours, theirs = _twins(cell, 2)
    values = torch.randn(6, 9, 3)
    packed = pack_padded_sequence(values, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    torch.autograd.backward(expected.square().sum())
    valid = (torch.arange(9) < LENGTHS.unsqueeze(1)).unsqueeze(2)
    forth, back = ours(values, LENGTHS)
    torch.autograd.backward((torch.cat([forth, back], dim=2) * valid).square().sum())
    for name, weight in ours.forth[0].named_parameters():
        torch.testing.assert_close(weight.grad, getattr(theirs, name).grad, rtol=1e-4, atol=1e-5)
    for name, weight in ours.back[1].named_parameters():
        twin = getattr(theirs, f"{name[:-1]}1_reverse")
        torch.testing.assert_close(weight.grad, twin.grad, rtol=1e-4, atol=1e-5)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=5), st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_reversing_leaves_padding_and_twice_is_nothing(lengths, more):
    steps = max(lengths) + more
    rows = reversed_rows(torch.tensor(lengths), steps).numpy()
    assert (rows[rows] == np.arange(len(rows))).all()
    for row, length in enumerate(lengths):
        own = rows[row * steps : (row + 1) * steps] - row * steps
        assert own.tolist() == [*reversed(range(length)), *range(length, steps)]


@pytest.mark.parametrize("way", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_readout_is_that_of_a_series_alone(way, bidirectional):
    space = GruSpace(num_layers=1, hidden_size=16, bidirectional=bidirectional, readout=way)
    torch.manual_seed(1)
    model = Gru(_config(space), FACTS).eval()
    values = torch.randn(1, 6, FACTS.features)
    lengths = torch.tensor([6])
    if bidirectional:
        forth, _ = model.recurrent.forth[0](values)
        back, _ = model.recurrent.back[0](values.flip(1))
        ends, outputs = [forth[0, -1], back[0, -1]], torch.cat([forth[0], back[0].flip(0)], 1)
    else:
        outputs = model.recurrent(values)[0][0]
        ends = [outputs[-1]]
    summary = {
        "last": torch.cat(ends),
        "mean": outputs.mean(dim=0),
        "max": outputs.max(dim=0).values,
    }[way]
    torch.testing.assert_close(model(values, lengths)[0], model.head(summary))


def test_layers_in_both_directions_drop_out_between_them_only():
    space = LstmSpace(bidirectional=True, readout="last", hidden_size=16)
    values, lengths = torch.randn(2, 5, FACTS.features), torch.tensor([5, 3])
    torch.manual_seed(0)
    two = Lstm(_config(space, num_layers=2, dropout=0.5), FACTS)
    assert two.recurrent.dropout == 0.5
    assert not torch.equal(two(values, lengths), two(values, lengths))
    assert torch.equal(two.eval()(values, lengths), two(values, lengths))
    one = Lstm(_config(space, num_layers=1), FACTS)
    assert torch.equal(one(values, lengths), one(values, lengths))


def test_an_elman_layer_is_its_formula():
    for name, function in (("tanh", torch.tanh), ("relu", torch.relu)):
        space = RnnSpace(nonlinearity=name, bidirectional=False, readout="last")
        torch.manual_seed(3)
        model = Rnn(_config(space, num_layers=1, hidden_size=16), FACTS)
        values = torch.randn(1, 4, FACTS.features)
        w, u, b, c = (weight.detach() for weight in model.recurrent.parameters())
        state = torch.zeros(16)
        for step in values[0]:
            state = function(w @ step + b + u @ state + c)
        torch.testing.assert_close(model(values, torch.tensor([4]))[0], model.head(state))


def test_a_space_of_the_user_s_own_may_leave_direction_and_readout_out():
    class Plain(SearchSpace):
        num_layers: IntParam = Int(1, 2)
        hidden_size: IntParam = 16

    class Mine(Gru):
        space = Plain

    config = _config(Plain(), num_layers=2)
    model = Mine(config, FACTS)
    assert (model.readout, type(model.recurrent)) == ("last", torch.nn.GRU)
    assert Mine.weights(config, FACTS) == sum(weight.numel() for weight in model.parameters())


def test_direction_and_readout_of_the_gru_can_be_searched():
    space = GruSpace(bidirectional=Choice((False, True)), readout=Choice(("last", "mean", "max")))
    drawn = [space.sample(np.random.default_rng(seed)) for seed in range(60)]
    assert {(one["bidirectional"], one["readout"]) for one in drawn} == {
        (way, readout) for way in (False, True) for readout in ("last", "mean", "max")
    }
