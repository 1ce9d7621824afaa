"""A loop that stops by itself, with real workers and no Ray; and one that was killed before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.engine import controller
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Commanded,
    EpochReported,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.engine.stopping import HOLD, LimitReachedError, Stopping, StopRules

LOSS = Objective("valid_loss", "min")


def rule(**rules: Any) -> Stopping:
    return Stopping(StopRules(**rules), LOSS, 9)


@pytest.fixture
def go() -> Callable[..., Any]:
    """Runs a sweep of one process with a rule."""

    def started(made: Any, stopping: Stopping, **how: Any) -> Any:
        for record in made.records() if (made.folder / "journal").exists() else []:
            stopping.note(record)
        return made.run(also=[stopping], **how)

    return started


def epochs(made: Any) -> int:
    return sum(isinstance(record, EpochReported) for record in made.records())


def begun_after(made: Any, count: int) -> list[Any]:
    """Trials that were given to a worker after so many epochs of the run were written down."""
    seen, found = 0, []
    for record in made.records():
        seen += isinstance(record, EpochReported)
        if seen >= count and isinstance(record, TrialStarted | TrialResumed):
            found.append(record)
    return found


@pytest.mark.parametrize("scheduler", ["fifo", "asha", "hyperband", "median"])
def test_the_loop_stops_at_the_limit_of_epochs(bench: Any, go: Any, scheduler: str) -> None:
    made = bench(scheduler=scheduler)
    stop = go(made, rule(max_epochs_total=30))
    assert stop.limit == "max_epochs_total"
    # What the workers of a test still say is what real ones may have said already.
    assert epochs(made) >= 30
    assert begun_after(made, 30) == []


def test_it_stops_before_the_next_tick(
    bench: Any, go: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "TICK_SECONDS", 1e6)
    made = bench(scheduler="fifo")
    assert go(made, rule(max_epochs_total=30)).limit == "max_epochs_total"
    assert begun_after(made, 30) == []


def test_epochs_before_a_kill_count(bench: Any, go: Any) -> None:
    made = bench(scheduler="hyperband")
    assert go(made, rule(max_epochs_total=30), kill_after=40).reason == "killed"
    before = epochs(made)
    assert 0 < before < 30
    assert go(made, rule(max_epochs_total=30)).limit == "max_epochs_total"
    assert begun_after(made, 30) == []
    again = rule(max_epochs_total=30)
    for record in made.records():
        again.note(record)
    with pytest.raises(LimitReachedError) as caught:
        again.refuse()
    assert str(caught.value) == (
        "the limit of 30 epochs is reached already. Go on: orch resume with another "
        "--max-epochs-total, or --max-epochs-total none."
    )
    assert caught.value.exit_code == 2
    assert go(made, rule()) is None


def test_the_first_to_reach_the_target_is_named(bench: Any, go: Any) -> None:
    made = bench(scheduler="fifo")
    stop = go(made, rule(target=0.6))
    reached = [
        record
        for record in made.records()
        if isinstance(record, EpochReported) and record.metrics["valid_loss"] <= 0.6
    ]
    first = reached[0]
    assert stop.reason == (
        f"target 0.6 is reached (trial {first.number}, epoch {first.epoch}: "
        f"valid_loss {first.metrics['valid_loss']:.4g})"
    )


def told(stopping: Stopping, *losses: float) -> None:
    """A trial with these losses, from epoch 1 on."""
    stopping.note(TrialStarted(0, {}, 0, 0, 9, 0.0))
    for epoch, loss in enumerate(losses, start=stopping.epochs + 1):
        stopping.note(EpochReported(0, 1, epoch, {"valid_loss": loss}, 0.1, "", 0.0))


def changed(stopping: Stopping, refused: str = "", **values: Any) -> None:
    stopping.note(Commanded("set", 0.0, values=values, refused=refused))


def test_what_is_set_on_the_way_counts_from_there_and_for_what_was_before() -> None:
    stopping = rule(target=0.1)
    told(stopping, 0.5, 0.3, 0.4)
    changed(stopping, concurrency=4)
    assert stopping.stop is None
    changed(stopping, "not so", target=0.35)
    assert stopping.stop is None
    changed(stopping, target=0.35)
    assert stopping.stop is not None
    assert stopping.stop.reason == "target 0.35 is reached (trial 0, epoch 2: valid_loss 0.3)"
    changed(stopping, target=None, max_epochs_total=4)
    assert stopping.stop is None
    told(stopping, 0.2)
    assert stopping.stop is not None
    assert stopping.stop.limit == "max_epochs_total"
    changed(stopping, max_epochs_total=9)
    assert stopping.stop is None


def test_a_plateau_that_is_set_late_is_told_by_the_trials_that_end_from_then_on() -> None:
    stopping = rule()

    def ends(number: int) -> None:
        stopping.note(TrialStarted(number, {}, 0, 0, 9, 0.0))
        for epoch in range(1, 10):
            verdict = Verdict("stop") if epoch == 9 else None
            stopping.note(
                EpochReported(number, 1, epoch, {"valid_loss": 0.5}, 0.1, "", 0.0, verdict)
            )

    for number in range(30):
        ends(number)
    changed(stopping, plateau=0.01)
    assert stopping.stop is None
    for number in range(30, 30 + HOLD):
        assert stopping.stop is None
        ends(number)
    assert stopping.stop is not None
    assert stopping.stop.limit == "plateau"
    changed(stopping, max_epochs_total=9_000)
    assert stopping.stop.limit == "plateau"  # which no other limit lifts
    changed(stopping, plateau=None)
    assert stopping.stop is None


def test_without_rules_nothing_stops_it(bench: Any, go: Any) -> None:
    assert go(bench(scheduler="asha"), rule()) is None
