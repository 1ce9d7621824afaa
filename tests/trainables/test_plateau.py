"""The schedule against torch's ReduceLROnPlateau."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.schedule import Plateau


@given(
    st.floats(1e-8, 1.0),
    st.sampled_from([0.5, 0.1, 0.9]),
    st.integers(0, 5),
    st.lists(st.sampled_from([0.5, 0.49999, 0.4, 0.6, 1.0, 0.0, 1e-9]), max_size=60),
)
@settings(deadline=None, max_examples=60)
def test_rates_equal_those_of_torch(rate, factor, patience, losses):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience
    )
    schedule = Plateau(rate, factor, patience)
    for loss in losses:
        schedule.observe(loss)
        reference.step(loss)
        assert schedule.at(0) == schedule.rate == optimizer.param_groups[0]["lr"]
        assert (schedule.best, schedule.waited) == (reference.best, reference.num_bad_epochs)


def test_the_fourth_epoch_without_improvement_halves_the_rate():
    schedule = Plateau(0.1)
    rates = []
    for loss in (1.0, 1.0, 1.0, 1.0, 1.0, 0.5):
        schedule.observe(loss)
        rates.append(schedule.rate)
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05]


def test_a_loaded_state_goes_on_alike_and_a_clone_keeps_its_own_rate():
    one = Plateau(0.1)
    for loss in (1.0, 2.0, 2.0, 2.0, 2.0, 2.0):
        one.observe(loss)
    other, clone = Plateau(0.1), Plateau(0.3)
    other.load(one.state(), same_rate=True)
    clone.load(one.state(), same_rate=False)
    assert other == one
    assert (clone.rate, clone.best, clone.waited) == (0.3, 1.0, 1)


def test_a_state_before_any_loss_is_json_and_loads():
    state = Plateau(0.1).state()
    assert state == {"rate": 0.1, "waited": 0, "best": None}
    other = Plateau(0.1)
    other.load(state, same_rate=True)
    assert other == Plateau(0.1)
