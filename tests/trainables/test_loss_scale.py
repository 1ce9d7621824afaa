"""The loss scale against torch's GradScaler, which runs on the CPU too."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables import loss_scale
from trainables.loss_scale import LossScale


@given(st.lists(st.booleans(), max_size=40))
@settings(deadline=None, max_examples=25)
def test_it_grows_and_shrinks_like_that_of_torch(overflows):
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    reference = torch.amp.GradScaler("cpu", growth_interval=3)
    ours = LossScale()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss_scale, "INTERVAL", 3)
        for overflow in overflows:
            optimizer.zero_grad()
            reference.scale(weight.sum() * (float("inf") if overflow else 1.0)).backward()
            reference.step(optimizer)
            reference.update()
            if overflow:
                ours.overflowed()
            else:
                ours.went_well()
            # torch goes below 1, where the network is at fault and not the format
            assert ours.value == max(reference.get_scale(), 1.0) or reference.get_scale() < 1.0


def test_an_overflow_without_any_scale_is_the_networks_fault():
    scale = LossScale(2.0)
    assert [scale.overflowed() for _ in range(3)] == [True, False, False]
    assert scale.value == 1.0


def test_one_that_is_off_stays_at_one_and_is_not_written():
    scale = LossScale.off()
    for _ in range(5000):
        scale.went_well()
    assert (scale.value, scale.overflowed(), scale.state()) == (1.0, False, {})


def test_a_loaded_state_goes_on_alike():
    scale, other = LossScale(), LossScale()
    scale.overflowed()
    scale.went_well()
    other.load(scale.state())
    assert other == scale
    other.load({})  # from a checkpoint in float32
    assert other == scale
