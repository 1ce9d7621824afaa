"""Trials that are complete before their last epoch, and configs that cannot run here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orchestrator.engine.inbox import Inbox, StopRun, StopTrial, forget_stops, send
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import (
    EpochRepeated,
    EpochReported,
    Record,
    TrialEnded,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.testing import Curve
from orchestrator.engine.trial import State
from orchestrator.searchers import Observation
from orchestrator.searchers.random_ import RandomSearch

MakeBench = Callable[..., Any]
PATIENCE = {"done_at": 5, "early_below": 0.5}
RETURNS = {"returns_after": 5, "early_below": 0.5}
SCHEDULERS = ("fifo", "asha", "hyperband")


def of(records: list[Record], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def ends(sweep: Any) -> dict[int, tuple[str, int]]:
    """State and last epoch of each trial; every one ended once."""
    found: dict[int, tuple[str, int]] = {}
    epochs: Counter[int] = Counter()
    for record in sweep.records():
        number = getattr(record, "number", None)
        if isinstance(record, EpochReported):
            epochs[record.number] += 1
            assert record.epoch == epochs[record.number]
            state = "completed" if record.finished or record.epoch == sweep.epochs else "pruned"
            if not record.finished and (record.verdict is None or record.verdict.kind != "stop"):
                continue
        elif isinstance(record, TrialEnded):
            state = record.state
        elif type(record).__name__ == "TrialPruned":
            state = "pruned"
        else:
            continue
        assert number not in found
        found[number] = (state, epochs[number])
    return found


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("settings", [PATIENCE, RETURNS], ids=["patience", "returns"])
def test_a_trial_that_is_done_by_itself_is_completed_with_the_epochs_it_took(
    bench: MakeBench, scheduler: str, settings: dict[str, Any]
) -> None:
    sweep = bench(scheduler=scheduler, settings=settings, seed=1)
    assert sweep.run() is None
    found = ends(sweep)
    assert sorted(found) == list(range(24))
    started = {
        record.number: record.config["depth"] for record in of(sweep.records(), TrialStarted)
    }
    early = [number for number in found if started[number] < 0.5 and found[number][1] >= 5]
    assert all(found[number] == ("completed", 5) for number in early)
    assert scheduler != "fifo" or len(early) == sum(depth < 0.5 for depth in started.values()) > 3
    assert all(state in {"completed", "pruned"} for state, _ in found.values())
    assert all(found[n][1] in {1, 3, 9} for n in found if n not in early)


@pytest.mark.parametrize("settings", [PATIENCE, RETURNS], ids=["patience", "returns"])
def test_the_last_checkpoint_of_an_early_trial_is_kept_and_is_of_its_last_epoch(
    bench: MakeBench, settings: dict[str, Any]
) -> None:
    sweep = bench(scheduler="fifo", settings=settings, checkpoint_seconds=100.0)
    sweep.run()
    found = ends(sweep)
    assert sweep.files() == sorted(
        line
        for number, (_, epoch) in found.items()
        for line in (f"{number:04d}", f"{number:04d}/001-{epoch:06d}.safetensors")
    )


@pytest.mark.parametrize("settings", [PATIENCE, RETURNS], ids=["patience", "returns"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_killed_driver_goes_on_to_the_same_end(
    bench: MakeBench, scheduler: str, settings: dict[str, Any]
) -> None:
    whole = bench("whole", scheduler=scheduler, settings=settings, workers=1)
    whole.run()
    for after in range(3, len(whole.records()), 17):
        parts = bench(f"parts-{after}", scheduler=scheduler, settings=settings, workers=1)
        parts.run(kill_after=after)
        while parts.run(kill_after=60) is not None:
            pass
        assert ends(parts) == ends(whole)
        assert {name.partition("/")[0] for name in parts.files()} == {
            name.partition("/")[0] for name in whole.files()
        }


@pytest.mark.parametrize("settings", [PATIENCE, RETURNS], ids=["patience", "returns"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_replaying_gives_the_live_state(
    bench: MakeBench,
    state_of: Callable[[Ledger], Any],
    scheduler: str,
    settings: dict[str, Any],
) -> None:
    sweep = bench(
        scheduler=scheduler,
        searcher="bohb",
        settings={**settings, "too_large_above": 0.9},
        lost=0.05,
    )
    sweep.run(snapshots=True)
    ledger = sweep.ledger()
    for record, live in zip(sweep.records(), sweep.snapshots, strict=True):
        ledger.replay(record)
        assert state_of(ledger) == live
    assert ledger.finished
    assert ledger.counts[State.INFEASIBLE] > 0


class Attentive(RandomSearch):
    """Notes what it is told."""

    def observe(self, observation: Observation) -> None:
        TOLD.append((observation.number, observation.epoch, observation.loss))


TOLD: list[tuple[int, int, float]] = []


def test_the_searcher_learns_the_best_loss_of_an_early_trial_as_that_of_a_whole_one(
    bench: MakeBench,
) -> None:
    """The epochs it did not take would have changed nothing, so its loss stands at the last."""
    TOLD.clear()
    sweep = bench(scheduler="fifo", searcher=Attentive(), settings=PATIENCE, trials=8)
    sweep.run()
    reported = of(sweep.records(), EpochReported)
    expected = {
        number: min(r.metrics["valid_loss"] for r in reported if r.number == number)
        for number in range(8)
    }
    assert {(number, 9, loss) for number, loss in expected.items()} == set(TOLD)
    assert {epoch for _, epoch in ends(sweep).values()} == {5, 9}


def test_a_config_that_cannot_run_here_is_infeasible_and_the_searcher_learns_it(
    bench: MakeBench,
) -> None:
    TOLD.clear()
    sweep = bench(
        scheduler="hyperband", searcher=Attentive(), settings={"too_large_above": 0.8}, seed=4
    )
    assert sweep.run() is None
    large = {r.number for r in of(sweep.records(), TrialStarted) if r.config["depth"] > 0.8}
    found = ends(sweep)
    assert {number for number in found if found[number] == ("infeasible", 0)} == large
    assert len(large) > 2
    assert {number for number, _, loss in TOLD if math.isinf(loss)} == large
    told = of(sweep.records(), TrialEnded)
    assert {record.reason for record in told} == {"out of GPU memory"}
    assert not any(name[:4] in {f"{number:04d}" for number in large} for name in sweep.files())


class Fickle(Curve):
    """Goes on where it is told to the first time, and stops at epoch 2 the second time."""

    begun: ClassVar[dict[float, int]] = {}

    def start(self, config: Any, *, seed: int) -> None:
        super().start(config, seed=seed)
        self.begun[self._depth] = self.begun.get(self._depth, 0) + 1
        self._done_at = 2 if self.begun[self._depth] > 1 else 0
        self._early = 2.0


def test_a_trial_that_ends_earlier_the_second_time_keeps_what_came_the_first_time(
    bench: MakeBench,
) -> None:
    Fickle.begun = {}
    sweep = bench(scheduler="fifo", trainable=Fickle, trials=1, workers=1, checkpoint_seconds=100.0)
    sweep.run(kill_after=5)  # started and four epochs
    assert sweep.run() is None
    assert ends(sweep) == {0: ("completed", 4)}
    assert [r.epoch for r in of(sweep.records(), EpochRepeated)] == [1]


class Unpausable(Curve):
    """Cannot be frozen."""

    can_pause = False  # type: ignore[assignment]  # a constant in the property's place

    def freeze(self) -> bytes:
        raise AssertionError("it cannot")

    def thaw(self, state: bytes) -> int:
        raise AssertionError("it cannot")


@pytest.mark.parametrize("scheduler", ["fifo", "asha"])
def test_a_trial_that_cannot_pause_goes_on_over_rungs_and_starts_over_after_a_loss(
    bench: MakeBench, scheduler: str
) -> None:
    whole = bench("whole", scheduler=scheduler, workers=1)
    whole.run()
    calm = bench("calm", scheduler=scheduler, workers=1, trainable=Unpausable)
    calm.run()
    assert ends(calm) == ends(whole)
    assert not of(calm.records(), EpochRepeated)
    assert calm.files() == []
    rough = bench("rough", scheduler=scheduler, workers=1, trainable=Unpausable, lost=0.1, seed=2)
    rough.run()
    again = of(rough.records(), TrialResumed)
    repeated = of(rough.records(), EpochRepeated)
    assert any(record.afresh for record in again)
    assert all(record.same for record in repeated)
    assert len(repeated) > 3
    assert sorted(ends(rough)) == list(range(24))


class Careful(Curve):
    """Keeps its state at even epochs only, as a user's function might."""

    def run_epoch(self) -> Any:
        done = super().run_epoch()
        if self._epoch % 2 == 0:
            self._kept = super().freeze()
        return done

    def start(self, config: Any, *, seed: int) -> None:
        super().start(config, seed=seed)
        self._kept = b""

    def frozen_epoch(self, epoch: int) -> int:
        return epoch - epoch % 2

    def freeze(self) -> bytes:
        return self._kept

    def thaw(self, state: bytes) -> int:
        self._kept = state
        return super().thaw(state)


def test_a_trial_whose_state_is_older_than_its_rung_runs_the_epochs_between_again(
    bench: MakeBench,
) -> None:
    whole = bench("whole", workers=2)
    whole.run()
    sweep = bench("sweep", workers=2, trainable=Careful)
    assert sweep.run() is None
    assert ends(sweep) == ends(whole)
    promoted = [record for record in of(sweep.records(), TrialResumed) if record.promoted]
    assert promoted
    assert {r.epoch for r in of(sweep.records(), EpochRepeated)} <= {1, 3}
    assert all(record.same for record in of(sweep.records(), EpochRepeated))
    keys = [r.checkpoint.key for r in of(sweep.records(), EpochReported) if r.checkpoint]
    assert all(int(key[-18:-12]) % 2 == 0 for key in keys)


def test_what_is_kept_of_a_completed_trial_survives_a_kill_at_its_last_record(
    bench: MakeBench,
) -> None:
    """Its state of epoch 8 is the newest there is: the record of epoch 9 brings none."""
    sweep = bench(scheduler="fifo", trainable=Careful, trials=1, workers=1)
    assert sweep.run(kill_after=9) == StopRun("killed")  # that of epoch 6 is there still
    assert sweep.run(kill_after=2) == StopRun("killed")  # resumed, and epoch 9
    last = sweep.records()[-1]
    assert isinstance(last, EpochReported)
    assert (last.epoch, last.checkpoint) == (9, None)
    assert len(sweep.files()) == 3
    assert sweep.run() is None
    assert sweep.files() == ["0000", "0000/001-000008.safetensors"]


def test_a_letter_to_a_process_that_is_gone_stops_nobody_else(tmp_path: Path) -> None:
    """What it says about a trial is about the run, and stays."""
    send(tmp_path / "inbox", StopRun("enough"))
    send(tmp_path / "inbox", StopTrial(3))
    send(tmp_path / "inbox", StopRun("really"))
    forget_stops(tmp_path / "inbox")
    assert list(Inbox(tmp_path / "inbox").take()) == [StopTrial(3)]
    forget_stops(tmp_path / "nowhere")
