"""The optimizers and clipping against torch's own."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.optimizer import Adam, AdamW, Optimizer, RmsProp, Sgd, optimizer_of

PAIRS = {
    "adam": (Adam, {}, torch.optim.Adam, {"fused": True}),
    "adam, decayed": (
        Adam,
        {"weight_decay": 0.1},
        torch.optim.Adam,
        {"fused": True, "weight_decay": 0.1},
    ),
    "adamw": (AdamW, {}, torch.optim.AdamW, {"fused": True, "weight_decay": 0.0}),
    "adamw, decayed": (
        AdamW,
        {"weight_decay": 0.1},
        torch.optim.AdamW,
        {"fused": True, "weight_decay": 0.1},
    ),
    "sgd": (Sgd, {}, torch.optim.SGD, {"fused": True}),
    "sgd, decayed": (
        Sgd,
        {"weight_decay": 0.1},
        torch.optim.SGD,
        {"fused": True, "weight_decay": 0.1},
    ),
    "sgd, momentum": (Sgd, {"momentum": 0.9}, torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "sgd, nesterov, decayed": (
        Sgd,
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        torch.optim.SGD,
        {"fused": True, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop": (RmsProp, {}, torch.optim.RMSprop, {}),
    "rmsprop, momentum, decayed": (
        RmsProp,
        {"momentum": 0.9, "weight_decay": 0.1},
        torch.optim.RMSprop,
        {"momentum": 0.9, "weight_decay": 0.1},
    ),
}


def _models() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    one, other = torch.nn.GRU(3, 8, 2), torch.nn.GRU(3, 8, 2)
    other.load_state_dict(one.state_dict())
    return one, other


def _backward(model: torch.nn.Module, step: int, scale: float = 1.0) -> None:
    values = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(step))
    (model(values)[0].square().sum() * scale).backward()


def _made(name: str, model: torch.nn.Module) -> Optimizer:
    cls, settings, _, _ = PAIRS[name]
    return cls(model.named_parameters(), **settings)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("name", PAIRS)
def test_steps_equal_those_of_torch_bit_for_bit(name, scale):
    ours, theirs = _models()
    mine = _made(name, ours)
    _, _, cls, settings = PAIRS[name]
    reference = cls(theirs.parameters(), lr=0.02, **settings)
    for step in range(20):
        mine.clear()
        reference.zero_grad()
        _backward(ours, step, scale)
        _backward(theirs, step, scale)
        mine.step(0.02)
        reference.step()
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weight, expected)


@pytest.mark.parametrize(
    ("settings", "cls"),
    [
        ({"optimizer": "adam", "weight_decay": 0.0}, Adam),
        ({"optimizer": "adamw", "weight_decay": 0.0}, AdamW),
        ({"optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.5, "nesterov": True}, Sgd),
        ({"optimizer": "rmsprop", "weight_decay": 0.0, "momentum": 0.5}, RmsProp),
    ],
)
def test_each_name_stands_for_its_optimizer(settings, cls):
    assert type(optimizer_of(_models()[0], settings.__getitem__)) is cls


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("most", [1.0, 0.25])
def test_clipping_equals_that_of_torch(scale, most):
    ours, theirs = _models()
    _backward(ours, 0, scale)
    _backward(theirs, 0, scale)
    norm = Adam(ours.named_parameters()).clip(most)
    expected = torch.nn.utils.clip_grad_norm_(theirs.parameters(), most)
    assert norm == pytest.approx(expected.item(), rel=1e-6)
    for weight, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        # torch divides by the norm plus 1e-6
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-5, atol=1e-9)


def test_a_norm_of_nought_clips_nothing():
    ours, theirs = _models()
    _backward(ours, 0, 1e4)
    _backward(theirs, 0, 1e4)
    assert Adam(ours.named_parameters()).clip(0.0) > 1e3
    for weight, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weight.grad, other.grad)


def test_unscaling_gives_the_gradients_of_the_loss_itself():
    ours, theirs = _models()
    _backward(ours, 0, 1024.0)
    _backward(theirs, 0, 1.0)
    Adam(ours.named_parameters()).unscale(1024.0)
    for weight, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad)


def test_a_gradient_that_is_not_a_number_is_reported_and_not_scaled():
    ours, _ = _models()
    optimizer = Adam(ours.named_parameters())
    for bad in (math.nan, math.inf):
        _backward(ours, 0)
        next(ours.parameters()).grad[0, 0] = bad
        assert str(optimizer.clip(1.0)) == str(bad)
        optimizer.clear()


@pytest.mark.parametrize("name", PAIRS)
def test_frozen_and_unused_weights_stay(name):
    ours, _ = _models()
    weights = dict(ours.named_parameters())
    weights["weight_ih_l0"].requires_grad_(False)
    before = {name: weight.clone() for name, weight in weights.items()}
    optimizer = _made(name, ours)
    _backward(ours, 0)
    weights["bias_ih_l1"].grad = None
    optimizer.step(0.1)
    moved = {name for name, weight in weights.items() if not torch.equal(weight, before[name])}
    assert moved == set(weights) - {"weight_ih_l0", "bias_ih_l1"}


@pytest.mark.parametrize("name", PAIRS)
def test_a_loaded_state_goes_on_bit_for_bit(name):
    ours, theirs = _models()
    mine, other = _made(name, ours), _made(name, theirs)
    for step in range(3):
        mine.clear()
        _backward(ours, step)
        mine.step(0.01)
    theirs.load_state_dict(ours.state_dict())
    other.load({name: tensor.clone() for name, tensor in mine.tensors().items()})
    for model, optimizer in ((ours, mine), (theirs, other)):
        optimizer.clear()
        _backward(model, 3)
        optimizer.step(0.01)
    for weight, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(weight, expected)


def test_a_state_that_lacks_a_tensor_is_refused():
    ours, _ = _models()
    state = Sgd(ours.named_parameters()).tensors()
    with pytest.raises(KeyError, match=r"mean\.weight_ih_l0"):
        Adam(ours.named_parameters()).load(state)
