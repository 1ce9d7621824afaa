"""The schedule against torch's ReduceLROnPlateau."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.plateau import Plateau


@given(
    st.floats(1e-8, 1.0),
    st.lists(st.sampled_from([0.5, 0.49999, 0.4, 0.6, 1.0, 0.0, 1e-9]), max_size=60),
)
@settings(deadline=None, max_examples=60)
def test_rates_equal_those_of_torch(rate, losses):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
    schedule = Plateau(rate)
    for loss in losses:
        schedule.observe(loss)
        reference.step(loss)
        assert schedule.rate == optimizer.param_groups[0]["lr"]
        assert (schedule.best, schedule.waited) == (reference.best, reference.num_bad_epochs)


def test_the_fourth_epoch_without_improvement_halves_the_rate():
    schedule = Plateau(0.1)
    rates = []
    for loss in (1.0, 1.0, 1.0, 1.0, 1.0, 0.5):
        schedule.observe(loss)
        rates.append(schedule.rate)
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05]
