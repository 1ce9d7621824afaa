"""The loop, with real workers in this process and every order of events."""

from __future__ import annotations

import errno
import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.inbox import StopRun, StopTrial, send
from orchestrator.engine.journal import segment_path
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import (
    Commanded,
    EpochRepeated,
    EpochReported,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.testing import Curve
from orchestrator.engine.trial import State
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.schedulers import Start
from orchestrator.schedulers.fifo import Fifo
from orchestrator.searchers.random_ import RandomSearch
from searchspaces import Config, OrchError
from trainables.outcomes import EpochDone, Outcome

MakeBench = Callable[..., Any]


def of(records: list[Record], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def check_whole(sweep: Any, trials: int = 24) -> dict[int, str]:
    """Nothing lost, nothing twice; the end of each trial."""
    records = sweep.records()
    assert [record.number for record in of(records, TrialStarted)] == list(range(trials))
    epochs = Counter((record.number, record.epoch) for record in of(records, EpochReported))
    assert set(epochs.values()) == {1}
    for number in range(trials):
        own = [epoch for trial, epoch in epochs if trial == number]
        assert own == list(range(1, len(own) + 1))
    assert all(record.same for record in of(records, EpochRepeated))
    ends: dict[int, str] = {}
    kept: list[str] = []
    for record in records:
        if isinstance(record, EpochReported) and record.verdict and record.verdict.kind == "stop":
            full = record.epoch == sweep.epochs
            assert record.number not in ends
            ends[record.number] = "completed" if full else "pruned"
            if full and record.checkpoint:
                kept += [f"{record.number:04d}", record.checkpoint.key]
        elif isinstance(record, TrialPruned | TrialEnded):
            assert record.number not in ends
            ends[record.number] = getattr(record, "state", "pruned")
    assert sorted(ends) == list(range(trials))
    assert sweep.files() == sorted(kept)
    return ends


def epochs_of(sweep: Any) -> dict[tuple[int, int], Any]:
    """Metrics by trial and epoch."""
    reported = of(sweep.records(), EpochReported)
    return {(record.number, record.epoch): record.metrics for record in reported}


@pytest.mark.parametrize("scheduler", ["fifo", "asha", "hyperband"])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_sweep_ends_every_trial_and_keeps_only_checkpoints_of_completed_ones(
    bench: MakeBench, scheduler: str, workers: int
) -> None:
    sweep = bench(scheduler=scheduler, workers=workers, seed=workers)
    assert sweep.run() is None
    ends = check_whole(sweep)
    if scheduler == "fifo":
        assert set(ends.values()) == {"completed"}
    if scheduler == "hyperband":  # for R=9: brackets of 9, 3, 3 and again 9 trials
        assert Counter(ends.values())["completed"] == 1 + 1 + 3 + 1


def test_a_driver_killed_after_any_record_loses_nothing_and_repeats_nothing(
    bench: MakeBench,
) -> None:
    whole = bench("whole", workers=1)
    whole.run()
    total = len(whole.records())
    for after in range(1, total + 1, 9):
        sweep = bench(f"killed-{after}", workers=1)
        assert sweep.run(kill_after=after) == StopRun("killed")
        assert sweep.run() is None
        check_whole(sweep)
        assert epochs_of(sweep) == epochs_of(whole)


@pytest.mark.parametrize("scheduler", ["fifo", "asha", "hyperband"])
@pytest.mark.parametrize("seed", range(6))
def test_a_driver_killed_again_and_again_among_lost_workers_and_failures_goes_on(
    bench: MakeBench, scheduler: str, seed: int
) -> None:
    sweep = bench(
        scheduler=scheduler,
        searcher="bohb",
        seed=seed,
        lost=0.1,
        settings={"diverge_below": 0.6, "raise_below": 0.4},
        checkpoint_seconds=0.0 if seed % 2 else 100.0,
    )
    journal = sweep.folder / "journal"
    sessions = 0
    before: dict[Path, bytes] = {}
    while sweep.run(kill_after=7 + 3 * seed if seed % 2 else 60) is not None:
        sessions += 1
        assert all(path.read_bytes() == data for path, data in before.items())
        before = {path: path.read_bytes() for path in journal.iterdir()}
    assert sessions > 1
    ends = check_whole(sweep)
    if scheduler == "fifo":  # the others may stop a trial before it can fail, in epoch 2
        unlucky = {r.number for r in of(sweep.records(), TrialEnded) if "workers" in r.reason}
        for record in of(sweep.records(), TrialStarted):
            fails = record.config["depth"] < 0.6 or record.number in unlucky
            assert ends[record.number] == ("failed" if fails else "completed")


def test_a_trial_that_is_killed_with_its_worker_goes_on_from_its_checkpoint(
    bench: MakeBench,
) -> None:
    sweep = bench(scheduler="fifo", trials=4, lost=0.15, seed=3)
    sweep.run()
    resumed = of(sweep.records(), TrialResumed)
    assert resumed
    assert {record.reason for record in resumed} == {"its process died"}
    assert not any(record.afresh or record.promoted for record in resumed)
    assert [r.attempt for r in resumed if r.number == 0] == list(
        range(2, 2 + sum(r.number == 0 for r in resumed))
    )
    assert not of(sweep.records(), EpochRepeated)  # a checkpoint after every epoch
    check_whole(sweep, 4)


def test_epochs_since_the_checkpoint_run_again_after_a_loss_and_are_the_same(
    bench: MakeBench,
) -> None:
    sweep = bench(scheduler="fifo", trials=6, lost=0.04, seed=1, checkpoint_seconds=100.0)
    sweep.run()
    assert of(sweep.records(), EpochRepeated)
    check_whole(sweep, 6)


def test_a_trial_that_loses_every_worker_fails_and_the_others_go_on(bench: MakeBench) -> None:
    class Deadly(Curve):
        def run_epoch(self) -> Outcome:
            if self._depth < 0.3:
                raise SystemExit
            return super().run_epoch()

    sweep = bench(scheduler="fifo", trials=8, trainable=Deadly)
    assert sweep.run() is None
    ends = check_whole(sweep, 8)
    shallow = [r.number for r in of(sweep.records(), TrialStarted) if r.config["depth"] < 0.3]
    assert shallow
    assert sorted(number for number in ends if ends[number] == "failed") == shallow
    assert {record.reason for record in of(sweep.records(), TrialEnded)} == {
        "lost 3 workers in a row: its process died"
    }


def test_a_worker_goes_on_with_other_trials_after_one_that_raised(bench: MakeBench) -> None:
    made: list[Any] = []

    class Raising(Curve):
        def prepare(self, **settings: Any) -> None:
            made.append(self)
            super().prepare(**settings)

    sweep = bench(scheduler="fifo", workers=2, settings={"raise_below": 0.3}, trainable=Raising)
    assert sweep.run() is None
    assert len(made) == 2
    ends = check_whole(sweep)
    ended = {record.number: record for record in of(sweep.records(), TrialEnded)}
    for record in of(sweep.records(), TrialStarted):
        shallow = record.config["depth"] < 0.3
        assert ends[record.number] == ("failed" if shallow else "completed")
        if shallow:
            told = ended[record.number]
            assert told.reason == f"RuntimeError: depth {record.config['depth']:.3f} is too little"
            assert told.detail.startswith("Traceback (most recent call last):")
            assert told.detail.endswith("is too little\n")


def test_a_diverged_trial_fails_with_its_reason(bench: MakeBench) -> None:
    sweep = bench(scheduler="fifo", settings={"diverge_below": 0.3})
    sweep.run()
    ends = check_whole(sweep)
    assert Counter(ends.values())["failed"] == len(of(sweep.records(), TrialEnded)) > 0
    assert {r.reason for r in of(sweep.records(), TrialEnded)} == {"loss became nan"}
    assert {r.detail for r in of(sweep.records(), TrialEnded)} == {""}


def test_errors_that_the_journal_cannot_hold_are_cut_and_cleaned(bench: MakeBench) -> None:
    class Wordy(Curve):
        def run_epoch(self) -> Outcome:
            raise OSError("\udce4" + "x" * 100_000)

    sweep = bench(scheduler="fifo", trials=1, trainable=Wordy)
    assert sweep.run() is None
    [ended] = of(sweep.records(), TrialEnded)
    assert ended.reason == "OSError: \\udce4" + "x" * 485
    assert len(ended.detail) == 20_000


class NanInTheMiddle(Curve):
    """Reports nan at epoch 4 and would go on."""

    def run_epoch(self) -> Outcome:
        done = super().run_epoch()
        if isinstance(done, EpochDone) and self._epoch == 4 and self._depth < 0.5:
            return EpochDone({**done.metrics, "valid_loss": math.nan})
        return done


def test_results_of_a_trial_that_has_ended_are_late_and_leave_nothing(bench: MakeBench) -> None:
    sweep = bench(scheduler="fifo", trainable=NanInTheMiddle, seed=2)
    sweep.run()
    ends = check_whole(sweep)  # looks for files too
    for record in of(sweep.records(), TrialStarted):
        epochs = [r.epoch for r in of(sweep.records(), EpochReported) if r.number == record.number]
        if record.config["depth"] < 0.5:
            assert (ends[record.number], epochs) == ("failed", [1, 2, 3])
        else:
            assert (ends[record.number], len(epochs)) == ("completed", 9)


def test_finished_trials_leave_the_memory_of_the_driver(bench: MakeBench) -> None:
    most = 0

    def seen(record: Record, ledger: Ledger) -> None:
        nonlocal most
        most = max(most, len(ledger.live))

    bench(scheduler="asha", trials=60, workers=3).run(seen=seen)
    assert most == 3


class TestStopping:
    def test_a_running_trial_is_pruned_at_its_next_result(self, bench: MakeBench) -> None:
        sweep = bench(scheduler="fifo", trials=5, workers=2)

        def seen(record: Record, ledger: Ledger) -> None:
            if isinstance(record, EpochReported) and (record.number, record.epoch) == (1, 2):
                sweep.inbox.put(StopTrial(1))
                sweep.inbox.put(StopTrial(77))  # there is no such trial

        assert sweep.run(seen=seen) is None
        ends = check_whole(sweep, 5)
        assert ends == {0: "completed", 1: "pruned", 2: "completed", 3: "completed", 4: "completed"}
        [ended] = of(sweep.records(), TrialEnded)
        assert (ended.state, ended.reason) == ("pruned", "stopped from outside")
        commands = [(r.number, r.refused) for r in of(sweep.records(), Commanded)]
        assert commands == [(1, ""), (77, "trial 77 has not started")]

    def test_a_paused_trial_is_pruned_at_once_and_its_bracket_goes_on(
        self, bench: MakeBench
    ) -> None:
        sweep = bench(workers=1)

        def seen(record: Record, ledger: Ledger) -> None:
            if isinstance(record, EpochReported) and (record.number, record.epoch) == (2, 1):
                assert ledger.live[2].state is State.PAUSED
                send(sweep.folder / "inbox", StopTrial(2))

        assert sweep.run(seen=seen) is None
        ends = check_whole(sweep)
        assert ends[2] == "pruned"
        assert list((sweep.folder / "inbox").iterdir()) == []

    def test_a_trial_that_waits_for_a_worker_is_pruned(self, bench: MakeBench) -> None:
        sweep = bench(scheduler="fifo", trials=3, workers=3)
        assert sweep.run(kill_after=10) == StopRun("killed")
        live = sweep.ledger()
        for record in sweep.records():
            live.replay(record)
        sweep.workers = 1
        [first, *_] = live.live
        sweep.inbox.put(StopTrial(first))
        assert sweep.run() is None
        assert check_whole(sweep, 3)[first] == "pruned"

    def test_a_stopped_trial_whose_worker_dies_is_not_run_again(self, bench: MakeBench) -> None:
        for seed in range(8):
            sweep = bench(f"{seed}", scheduler="fifo", trials=3, lost=0.5, seed=seed, workers=2)

            def seen(record: Record, ledger: Ledger, sweep: Any = sweep) -> None:
                if isinstance(record, TrialStarted) and record.number == 0:
                    sweep.inbox.put(StopTrial(0))

            assert sweep.run(seen=seen) is None
            assert check_whole(sweep, 3)[0] in {"pruned", "failed"}
            numbers = [type(r).__name__ for r in sweep.records() if getattr(r, "number", 9) == 0]
            stopped = numbers.index("Commanded")
            assert "TrialResumed" not in numbers[stopped:]

    @pytest.mark.parametrize("letter", [True, False])
    def test_a_run_that_is_stopped_says_why_and_goes_on_later(
        self, bench: MakeBench, letter: bool
    ) -> None:
        sweep = bench()
        command = StopRun(
            "stopped from outside" if letter else "stopped by you", 0 if letter else 2
        )

        def seen(record: Record, ledger: Ledger) -> None:
            if isinstance(record, EpochReported) and record.number == 5:
                if letter:
                    send(sweep.folder / "inbox", command)
                else:
                    sweep.inbox.put(command)

        assert sweep.run(seen=seen) == command
        assert 0 < len(of(sweep.records(), EpochReported)) < 60
        assert sweep.run() is None
        check_whole(sweep)

    def test_what_has_come_when_the_run_is_stopped_is_kept(self, bench: MakeBench) -> None:
        sweep = bench(scheduler="asha", workers=4)
        sweep.inbox.put(StopRun("now"))
        assert sweep.run() == StopRun("now")  # nothing was begun
        assert sweep.records() == []

        def seen(record: Record, ledger: Ledger) -> None:
            if isinstance(record, TrialStarted) and record.number == 3:
                sweep.inbox.put(StopRun("now"))

        assert sweep.run(seen=seen) == StopRun("now")
        names = [type(record).__name__ for record in sweep.records()]
        assert names[:4] == ["TrialStarted"] * 4
        assert "TrialStarted" not in names[4:]
        assert names.count("EpochReported") >= 4  # every lease was heard to its end
        assert max(r.epoch for r in of(sweep.records(), EpochReported)) <= 3  # and none renewed
        assert sweep.run() is None
        check_whole(sweep)


class TestCheckpoints:
    def spoil(self, sweep: Any, how: str) -> list[str]:
        files = sorted(sweep.store.folder.rglob("*.safetensors"))
        assert files
        for file in files:
            if how == "missing":
                file.unlink()
            else:
                data = bytearray(file.read_bytes())
                data[0] ^= 1
                file.write_bytes(data)
        return [str(file.relative_to(sweep.store.folder)) for file in files]

    @pytest.mark.parametrize("how", ["missing", "damaged"])
    @pytest.mark.parametrize("scheduler", ["fifo", "hyperband"])
    def test_a_trial_whose_checkpoint_is_useless_starts_over_and_says_so(
        self, bench: MakeBench, scheduler: str, how: str
    ) -> None:
        whole = bench("whole", scheduler=scheduler, workers=1)
        whole.run()
        sweep = bench(scheduler=scheduler, workers=1)
        sweep.run(kill_after=17)
        spoilt = self.spoil(sweep, how)
        assert sweep.run() is None
        problem = (
            "cannot be read: No such file or directory"
            if how == "missing"
            else "its bytes are not those that were written"
        )
        afresh = [record for record in of(sweep.records(), TrialResumed) if record.afresh]
        assert afresh
        assert {record.reason for record in afresh} <= {
            f"checkpoint {key}: {problem}" for key in spoilt
        }
        assert of(sweep.records(), EpochRepeated)
        check_whole(sweep) if how == "damaged" or scheduler == "hyperband" else None
        assert epochs_of(sweep) == epochs_of(whole)

    def test_files_that_killed_workers_left_go_with_their_trial(self, bench: MakeBench) -> None:
        sweep = bench(workers=2)
        sweep.run(kill_after=25)
        for folder in sweep.store.folder.iterdir():
            (folder / "001-000007.4711.part").write_bytes(b"half")
            (folder / "009-000001.safetensors").write_bytes(b"never journaled")
        assert sweep.run() is None
        check_whole(sweep)

    def test_a_full_disk_stops_the_sweep_and_fails_no_trial(
        self, bench: MakeBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(self: FolderStore, key: str, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        sweep = bench()
        monkeypatch.setattr(FolderStore, "write", full)
        with pytest.raises(OrchError) as failure:
            sweep.run()
        text = str(failure.value)
        assert text.startswith("checkpoint 000")
        assert text.endswith(
            "-000001.safetensors: cannot be written: No space left on device. "
            "When that is mended: orch resume"
        )
        monkeypatch.undo()
        assert sweep.run() is None
        assert "failed" not in check_whole(sweep).values()


def test_a_scheduler_that_waits_for_nothing_is_an_error_and_no_endless_loop(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = Fifo.propose

    def stuck(self: Fifo) -> Start | None:
        return proposed(self) if self._started < 2 else None

    monkeypatch.setattr(Fifo, "propose", stuck)
    with pytest.raises(OrchError, match=r"^0 trials wait for each other: the scheduler has"):
        bench(scheduler="fifo").run()


def test_an_unwritable_journal_ends_the_run_and_keeps_what_was_written(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = bench(workers=1)
    sweep.run(kill_after=10)
    segment_path(sweep.folder / "journal", 2).mkdir()
    with pytest.raises(OrchError, match=r"000002\.log: cannot be"):
        sweep.run()
    segment_path(sweep.folder / "journal", 2).rmdir()
    assert sweep.run() is None
    check_whole(sweep)


class SlowSearch(RandomSearch):
    """Takes as long for a config as a model does."""

    def suggest(self, number: int) -> Config:
        time.sleep(0.02)
        return super().suggest(number)


@pytest.mark.parametrize(("searcher", "between"), [(SlowSearch(), True), (RandomSearch(), False)])
def test_results_do_not_wait_for_all_the_suggestions_of_a_slow_searcher(
    bench: MakeBench, searcher: RandomSearch, between: bool
) -> None:
    sweep = bench(searcher=searcher, scheduler="fifo", workers=4, trials=6, epochs=2)
    sweep.run()
    kinds = [type(record) for record in sweep.records()]
    first = kinds.index(EpochReported)
    assert (kinds[:first].count(TrialStarted) < 4) is between
    check_whole(sweep, trials=6)
