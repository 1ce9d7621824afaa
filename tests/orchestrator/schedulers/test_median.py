"""The median rule where epochs break limits on outcomes; beside them it is held to the paper."""

from __future__ import annotations

import pytest

from orchestrator.schedulers import Continue, Stop
from orchestrator.schedulers.decisions import Decision
from orchestrator.schedulers.median import Median
from searchspaces.dominance import CEILING
from trainables import limits
from trainables.limits import limited

BROKEN = limited(0.0, 0.5)
"""The loss of an epoch that breaks a limit by half its bound."""


def begun(trials: int = 4, max_epochs: int = 4) -> Median:
    scheduler = Median(min_epochs=max_epochs // 2, min_trials=1, every=max_epochs // 2)
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    return scheduler


def judged(scheduler: Median, number: int, *losses: float, first: int = 1) -> Decision:
    """What becomes of a trial with these losses of its next epochs."""
    if first == 1:
        scheduler.started(number)
    for epoch, loss in enumerate(losses, start=first):
        scheduler.measured(number, epoch, loss)
    return scheduler.report(number, first + len(losses) - 1, min(losses))


def test_what_breaks_a_limit_is_told_by_the_same_number_everywhere() -> None:
    """By schedulers, which import nothing of the trainables, too."""
    assert CEILING == limits.CEILING
    assert limited(float("inf"), 0.0) == CEILING < limited(0.0, 1e-9)


def test_a_mean_is_over_the_epochs_that_keep_the_limits() -> None:
    """A first epoch that warms up; the mean of the first trial is that of 0.4 and 0.2."""
    scheduler = begun(max_epochs=6)
    assert judged(scheduler, 0, BROKEN, 0.4, 0.2) == Continue(6)
    assert judged(scheduler, 0, 0.2, 0.2, 0.2, first=4) == Stop()
    assert judged(scheduler, 1, BROKEN, 0.32, 0.31) == Stop()
    assert judged(scheduler, 2, BROKEN, 0.32, 0.25) == Continue(6)


def test_a_trial_that_keeps_no_limit_yet_is_worse_than_the_mean_of_one_that_does() -> None:
    scheduler = begun()
    judged(scheduler, 0, BROKEN, 0.4)
    judged(scheduler, 0, 0.4, 0.4, first=3)
    assert judged(scheduler, 1, BROKEN, BROKEN) == Stop()
    assert judged(scheduler, 2, BROKEN, 0.3) == Continue(4)


def test_of_trials_that_keep_none_the_one_that_breaks_less_goes_on() -> None:
    """The mean of the first is the loss of a limit broken by 1.5 of its bound."""
    scheduler = begun()
    assert judged(scheduler, 0, limited(0.0, 2.0), limited(0.0, 1.0)) == Continue(4)
    judged(scheduler, 0, 0.1, 0.1, first=3)
    assert judged(scheduler, 1, limited(0.0, 2.0), limited(0.0, 1.6)) == Stop()
    assert judged(scheduler, 2, limited(0.0, 2.0), limited(0.0, 1.4)) == Continue(4)


@pytest.mark.parametrize("loss", [float("inf"), CEILING])
def test_a_loss_that_is_none_or_the_largest_breaks_no_limit(loss: float) -> None:
    """It fills the mean, as in the paper: whatever is finite is better."""
    scheduler = begun()
    assert judged(scheduler, 0, loss, 0.1) == Continue(4)
    judged(scheduler, 0, 0.1, 0.1, first=3)
    assert judged(scheduler, 1, 5.0, 4.0) == Continue(4)
