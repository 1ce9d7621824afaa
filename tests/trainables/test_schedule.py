"""Schedules against torch's, stepped from batch to batch."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.errors import ConfigurationError
from trainables.schedule import Constant, Cosine, OneCycle, Plateau, schedule_of

SETTINGS = {
    "learning_rate": 0.1,
    "plateau_factor": 0.2,
    "plateau_patience": 7,
    "cosine_floor": 0.25,
    "warmup": 0.4,
}


def _rates_of_torch(make, rate: float, batches: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = make(optimizer)
    rates = []
    for _ in range(batches):
        rates.append(optimizer.param_groups[0]["lr"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            schedule.step()
    return rates


@given(st.floats(1e-5, 1.0), st.integers(1, 200), st.sampled_from([0.0, 0.1, 0.9]))
@settings(deadline=None, max_examples=40)
def test_the_cosine_is_that_of_torch(rate, batches, floor):
    expected = _rates_of_torch(
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=batches, eta_min=rate * floor
        ),
        rate,
        batches,
    )
    schedule = Cosine(rate, batches, floor)
    # torch multiplies from step to step, so its rounding adds up
    assert [schedule.at(batch) for batch in range(batches)] == pytest.approx(
        expected, rel=1e-6, abs=1e-9 * rate
    )


@given(st.floats(1e-5, 1.0), st.integers(12, 200), st.sampled_from([0.1, 0.3, 0.8, 0.95, 0.99]))
@settings(deadline=None, max_examples=40)
def test_one_cycle_is_that_of_torch(rate, batches, warmup):
    expected = _rates_of_torch(
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=batches + 1, pct_start=warmup, cycle_momentum=False
        ),
        rate,
        batches + 1,
    )
    schedule = OneCycle(rate, batches + 1, warmup)
    assert [schedule.at(batch) for batch in range(batches + 1)] == pytest.approx(
        expected, rel=1e-9, abs=1e-12 * rate
    )


def test_one_cycle_by_hand():
    schedule = OneCycle(1.0, 11, 0.5)  # rises until batch 4.5, falls until batch 10
    assert schedule.at(0) == pytest.approx(1 / 25)
    assert schedule.at(10) == pytest.approx(1 / 25 / 1e4)
    assert max(schedule.at(batch) for batch in range(11)) == schedule.at(5) < 1.0


@pytest.mark.parametrize("batches", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_one_cycle_without_room_to_rise_starts_at_the_top(batches, warmup):
    assert OneCycle(0.1, batches, warmup).at(0) == 0.1


@pytest.mark.parametrize("schedule", [Cosine(0.1, 8, 0.2), OneCycle(0.1, 8)])
def test_what_is_trained_beyond_the_end_keeps_the_last_rate(schedule):
    assert schedule.at(9) == schedule.at(100) == pytest.approx(schedule.at(8))


def test_each_name_stands_for_its_schedule():
    def made(name: str):
        setting = {**SETTINGS, "schedule": name}.__getitem__
        return schedule_of(setting, per_epoch=5, epochs=4)

    assert made("plateau") == Plateau(0.1, 0.2, 7)
    assert made("cosine") == Cosine(0.1, 20, 0.25)
    assert made("one-cycle") == OneCycle(0.1, 20, 0.4)
    assert made("none") == Constant(0.1)
    assert {made("none").at(batch) for batch in (0, 3, 500)} == {0.1}


@pytest.mark.parametrize("name", ["cosine", "one-cycle"])
def test_what_falls_to_its_end_must_know_the_end(name):
    with pytest.raises(ConfigurationError) as caught:
        schedule_of({**SETTINGS, "schedule": name}.__getitem__, per_epoch=5, epochs=None)
    assert str(caught.value) == (
        f"schedule: {name} needs to know for how many epochs a trial runs. "
        f"Give epochs=, or choose plateau or none."
    )
