"""The state of a sweep is a function of its records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from pydantic import PrivateAttr

from orchestrator.declared import declare
from orchestrator.engine.inbox import Change
from orchestrator.engine.ledger import Ledger, trial_seed
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Checkpoint,
    Commanded,
    EpochRepeated,
    EpochReported,
    TrialEnded,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.engine.results import EpochResult
from orchestrator.engine.steering import judged
from orchestrator.engine.testing import curve_space
from orchestrator.engine.trial import FINAL, State, Trial
from orchestrator.searchers import Observation, Searcher
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.strategies import scheduler_from, searcher_from
from searchspaces import ConfigurationError, JointSpace, OrchError
from searchspaces.inline import NoTraining, inline_class

PAIRS = list(
    itertools.product(("random", "grid", "hyperopt", "bohb", "auto"), ("fifo", "asha", "hyperband"))
)
SETTINGS = {
    "hyperopt": {"kind": "hyperopt", "n_startup_jobs": 5},
    "grid": {"kind": "grid", "points": 24},
}


@pytest.mark.parametrize(("searcher", "scheduler"), PAIRS)
def test_replaying_any_prefix_of_the_records_gives_the_live_state(
    bench: Callable[..., Any], state_of: Callable[[Ledger], Any], searcher: str, scheduler: str
) -> None:
    sweep = bench(
        searcher=SETTINGS.get(searcher, searcher),
        scheduler=scheduler,
        lost=0.05,
        settings={"diverge_below": 0.1, "raise_below": 0.05},
        seed=len(searcher) + len(scheduler),
    )
    assert sweep.run(snapshots=True) is None
    ledger = sweep.ledger()
    for record, live in zip(sweep.records(), sweep.snapshots, strict=True):
        ledger.replay(record)
        assert state_of(ledger) == live
    assert ledger.finished
    assert sum(ledger.counts.values()) == 24


class Looking(RandomSearch):
    """Looks at the second epoch, and notes what it is told."""

    _told: list[tuple[int, float, bool]] = PrivateAttr(default_factory=list)
    _ended: list[int] = PrivateAttr(default_factory=list)

    def ended(self, number: int) -> None:
        self._ended.append(number)

    def looks(self, epoch: int) -> bool:
        return epoch == 2

    def observe(self, observation: Observation) -> None:
        self._told.append((observation.epoch, observation.loss, observation.running))


def make_ledger(
    scheduler: Any = "hyperband",
    *,
    mode: Any = "min",
    trials: int = 9,
    searcher: Searcher | None = None,
    space: JointSpace | None = None,
) -> Ledger:
    return Ledger(
        space=space or curve_space(),
        searcher=searcher or searcher_from("random"),
        scheduler=scheduler_from(scheduler),
        objective=Objective("valid_loss", mode),
        trials=trials,
        max_epochs=9,
        seed=0,
        facts=None,
    )


def start(ledger: Ledger) -> TrialStarted:
    proposal = ledger.propose()
    record = ledger.draft(proposal.bracket, proposal.until)  # type: ignore[union-attr]
    ledger.note(record)
    return record


def result(number: int, epoch: int, loss: float | None, **more: Any) -> EpochResult:
    return EpochResult(number, 1, epoch, {"valid_loss": loss, "accuracy": 0.5}, 0.1, "n", **more)


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint(f"0/{epoch}", epoch, "00", 3)


def test_a_trial_is_drafted_from_the_seed_and_its_number() -> None:
    ledger = make_ledger()
    record = start(ledger)
    assert (record.number, record.bracket, record.until) == (0, 0, 1)
    assert record.seed == trial_seed(0, 0) != trial_seed(0, 1)
    assert record.config == dict(ledger.searcher.suggest(0))
    assert ledger.live[0].state is State.RUNNING
    assert ledger.started == 1


def test_a_milestone_is_judged_by_the_best_loss_so_far() -> None:
    """ASHA's first rung is epoch 1; at the second, epoch 3, the best of epochs 1 to 3 counts."""
    ledger = make_ledger("asha")
    start(ledger)
    for epoch, loss in ((1, 0.5), (2, 0.9), (3, 0.8)):
        record = ledger.judge(result(0, epoch, loss))
        ledger.note(record)
    assert record.verdict == Verdict("continue", 9)  # type: ignore[union-attr]
    start(ledger)
    ledger.note(ledger.judge(result(1, 1, 0.4)))
    for epoch in (2, 3):
        record = ledger.judge(result(1, epoch, 0.95))
        ledger.note(record)
    assert record.verdict == Verdict("continue", 9)  # type: ignore[union-attr]  # 0.4 beats 0.5, 0.95 not 0.8


def test_more_is_better_in_mode_max() -> None:
    ledger = make_ledger("asha", mode="max")
    for number, value in enumerate((0.1, 0.2, 0.15)):
        start(ledger)
        ledger.note(ledger.judge(result(number, 1, value)))
    assert [ledger.live.get(number) is not None for number in range(3)] == [True, True, False]
    assert ledger.live[1].best == -0.2
    assert ledger.counts == {State.PRUNED: 1}


def test_a_result_between_milestones_needs_no_decision() -> None:
    ledger = make_ledger("fifo")
    start(ledger)
    record = ledger.judge(result(0, 1, 0.5))
    assert isinstance(record, EpochReported)
    assert record.verdict is None
    assert ledger.live[0].epoch == 0  # judging changes nothing but the scheduler
    ledger.note(record)
    assert (ledger.live[0].epoch, ledger.epochs) == (1, 1)


@pytest.mark.parametrize("replayed", [False, True])
def test_a_searcher_is_told_where_it_looks_and_where_something_is_decided(replayed: bool) -> None:
    ledger = make_ledger("asha", searcher=(looking := Looking()))
    records: list[Any] = [start(ledger)]
    for epoch, loss in ((1, 0.5), (2, 0.9), (3, 0.4), (4, 0.3), (9, 0.7)):
        records.append(ledger.judge(result(0, epoch, loss)))
        ledger.note(records[-1])
    if replayed:
        ledger = make_ledger("asha", searcher=(looking := Looking()))
        for record in records:
            ledger.replay(record)
    assert looking._told == [
        (1, 0.5, True),
        (2, 0.5, True),
        (3, 0.4, True),
        (9, 0.3, False),
    ]


@pytest.mark.parametrize("edited", [False, True])
def test_of_a_trial_that_a_person_stops_the_searcher_hears_that_it_is_over(edited: bool) -> None:
    ledger = make_ledger("fifo", searcher=(looking := Looking()))
    start(ledger)
    start(ledger)
    ledger.note(ledger.judge(result(0, 2, 0.5)))
    ledger.note(TrialEnded(0, "pruned", "stopped from outside", 0.0))
    ledger.note(TrialEnded(1, "failed", "loss became nan", 0.0))
    if edited:
        looking._told, looking._ended = [], []
        ledger.note(Commanded("edit", 0.0, 2, {"space": {"depth": {"high": 0.9999}}}))
    assert looking._ended == [0]
    assert looking._told == [(2, 0.5, True), (9, math.inf, False)]


def test_what_was_asked_for_is_the_same_config_after_the_journal_was_read() -> None:
    """There the value of a list-valued choice is a list, which cannot be compared by."""
    values = {"kernels": {"values": [[3, 3], [5, 3]]}, "b": {"low": 1, "high": 9}}
    space = JointSpace(declare(inline_class(values), values), NoTraining())
    ledger = make_ledger("fifo", space=space)
    asked = judged(ledger, Change("enqueue", {"kernels": [5, 3], "b": 1}))
    ledger.note(msgspec.json.decode(msgspec.json.encode(asked), type=Commanded))
    assert ledger.enqueued[0] == asked.values
    assert not judged(ledger, Change("edit", {"space": {"b": {"high": 8}}})).refused


def test_an_epoch_that_runs_again_is_compared_and_not_counted() -> None:
    ledger = make_ledger("fifo")
    start(ledger)
    for epoch in (1, 2, 3):
        ledger.note(ledger.judge(result(0, epoch, 1 / epoch)))
    ledger.interrupt(0, "its process died")
    ledger.note(TrialResumed(0, 2, 9, False, 0.0))
    again = [ledger.judge(result(0, epoch, loss)) for epoch, loss in ((1, 1.0), (2, 0.51))]
    assert [(type(record), record.same) for record in again] == [  # type: ignore[union-attr]
        (EpochRepeated, True),
        (EpochRepeated, False),
    ]
    for record in again:
        ledger.note(record)
    assert (ledger.live[0].epoch, ledger.epochs, ledger.live[0].best) == (3, 3, 1 / 3)


def test_times_may_differ_between_two_runs_of_an_epoch() -> None:
    ledger = make_ledger("fifo")
    start(ledger)
    for seconds, same in ((0.1, True), (0.2, True)):
        metrics = {"valid_loss": 0.5, "epoch_seconds": seconds, "gap": None}
        record = ledger.judge(EpochResult(0, 1, 1, metrics, seconds, "n"))
        ledger.note(record)
        assert getattr(record, "same", True) is same


def test_a_checkpoint_forgets_the_metrics_before_it() -> None:
    ledger = make_ledger("fifo")
    start(ledger)
    ledger.note(ledger.judge(result(0, 1, 0.9)))
    ledger.note(ledger.judge(result(0, 2, 0.8)))
    ledger.note(ledger.judge(result(0, 3, 0.7, checkpoint=checkpoint(3))))
    ledger.note(ledger.judge(result(0, 4, 0.6)))
    assert ledger.live[0].checkpoint == checkpoint(3)
    assert list(ledger.live[0].since) == [4]


@pytest.mark.parametrize("loss", [None, math.inf, -math.inf, math.nan])
def test_an_objective_that_is_not_finite_fails_the_trial(loss: float | None) -> None:
    ledger = make_ledger()
    start(ledger)
    record = ledger.judge(result(0, 1, loss))
    assert isinstance(record, TrialEnded)
    assert (record.state, record.reason) == ("failed", "valid_loss is not finite at epoch 1")
    ledger.note(record)
    assert ledger.counts == {State.FAILED: 1}
    assert ledger.live == {}


def test_an_objective_that_is_not_reported_names_the_nearest_that_is() -> None:
    ledger = make_ledger()
    ledger.objective = Objective("val_loss", "min")
    start(ledger)
    with pytest.raises(ConfigurationError) as failure:
        ledger.judge(result(0, 1, 0.5))
    assert str(failure.value) == (
        "metric: no metric 'val_loss' is reported. Did you mean 'valid_loss'? "
        "Known: valid_loss, accuracy. Report it in every epoch, or choose another with --metric."
    )


def test_a_failed_trial_is_observed_as_the_worst_and_a_stopped_one_is_not() -> None:
    for state, losses in (("failed", [math.inf]), ("infeasible", [math.inf]), ("pruned", [])):
        ledger = make_ledger("fifo")
        seen: list[float] = []
        object.__setattr__(
            ledger, "_observe", lambda trial, epoch, loss, seen=seen: seen.append(loss)
        )
        start(ledger)
        ledger.note(TrialEnded(0, state, "why", 0.0))  # type: ignore[arg-type]
        assert seen == losses
        assert ledger.counts == {State(state): 1}


MEND = (
    "Undo what was changed since in spec.yaml or in code of your own, or resume with the version "
    "of orch that spec.yaml names."
)


@pytest.mark.parametrize(
    ("scheduler", "decision"),
    [("hyperband", "pause"), ({"kind": "asha", "eta": 2}, "continue to epoch 2")],
)
def test_a_scheduler_that_decides_otherwise_than_the_journal_is_told(
    scheduler: Any, decision: str
) -> None:
    ledger = make_ledger("asha")
    records: list[Any] = [start(ledger), ledger.judge(result(0, 1, 0.5))]
    other = make_ledger(scheduler)
    other.replay(records[0])
    with pytest.raises(OrchError) as failure:
        other.replay(records[1])
    assert str(failure.value) == (
        "the journal does not go with the run's spec.yaml: at epoch 1 of trial 0 it says "
        f"'continue to epoch 3', the scheduler now '{decision}'. {MEND}"
    )


def started(number: int, *, depth: float = 0.5, enqueued: bool = False) -> TrialStarted:
    return TrialStarted(number, {"depth": depth}, 1, 0, 1, 0.0, enqueued=enqueued)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (
            [
                started(0),
                EpochReported(0, 1, 3, {"valid_loss": 0.5}, 0.1, "n", 0.0, Verdict("stop")),
            ],
            "trial 0 cannot be reported at epoch 3 now",
        ),
        ([started(number) for number in range(10)], "trial 9 cannot be started now"),
        (
            [started(0, depth=1.5)],
            "depth: 1.5 is not one of 0..1",
        ),
        (
            [started(0, enqueued=True)],
            "a record cannot be followed (IndexError: pop from an empty deque)",
        ),
    ],
)
def test_a_journal_that_the_spec_cannot_have_led_to_is_refused_in_a_line(
    records: list[Any], problem: str
) -> None:
    ledger = make_ledger()
    for record in records[:-1]:
        ledger.replay(record)
    with pytest.raises(OrchError) as failure:
        ledger.replay(records[-1])
    said = f"the journal does not go with the run's spec.yaml: {problem}. {MEND}"
    assert str(failure.value) == said


def test_after_a_replay_running_trials_wait_for_a_worker_and_paused_ones_do_not() -> None:
    ledger = make_ledger()
    for _ in range(3):
        start(ledger)
    ledger.note(ledger.judge(result(1, 1, 0.5)))
    ledger.recover()
    assert list(ledger.orphans) == [0, 2]
    assert [ledger.live[n].state.value for n in range(3)] == [
        "interrupted",
        "paused",
        "interrupted",
    ]


def test_a_trial_that_starts_over_forgets_its_checkpoint_in_the_replay_too() -> None:
    ledger = make_ledger("fifo")
    start(ledger)
    ledger.note(ledger.judge(result(0, 1, 0.5, checkpoint=checkpoint(1))))
    ledger.replay(TrialResumed(0, 2, 9, False, 0.0))
    assert ledger.live[0].checkpoint == checkpoint(1)
    ledger.replay(TrialResumed(0, 3, 9, False, 0.0, "damaged", afresh=True))
    assert ledger.live[0].checkpoint is None


def test_a_grid_that_ends_early_ends_the_sweep(bench: Callable[..., Any]) -> None:
    sweep = bench(searcher={"kind": "grid", "points": 4}, scheduler="fifo")
    assert sweep.run() is None
    started = [record for record in sweep.records() if isinstance(record, TrialStarted)]
    assert sorted(record.config["depth"] for record in started) == [0, 1 / 3, 2 / 3, 1]


ALLOWED = {
    "pending": {"running"},
    "running": {
        "running",
        "paused",
        "completed",
        "pruned",
        "failed",
        "infeasible",
        "interrupted",
    },
    "paused": {"running", "pruned", "failed"},
    "interrupted": {"running", "completed", "pruned", "failed", "infeasible"},
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_a_trial_goes_from_state_to_state_as_the_table_says(before: State, after: State) -> None:
    config = curve_space().validate({"depth": 0.5})
    trial = Trial(7, config, seed=0, until=1, state=before)
    if after.value in ALLOWED.get(before.value, set()):
        trial.become(after)
        assert trial.state is after
    else:
        with pytest.raises(ValueError, match=f"^trial 7 cannot go from {before} to {after}$"):
            trial.become(after)
    assert (before in FINAL) == (before.value not in ALLOWED)
