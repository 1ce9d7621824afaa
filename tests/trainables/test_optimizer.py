"""Adam and clipping against torch's own."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.optimizer import Adam


def _models() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    one, other = torch.nn.GRU(3, 8, 2), torch.nn.GRU(3, 8, 2)
    other.load_state_dict(one.state_dict())
    return one, other


def _backward(model: torch.nn.Module, step: int, scale: float = 1.0) -> None:
    values = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(step))
    (model(values)[0].square().sum() * scale).backward()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_steps_equal_those_of_torch_bit_for_bit(scale):
    ours, theirs = _models()
    mine = Adam(ours.named_parameters())
    reference = torch.optim.Adam(theirs.parameters(), lr=0.02, fused=True)
    for step in range(20):
        mine.clear()
        reference.zero_grad()
        _backward(ours, step, scale)
        _backward(theirs, step, scale)
        mine.step(0.02)
        reference.step()
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weight, expected)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_clipping_equals_that_of_torch(scale):
    ours, theirs = _models()
    _backward(ours, 0, scale)
    _backward(theirs, 0, scale)
    norm = Adam(ours.named_parameters()).clip()
    expected = torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    assert norm == pytest.approx(expected.item(), rel=1e-6)
    for weight, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        # torch divides by the norm plus 1e-6
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-5, atol=1e-9)


def test_a_gradient_that_is_not_a_number_is_reported_and_not_scaled():
    ours, _ = _models()
    optimizer = Adam(ours.named_parameters())
    for bad in (math.nan, math.inf):
        _backward(ours, 0)
        next(ours.parameters()).grad[0, 0] = bad
        assert str(optimizer.clip()) == str(bad)
        optimizer.clear()


def test_frozen_and_unused_weights_stay():
    ours, _ = _models()
    weights = dict(ours.named_parameters())
    weights["weight_ih_l0"].requires_grad_(False)
    before = {name: weight.clone() for name, weight in weights.items()}
    optimizer = Adam(ours.named_parameters())
    _backward(ours, 0)
    weights["bias_ih_l1"].grad = None
    optimizer.step(0.1)
    moved = {name for name, weight in weights.items() if not torch.equal(weight, before[name])}
    assert moved == set(weights) - {"weight_ih_l0", "bias_ih_l1"}


def test_a_loaded_state_goes_on_bit_for_bit():
    ours, theirs = _models()
    mine, other = Adam(ours.named_parameters()), Adam(theirs.named_parameters())
    _backward(ours, 0)
    mine.step(0.01)
    theirs.load_state_dict(ours.state_dict())
    other.load({name: tensor.clone() for name, tensor in mine.tensors().items()})
    for model, optimizer in ((ours, mine), (theirs, other)):
        optimizer.clear()
        _backward(model, 1)
        optimizer.step(0.01)
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weight, expected)
