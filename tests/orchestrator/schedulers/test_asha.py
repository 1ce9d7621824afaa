"""ASHA's decisions by hand, and FIFO's."""

from __future__ import annotations

import math

import pytest

from orchestrator.schedulers import Continue, Place, Start, Stop
from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.fifo import Fifo
from orchestrator.schedulers.testing import check_scheduler
from searchspaces import ConfigurationError


def begun(trials: int, max_epochs: int = 9, **settings: int) -> Asha:
    scheduler = Asha(**settings)
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    for number in range(trials):
        assert scheduler.propose() == Start(bracket=0, until=scheduler.plan()[0][0].epochs)
        scheduler.started(number)
    assert scheduler.propose() is None
    return scheduler


def test_a_rung_by_hand():
    scheduler = begun(9)
    # (loss, does it go on): after n reports the best max(1, n // 3) would.
    reports = [
        (5.0, True),  # 1st of 1
        (4.0, True),  # 1st of 2
        (6.0, False),  # 3rd of 3, one goes on
        (4.5, False),  # 2nd of 4, one
        (4.0, False),  # 2nd of 5, one: a tie goes to the lower number
        (4.2, False),  # 3rd of 6, two
        (4.1, False),  # 3rd of 7, two
        (4.05, False),  # 3rd of 8, two
        (4.01, True),  # 3rd of 9, three
    ]
    for number, (loss, goes_on) in enumerate(reports):
        assert scheduler.report(number, 1, loss) == (Continue(3) if goes_on else Stop())
    assert scheduler.place(0) == Place(0, 1)
    assert scheduler.place(2) == Place(0, 0)
    assert not scheduler.finished
    assert scheduler.report(0, 3, 5.0) == Continue(9)
    assert scheduler.report(1, 3, 6.0) == Stop()
    assert scheduler.report(8, 3, 7.0) == Stop()
    assert not scheduler.finished
    assert scheduler.report(0, 9, 5.0) == Stop()
    assert scheduler.finished


def test_a_tie_goes_to_the_lower_number():
    scheduler = begun(2)
    scheduler.report(1, 1, 1.0)
    assert scheduler.report(0, 1, 1.0) == Continue(3)
    scheduler = begun(2)
    scheduler.report(0, 1, 1.0)
    assert scheduler.report(1, 1, 1.0) == Stop()


@pytest.mark.parametrize("loss", [math.inf, math.nan])
def test_the_first_trial_stops_if_its_loss_is_not_finite(loss):
    scheduler = begun(2)
    assert scheduler.report(0, 1, loss) == Stop()
    assert scheduler.report(1, 1, 1e9) == Continue(3)


def test_failed_trials_leave_no_mark_on_a_rung():
    scheduler = begun(3)
    scheduler.ended(0)
    assert scheduler.report(1, 1, 2.0) == Continue(3)
    assert scheduler.report(2, 1, 1.0) == Continue(3)
    scheduler.ended(1)
    scheduler.ended(2)
    assert scheduler.finished


def test_no_trial_stops_before_min_epochs():
    scheduler = begun(2, max_epochs=50, min_epochs=10)
    assert [rung.epochs for rung in scheduler.plan()[0]] == [16, 50]


def test_min_epochs_above_the_epochs_is_refused():
    with pytest.raises(ConfigurationError) as error:
        Asha(min_epochs=10).begin(trials=1, max_epochs=9)
    assert str(error.value) == (
        "scheduler.min_epochs: 10 is above the 9 epochs of the sweep. Give at most 9."
    )


def test_the_plan_is_what_random_losses_lead_to():
    # Simulation against the closed form: 2,000 trials, three rungs, mean of a few orders.
    scheduler = begun(2000)
    reached = {rung.epochs: 0.0 for rung in scheduler.plan()[0]}
    for seed in range(3):
        seen = check_scheduler(
            Asha, trials=2000, max_epochs=9, concurrency=8, seed=seed, loss=_shuffled(seed)
        )
        for epochs in reached:
            reached[epochs] += sum(end >= epochs for end in seen.ends.values()) / 3
    expected = dict(scheduler.plan()[0])
    assert expected[1] == 2000
    assert reached == pytest.approx(expected, rel=0.06)
    assert scheduler.total_epochs() == expected[1] + 2 * expected[3] + 6 * expected[9]


def _shuffled(seed: int):
    return lambda number, _epoch: float((number * 7919 + seed * 104729) % 2003)


def test_fifo_runs_every_trial_to_the_end():
    seen = check_scheduler(Fifo, trials=7, max_epochs=5, concurrency=2)
    assert seen.ends == dict.fromkeys(range(7), 5)


@pytest.mark.parametrize("make", [Fifo, Asha])
def test_a_call_that_does_not_fit_is_refused(make):
    scheduler = make()
    scheduler.begin(trials=1, max_epochs=9)
    scheduler.started(0)
    for call, line in [
        (lambda: scheduler.started(1), "trial 1 cannot be started now"),
        (lambda: scheduler.report(0, 4, 0.0), "trial 0 cannot be reported at epoch 4 now"),
        (lambda: scheduler.report(3, 9, 0.0), "trial 3 cannot be reported at epoch 9 now"),
        (lambda: scheduler.ended(3), "trial 3 cannot be ended now"),
        (lambda: scheduler.resumed(0), "trial 0 cannot be resumed now"),
        (lambda: scheduler.pruned(0), "trial 0 cannot be pruned now"),
    ]:
        with pytest.raises(ValueError, match=line):
            call()
