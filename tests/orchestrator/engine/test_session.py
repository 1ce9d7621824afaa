"""A run on a real Ray: real actors, real deaths, real interruptions."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.inbox import Change, Inbox, StopRun, StopTrial, send
from orchestrator.engine.journal import read
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Closed,
    Commanded,
    EpochRepeated,
    EpochReported,
    Opened,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.session import Place, Plan, run
from orchestrator.engine.stopping import LimitReachedError, StopRules
from orchestrator.engine.testing import CurveTrial, curve_space
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.strategies import scheduler_from, searcher_from
from searchspaces import ConfigurationError, OrchError

Seen = Callable[[Record], None]


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    """One Ray for all: a session uses the one that is there."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    assert ray.is_initialized()
    ray.shutdown()


class Sweep:
    """A sweep of learning curves in a folder."""

    def __init__(self, folder: Path, scheduler: str, **changes: Any) -> None:
        self.folder = folder
        self.scheduler = scheduler
        self.settings: dict[str, Any] = changes.pop("settings", {})
        self.changes = changes
        self.flushed: list[int] = []

    def run(self, seen: Seen = lambda _: None, **changes: Any) -> StopRun | None:
        class Watch:
            def note(self, record: Record) -> None:
                seen(record)

            def tick(self) -> None: ...

        plan: dict[str, Any] = {
            "space": curve_space(),
            "searcher": searcher_from("random"),
            "scheduler": scheduler_from(self.scheduler),
            "objective": Objective("valid_loss", "min"),
            "trials": 12,
            "max_epochs": 9,
            "seed": 0,
            "trainable": CurveTrial,
            "settings": self.settings,
            "data": None,
            "workers": 2,
            "checkpoint_seconds": 0.0,
            **self.changes,
            **changes,
        }
        return run(
            Plan(**plan),
            Place(self.folder / "journal", FolderStore(self.folder / "checkpoints"), str),
            inbox=Inbox(self.folder / "inbox"),
            observers=[Watch()],
            flush=self.flushed.append,
        )

    def of(self, kind: type) -> list[Any]:
        found = (entry.record for entry in read(self.folder / "journal"))
        return [record for record in found if isinstance(record, kind)]

    @property
    def configs(self) -> list[dict[str, Any]]:
        return [record.config for record in self.of(TrialStarted)]

    @property
    def epochs(self) -> list[tuple[int, int, Any]]:
        """Trial, epoch and metrics of every counted epoch, in order."""
        return [(r.number, r.epoch, r.metrics) for r in self.of(EpochReported)]

    @property
    def files(self) -> list[str]:
        root = self.folder / "checkpoints"
        return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())

    def ends(self) -> dict[int, int]:
        """The last epoch of each trial; no epoch is there twice or missing."""
        epochs = Counter((number, epoch) for number, epoch, _ in self.epochs)
        assert set(epochs.values()) <= {1}
        ends: dict[int, int] = {}
        for number, epoch in epochs:
            assert epoch == ends.get(number, 0) + 1
            ends[number] = epoch
        return ends


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Sweep]:
    def make(scheduler: str = "fifo", *, name: str = "run", **changes: Any) -> Sweep:
        return Sweep(tmp_path / name, scheduler, **changes)

    return make


@pytest.mark.parametrize(
    "workers",
    [pytest.param(1, marks=pytest.mark.extended), 2, pytest.param(5, marks=pytest.mark.extended)],
)
def test_hyperband_ends_18_12_8_and_8_of_46_trials_at_1_3_9_and_27_epochs(
    sweep: Callable[..., Sweep], workers: int
) -> None:
    """Li et al., Hyperband, JMLR 18 (2018), algorithm 1 for R=27, eta=3: one full iteration."""
    run = sweep("hyperband", workers=workers, trials=46, max_epochs=27)
    assert run.run() is None
    ends = run.ends()
    assert Counter(ends.values()) == {1: 18, 3: 12, 9: 8, 27: 8}
    assert len(run.of(TrialPruned)) == 38
    full = sorted(number for number, end in ends.items() if end == 27)
    assert run.files == sorted(f"{number}/001-000027.safetensors" for number in full)
    [closed] = run.of(Closed)
    assert closed.reason == "finished"
    assert 0 < closed.epoch_seconds < closed.worker_seconds
    last = list(read(run.folder / "journal"))[-1].sequence
    assert run.flushed == [2, last]


ALONE = {"workers": 1, "searcher": searcher_from("bohb"), "trials": 20}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep of one worker that nobody stopped."""
    run = Sweep(tmp_path_factory.mktemp("whole"), "hyperband", **ALONE)
    assert run.run() is None
    return run


def test_the_same_seed_gives_the_same_sweep_at_concurrency_1(
    sweep: Callable[..., Sweep], whole: Sweep
) -> None:
    again = sweep("hyperband", **ALONE)
    assert again.run() is None
    assert again.configs == whole.configs
    assert again.epochs == whole.epochs


def test_a_sweep_stopped_and_resumed_equals_one_that_was_not(
    sweep: Callable[..., Sweep], whole: Sweep
) -> None:
    parts = sweep("hyperband", settings={"seconds": 0.02}, **ALONE)
    due = {(5, 1), (7, 2)}

    def stop(record: Record) -> None:
        if isinstance(record, EpochReported) and (record.number, record.epoch) in due:
            due.remove((record.number, record.epoch))
            send(parts.folder / "inbox", StopRun("enough"))

    sessions = 0
    while (stopped := parts.run(stop)) is not None:
        assert stopped == StopRun("stopped from outside")
        sessions += 1
    assert sessions >= 1
    assert parts.configs == whole.configs
    assert parts.epochs == whole.epochs
    assert all(record.same for record in parts.of(EpochRepeated))
    assert [record.reason for record in parts.of(Closed)] == [
        *["stopped from outside"] * sessions,
        "finished",
    ]
    assert len(parts.of(Opened)) == sessions + 1
    assert {r.reason for r in parts.of(TrialResumed) if not r.promoted} <= {"the driver ended"}


def test_a_finished_run_is_left_as_it_is(sweep: Callable[..., Sweep]) -> None:
    run = sweep(trials=2, max_epochs=2)
    run.run()

    def files() -> dict[Path, tuple[int, int]]:
        return {
            file: (file.stat().st_mtime_ns, file.stat().st_size) for file in run.folder.rglob("*")
        }

    before = files()
    told: list[Record] = []
    assert run.run(told.append) is None
    assert files() == before
    assert told == [entry.record for entry in read(run.folder / "journal")]
    assert run.flushed[-1] == run.flushed[-2]


def test_what_is_set_between_two_processes_holds_until_something_younger(
    sweep: Callable[..., Sweep],
) -> None:
    """Letters that wait count before a limit is refused; what the new process is told, after."""
    made = sweep("fifo", rules=StopRules(max_epochs_total=4), trials=4)
    first = made.run()
    assert first is not None
    assert first.limit == "max_epochs_total"
    with pytest.raises(LimitReachedError, match="the limit of 4 epochs"):
        made.run()
    send(made.folder / "inbox", Change("set", {"max_epochs_total": 400, "target": 5.0}))
    with pytest.raises(LimitReachedError, match="target 5 is reached"):
        made.run()
    second = made.run(changes={"target": None, "max_epochs_total": len(made.epochs) + 3})
    assert second is not None
    assert second.limit == "max_epochs_total"
    assert [record.values.get("max_epochs_total", 0) > 300 for record in made.of(Commanded)] == [
        True,
        False,
    ]
    with pytest.raises(LimitReachedError, match="the limit of"):
        made.run()  # both are in the journal
    assert made.run(changes={"max_epochs_total": None}) is None
    assert len(made.epochs) == 36
    assert len(made.of(Commanded)) == 3


def test_trials_that_diverge_or_raise_fail_and_their_worker_goes_on(
    sweep: Callable[..., Sweep], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()

    class Counted(CurveTrial):  # defined here, so that it travels by value
        def prepare(self, **settings: Any) -> None:
            (pids / str(os.getpid())).touch()
            super().prepare(**settings)

    run = sweep(trainable=Counted, settings={"raise_below": 0.3, "diverge_below": 0.5})
    assert run.run() is None
    assert len(list(pids.iterdir())) <= 2
    failed = {record.number: record.reason for record in run.of(TrialEnded)}
    expected = {}
    for number, config in enumerate(run.configs):
        if config["depth"] < 0.3:
            expected[number] = f"RuntimeError: depth {config['depth']:.3f} is too little"
        elif config["depth"] < 0.5:
            expected[number] = "loss became nan"
    assert failed == expected
    assert set(failed.values()) > {"loss became nan"}
    assert run.ends() == {number: 1 if number in failed else 9 for number in range(12)}
    assert len(run.files) == 12 - len(failed)


def test_a_trial_whose_worker_is_killed_goes_on_in_another(
    sweep: Callable[..., Sweep], tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    marker.mkdir()
    run = sweep(trials=6, settings={"die_below": 0.5, "marker": str(marker)})
    assert run.run() is None
    dead = [number for number, config in enumerate(run.configs) if config["depth"] < 0.5]
    assert dead
    assert run.ends() == dict.fromkeys(range(6), 9)
    resumed = run.of(TrialResumed)
    assert sorted(record.number for record in resumed) == dead
    for record in resumed:
        assert (record.attempt, record.promoted, record.afresh) == (2, False, False)
        assert "its worker process has died" in record.reason
        assert "Some common causes" not in record.reason
    assert len(run.files) == 6


def test_a_trial_that_kills_every_worker_fails_and_the_others_go_on(
    sweep: Callable[..., Sweep],
) -> None:
    run = sweep(trials=4, settings={"die_below": 0.3})
    assert run.run() is None
    dead = [number for number, config in enumerate(run.configs) if config["depth"] < 0.3]
    assert len(dead) == 1
    [ended] = run.of(TrialEnded)
    assert ended.number == dead[0]
    assert ended.reason.startswith("lost 3 workers in a row: The actor is dead because its worker")
    assert run.ends() == {number: 1 if number in dead else 9 for number in range(4)}


def test_a_worker_that_cannot_be_made_is_told_at_once(sweep: Callable[..., Sweep]) -> None:
    class Broken(CurveTrial):
        def prepare(self, **settings: Any) -> None:
            raise ConfigurationError("no such thing.", place="architecture")

    class Odd(CurveTrial):
        def prepare(self, **settings: Any) -> None:
            raise ZeroDivisionError("by nothing")

    run = sweep(trainable=Broken)
    with pytest.raises(ConfigurationError, match=r"^architecture: no such thing\.$"):
        run.run()
    assert [record.reason for record in run.of(Closed)] == ["failed"]
    with pytest.raises(OrchError, match=r"^no worker could be started: .*by nothing$"):
        sweep(name="odd", trainable=Odd).run()


def test_a_running_trial_is_interrupted_by_a_letter(sweep: Callable[..., Sweep]) -> None:
    run = sweep(trials=3, max_epochs=60, settings={"seconds": 0.1}, workers=3)

    def stop(record: Record) -> None:
        if isinstance(record, EpochReported) and record.epoch == 2:
            send(run.folder / "inbox", StopTrial(record.number))

    assert run.run(stop) is None
    ends = run.ends()
    assert sorted(ends) == [0, 1, 2]
    assert max(ends.values()) < 40  # no lease was heard to its end
    assert {(r.state, r.reason) for r in run.of(TrialEnded)} == {("pruned", "stopped from outside")}
    assert sorted(record.number for record in run.of(Commanded)) == [0, 1, 2]
    assert run.files == []


def test_a_run_stops_itself_when_its_time_is_up(sweep: Callable[..., Sweep]) -> None:
    run = sweep(trials=3, max_epochs=500, settings={"seconds": 0.05}, max_seconds=1.0)
    assert run.run() == StopRun("time is up")
    first = run.ends()
    assert 0 < sum(first.values()) < 100
    assert run.run() == StopRun("time is up")
    second = run.ends()
    assert sum(second.values()) > sum(first.values())
    assert 2 not in second
    assert {record.attempt for record in run.of(TrialResumed)} == {2}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C; the tests may run there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_within_python_keeps_everything_reported(sweep: Callable[..., Sweep]) -> None:
    run = sweep(trials=2, max_epochs=100, settings={"seconds": 0.05})

    def seen(record: Record) -> None:
        # Raised here and not by a timer: an interrupt that falls into one of Ray's own
        # finalisers is printed by Python and goes no further.
        if isinstance(record, EpochReported) and record.epoch == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run.run(seen)
    assert run.of(Closed)[-1].reason == "interrupted"
    before = run.epochs
    assert before
    assert run.run(max_seconds=0.3) == StopRun("time is up")
    assert run.epochs[: len(before)] == before
    assert run.ends()
