"""Where a run stands, as a function of its records."""

from __future__ import annotations

import os

import pytest

from orchestrator.cli.view.progress import Progress
from orchestrator.engine.records import (
    Closed,
    EpochRepeated,
    EpochReported,
    Opened,
    TrialEnded,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.engine.trial import State


def started(number, until=3):
    return TrialStarted(number, {"hidden_size": number}, 0, 0, until, at=float(number))


def epoch(number, epoch, loss, kind=None):
    verdict = Verdict(kind) if kind else None
    metrics = {"valid_loss": loss}
    return EpochReported(number, 1, epoch, metrics, 1.0, "here", at=10.0, verdict=verdict)


def test_a_whole_sweep_reaches_the_rungs_that_were_planned(teller):
    spec = teller.spec()
    progress = teller.followed(spec, teller.told(spec))
    assert progress.counts == {State.PRUNED: 38, State.COMPLETED: 8}
    assert progress.epochs == progress.outline.epochs == 342
    for index, bracket in enumerate(progress.outline.brackets):
        for rung in bracket:
            assert progress.reached[index, rung.epochs] == rung.trials
    assert not progress.live
    assert not any(progress.under_way.values())


def test_the_best_trial_is_the_least_loss_until_one_is_completed(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    progress = teller.followed(spec, [started(0), started(1), started(2)])
    progress.note(epoch(0, 1, 0.9))
    progress.note(epoch(1, 1, 0.5))
    assert (progress.best.number, progress.best.epoch) == (1, 1)
    progress.note(epoch(0, 2, 0.8))
    progress.note(epoch(0, 3, 0.7, "stop"))
    assert (progress.best.number, progress.best.epoch) == (0, 3)
    progress.note(epoch(2, 1, 0.1))
    assert progress.best.number == 0
    progress.note(epoch(2, 2, 0.2))
    progress.note(epoch(2, 3, 0.3, "stop"))
    assert (progress.best.number, progress.best.epoch) == (2, 1)
    assert progress.incumbents == [(1, 0.9), (2, 0.5), (4, 0.7), (7, 0.1)]


def test_the_trial_that_reached_the_target_is_the_best_until_the_sweep_goes_on(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    progress = teller.followed(spec, [started(0), started(1)])
    for last in (1, 2, 3):
        progress.note(epoch(0, last, 0.7, "stop" if last == 3 else None))
    progress.note(epoch(1, 1, 0.2))
    assert progress.best.number == 0
    progress.note(Closed(11.0, "target 0.3 is reached", limit="target"))
    assert progress.best.number == 1
    progress.note(Opened(12.0, "here", 1, {}))
    assert progress.best.number == 0


def test_of_equal_losses_the_earlier_trial_is_best(teller):
    spec = teller.spec(trials=2, epochs=3, scheduler="fifo")
    progress = teller.followed(spec, [started(0), started(1), epoch(1, 1, 0.5), epoch(0, 1, 0.5)])
    assert progress.best.number == 0


def test_an_objective_to_maximise_ranks_the_other_way_round(teller):
    spec = teller.spec(trials=2, epochs=3, scheduler="fifo", mode="max")
    progress = teller.followed(spec, [started(0), started(1), epoch(0, 1, 0.5), epoch(1, 1, 0.7)])
    assert progress.best.number == 1
    assert progress.incumbents == [(1, 0.5), (2, 0.7)]


def test_a_trial_that_fails_is_not_the_best_any_more(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    told = [started(0), started(1), epoch(0, 1, 0.9), epoch(1, 1, 0.1)]
    progress = teller.followed(spec, told)
    over = progress.note(TrialEnded(1, "failed", "loss became nan", at=20.0))
    assert (over.trial.number, over.state, over.reason) == (1, State.FAILED, "loss became nan")
    assert progress.best.number == 0
    assert progress.failures == {"loss became nan": [1]}
    progress.note(TrialEnded(0, "failed", "loss became nan", at=21.0))
    assert progress.best is None
    assert progress.failed == 2


def test_values_that_are_not_finite_are_no_best(teller):
    spec = teller.spec(trials=1, epochs=3, scheduler="fifo")
    progress = teller.followed(spec, [started(0), epoch(0, 1, None)])
    assert progress.best is None


def test_history_is_no_news_and_what_ran_waits(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    opened = Opened(100.0, "here", 1, {})
    told = [opened, started(0), epoch(0, 1, 0.9)]
    progress = teller.followed(spec, told, live=False)
    assert not progress.now_live
    progress.go_live(50.0)
    assert progress.running == []
    assert progress.live[0].state is State.INTERRUPTED
    assert progress.epochs_before == 1
    progress.note(TrialResumed(0, 2, 3, promoted=False, at=60.0))
    progress.note(EpochRepeated(0, 2, 1, same=True, seconds=1.0, at=61.0))
    assert [trial.number for trial in progress.running] == [0]
    assert progress.epochs == 1


def test_the_time_of_earlier_processes_counts_and_the_time_between_does_not(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo")
    told = [
        Opened(1000.0, "here", 1, {}),
        TrialStarted(0, {}, 0, 0, 3, at=1010.0),
        Opened(5000.0, "here", 1, {}),
        Closed(5020.0, "stopped by you", 1.0, 2.0),
    ]
    progress = teller.followed(spec, told, live=False, began=7.0)
    progress.go_live(9.0)
    assert (progress.sessions, progress.earlier) == (2, 30.0)
    assert progress.elapsed(17.0) == 40.0


def test_a_run_that_was_finished_takes_no_more_time(teller):
    spec = teller.spec(trials=1, epochs=3, scheduler="fifo")
    told = [Opened(1000.0, "here", 1, {}), Closed(1040.0, "finished", 1.0, 2.0)]
    progress = teller.followed(spec, told, live=False, began=7.0)
    progress.note(Closed(9_999_999_999.0, "finished"))
    assert progress.elapsed(100.0) == 40.0
    assert progress.sessions == 1


def test_the_record_of_this_very_process_is_no_earlier_session(teller):
    spec = teller.spec(trials=1, epochs=3, scheduler="fifo")
    opened = Opened(9_999_999_999.0, "here", os.getpid(), {})
    progress = teller.followed(spec, [opened], live=False)
    progress.go_live(1.0)
    assert progress.sessions == 0


def test_time_left_is_unknown_until_there_is_a_pace(teller):
    spec = teller.spec(trials=2, epochs=10, scheduler="fifo")
    progress = teller.followed(spec, [started(0, 10), started(1, 10)])
    assert progress.left(1000.0) is None
    for number in (0, 1):
        progress.note(epoch(number, 1, 0.5))
        progress.note(epoch(number, 2, 0.5))
    assert progress.left(1.9) is None
    # 16 of 20 epochs are left, at 4 in 8 seconds.
    assert progress.left(8.0) == 32.0


def test_time_left_is_no_less_than_the_longest_trial_needs(teller):
    spec = teller.spec(trials=2, epochs=10, scheduler="fifo")
    progress = teller.followed(spec, [started(0, 10), started(1, 10)])
    for number in range(1, 11):
        progress.note(epoch(0, number, 0.5, "stop" if number == 10 else None))
    progress.note(epoch(1, 1, 0.5))
    # 9 epochs of a second each in one worker, though 11 epochs went by in 5.5 seconds.
    assert progress.left(5.5) == 9.0


def test_the_pace_is_that_of_this_process(teller):
    spec = teller.spec(trials=2, epochs=10, scheduler="fifo")
    told = [started(0, 10), *(epoch(0, number, 0.5) for number in range(1, 10))]
    progress = teller.followed(spec, told, live=False)
    progress.go_live(100.0)
    assert progress.left(200.0) is None
    progress.note(TrialResumed(0, 2, 10, promoted=False, at=60.0))
    progress.note(epoch(0, 10, 0.5, "stop"))
    progress.note(started(1, 10))
    for number in range(1, 5):
        progress.note(epoch(1, number, 0.5))
    # 6 epochs are left; 5 took 10 seconds.
    assert progress.left(110.0) == pytest.approx(12.0)


def test_a_record_costs_the_same_at_the_end_of_a_large_sweep(teller):
    """Nothing is kept of a trial that is over but its number, if it failed."""
    spec = teller.spec("gru-asha", trials=2000, epochs=9)
    progress = teller.followed(spec, teller.told(spec))
    assert progress.live == {}
    assert progress.done == 2000
    assert len(progress.incumbents) < 50
    assert isinstance(progress, Progress)
