"""What HyperBand does step by step: waiting, failing, being called wrongly."""

from __future__ import annotations

import math
import tracemalloc

import pytest

from orchestrator.schedulers import Pause, Place, Prune, Resume, Start, Stop
from orchestrator.schedulers.hyperband import HyperBand


def begun(trials: int, max_epochs: int = 9, eta: int = 3) -> HyperBand:
    scheduler = HyperBand(eta=eta)
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    return scheduler


def follow(scheduler: HyperBand) -> list[Prune | Resume]:
    """Follow every Prune and Resume that is due."""
    followed: list[Prune | Resume] = []
    while isinstance(action := scheduler.propose(), Prune | Resume):
        followed.append(action)
        if isinstance(action, Prune):
            scheduler.pruned(action.number)
        else:
            scheduler.resumed(action.number)
    return followed


def start(scheduler: HyperBand, *numbers: int) -> None:
    for number in numbers:
        assert isinstance(scheduler.propose(), Start)
        scheduler.started(number)


def test_a_bracket_by_hand():
    scheduler = begun(9)  # levels 1, 3, 9; one bracket of 9, 3, 1
    start(scheduler, *range(9))
    assert scheduler.propose() is None
    for number in range(8):
        assert scheduler.report(number, 1, float(number)) == Pause()
        assert scheduler.propose() is None
    assert scheduler.report(8, 1, 0.5) == Pause()
    assert follow(scheduler) == [
        *(Prune(number) for number in range(2, 8)),
        Resume(0, 3),
        Resume(8, 3),
        Resume(1, 3),
    ]
    assert scheduler.place(1) == Place(0, 1)
    assert scheduler.place(2) == Place(0, 0)
    for number, loss in ((0, 3.0), (1, 2.0), (8, 1.0)):
        assert scheduler.report(number, 3, loss) == Pause()
    assert follow(scheduler) == [Prune(1), Prune(0), Resume(8, 9)]
    assert not scheduler.finished
    assert scheduler.report(8, 9, 0.1) == Stop()
    assert scheduler.finished
    assert scheduler.place(8) == Place(0, 2)


def test_trials_of_the_next_bracket_start_while_one_waits():
    scheduler = begun(14)
    start(scheduler, *range(9))
    scheduler.report(0, 1, 0.0)
    assert scheduler.propose() == Start(bracket=1, until=3)
    start(scheduler, 9)
    assert scheduler.place(9) == Place(1, 0)


def test_due_resumes_come_before_starts_and_prunes_before_resumes():
    scheduler = begun(28)  # 9, 5 -> bracket 1 has 3 trials, bracket 2 has 3, then again
    start(scheduler, *range(12))
    for number in range(9):
        scheduler.report(number, 1, float(number))
    for number in range(9, 12):
        scheduler.report(number, 3, float(number))
    due = follow(scheduler)
    assert due[:8] == [
        *(Prune(number) for number in (10, 11)),
        *(Prune(number) for number in range(3, 9)),
    ]
    assert due[8:] == [Resume(0, 3), Resume(1, 3), Resume(2, 3), Resume(9, 9)]
    assert scheduler.propose() == Start(bracket=2, until=9)


def test_failed_trials_count_in_n_and_are_never_promoted():
    scheduler = begun(9)
    start(scheduler, *range(9))
    for number in range(4):
        scheduler.ended(number)
    for number in range(4, 8):
        scheduler.report(number, 1, math.inf)
    scheduler.report(8, 1, 1.0)  # nine given: three would be promoted, one is alive
    assert follow(scheduler) == [*(Prune(number) for number in range(4, 8)), Resume(8, 3)]
    scheduler.report(8, 3, 1.0)
    assert follow(scheduler) == [Resume(8, 9)]


def test_a_rung_where_all_fail_ends_its_bracket():
    scheduler = begun(9)
    start(scheduler, *range(9))
    for number in range(9):
        scheduler.ended(number)
    assert scheduler.propose() is None
    assert scheduler.finished


def test_a_paused_trial_that_ends_leaves_its_rung():
    scheduler = begun(9)
    start(scheduler, *range(9))
    for number in range(8):
        scheduler.report(number, 1, float(number))
    scheduler.ended(0)
    scheduler.report(8, 1, 8.0)
    assert [a for a in follow(scheduler) if isinstance(a, Resume)] == [
        Resume(1, 3),
        Resume(2, 3),
        Resume(3, 3),
    ]


def test_a_promoted_trial_that_ends_before_it_resumes_counts_as_failed_there():
    scheduler = begun(9)
    start(scheduler, *range(9))
    for number in range(9):
        scheduler.report(number, 1, float(number))
    while isinstance(action := scheduler.propose(), Prune):
        scheduler.pruned(action.number)
    scheduler.ended(0)
    assert follow(scheduler) == [Resume(1, 3), Resume(2, 3)]
    scheduler.report(1, 3, 1.0)
    scheduler.report(2, 3, 2.0)  # three were given this rung, so one goes on
    assert follow(scheduler) == [Prune(2), Resume(1, 9)]


def test_a_pruned_trial_that_ends_first_is_forgotten():
    scheduler = begun(9)
    start(scheduler, *range(9))
    for number in range(9):
        scheduler.report(number, 1, float(number))
    scheduler.ended(8)
    assert Prune(8) not in follow(scheduler)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda s: s.report(7, 1, 0.0), "trial 7 cannot be reported at epoch 1 now"),
        (lambda s: s.report(0, 2, 0.0), "trial 0 cannot be reported at epoch 2 now"),
        (lambda s: s.started(0), "trial 0 cannot be started now"),
        (lambda s: s.resumed(0), "trial 0 cannot be resumed now"),
        (lambda s: s.pruned(0), "trial 0 cannot be pruned now"),
        (lambda s: s.ended(7), "trial 7 cannot be ended now"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(call, line):
    scheduler = begun(9)
    start(scheduler, 0)
    with pytest.raises(ValueError, match=line):
        call(scheduler)


def test_thousands_of_trials_leave_little_behind():
    tracemalloc.start()
    scheduler = begun(3_000, max_epochs=27)
    while not scheduler.finished:
        action = scheduler.propose()
        if isinstance(action, Start):
            number = len(scheduler._places)
            scheduler.started(number)
            scheduler.report(number, action.until, float(number % 97))
        elif isinstance(action, Resume):
            scheduler.resumed(action.number)
            scheduler.report(action.number, action.until, float(action.number % 89))
        else:
            scheduler.pruned(action.number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 300 * 3_000  # bytes
