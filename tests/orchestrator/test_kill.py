"""A driver killed with SIGKILL loses nothing and does nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from analysis.load import load_run
from orchestrator.engine.journal import Entry, read
from orchestrator.engine.records import (
    EpochReported,
    TrialEnded,
    TrialPruned,
    TrialStarted,
    Verdict,
)
from orchestrator.runs.folder import RunFolder, all_runs

TRIALS, EPOCHS = 24, 9
NEW = """
import sys, orchestrator
orchestrator.run(
    "mlp-hyperband", runs=sys.argv[1], trials=24, epochs=9, concurrency=2, checkpoint_seconds=0.05,
    training={"batch_size": 64},
)
"""
AGAIN = "import sys, orchestrator; orchestrator.resume(runs=sys.argv[1])"
SEED = 10
SOON = {"RAY_gcs_rpc_server_reconnect_timeout_s": "15"}
"""Ray's agents of a killed driver look for its head service so long; a minute without this."""


def driver(code: str, runs: Path) -> subprocess.Popen[bytes]:
    """A process of its own that runs or resumes the sweep; its output goes to a file."""
    with (runs.parent / "output").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(runs)],
            stdout=output,
            stderr=output,
            env={**os.environ, **SOON, "ORCH_TEST_DRIVER": str(runs)},
        )


def journal(runs: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(runs.glob("[!.]*/journal/*.log"))}


def results(runs: Path) -> int:
    """Epochs reported so far; a line that is being written does not count."""
    return sum(data.count(b'"type":"epoch"') for data in journal(runs).values())


def kill_after(process: subprocess.Popen[bytes], runs: Path, epochs: int, delay: float) -> int:
    """SIGKILL once so many more results are in the journal, and a moment later; results then."""
    goal = results(runs) + epochs
    deadline = time.monotonic() + 180
    while results(runs) < goal:
        assert process.poll() is None, (runs.parent / "output").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    return results(runs)


def relatives(runs: Path) -> list[psutil.Process]:
    """Every process that a driver of this test started, Ray's included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ORCH_TEST_DRIVER") == str(runs):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def over(entries: list[Entry]) -> set[int]:
    """Trials that have ended."""
    numbers = set()
    for _, record in entries:
        match record:
            case EpochReported(verdict=Verdict(kind="stop")) | TrialPruned() | TrialEnded():
                numbers.add(record.number)
            case _:
                pass
    return numbers


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_result_is_lost_or_doubled_when_the_driver_is_killed_twice(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    rng = random.Random(SEED)
    process = driver(NEW, runs)
    kept: list[tuple[list[Entry], dict[str, bytes]]] = []
    for _ in range(2):  # a new run, and one that was resumed
        kill_after(process, runs, rng.randint(1, 20), rng.uniform(0, 0.05))
        [folder] = all_runs(runs)
        kept.append((list(read(folder.journal)), journal(runs)))
        process = driver(AGAIN, runs)
    assert process.wait(180) == 0, (tmp_path / "output").read_text()

    [folder] = all_runs(runs)
    entries = list(read(folder.journal))
    for before, files in kept:
        assert entries[: len(before)] == before
        for path, data in files.items():
            assert Path(path).read_bytes().startswith(data)
        seen = len(before)
        ended = over(before)
        assert not [
            record for _, record in entries[seen:] if getattr(record, "number", None) in ended
        ]
    assert len(kept[0][0]) < len(kept[1][0]) < len(entries)
    started = [record for _, record in entries if isinstance(record, TrialStarted)]
    assert [record.number for record in started] == list(range(TRIALS))
    check_tables(folder, entries)
    check_nothing_is_left_running(runs)


def check_tables(folder: RunFolder, entries: list[Entry]) -> None:
    """Both tables hold the journal's results, every trial once, every epoch once."""
    trials, epochs = pl.read_parquet(folder.trials), pl.read_parquet(folder.epochs)
    assert load_run(folder.path).notes == ()
    suffix = folder.id[-4:]
    assert sorted(trials["trial_id"]) == [f"{suffix}-{number:04d}" for number in range(TRIALS)]
    assert set(trials["state"]) == {"completed", "pruned"}
    # Li et al., Hyperband, algorithm 1 for R=9, eta=3, brackets counted in integers: 9, 3 and 3
    # trials, then 9 again. Nine leave 6, 2 and 1 at 1, 3 and 9 epochs, three leave 2 and 1 at 3
    # and 9, and the last three run to the end.
    assert Counter(trials["epochs"]) == {1: 12, 3: 6, 9: 6}
    reported: dict[tuple[int, int], Any] = {}
    for _, record in entries:
        if isinstance(record, EpochReported):
            assert (record.number, record.epoch) not in reported
            reported[record.number, record.epoch] = record.metrics["valid_loss"]
    rows = epochs.select("number", "epoch", "metric.valid_loss").rows()
    assert {(number, epoch): loss for number, epoch, loss in rows} == reported
    assert len(rows) == len(reported)
    for number, last in trials.select("number", "epochs").rows():
        own = [epoch for trial, epoch, _ in rows if trial == number]
        assert own == list(range(1, last + 1))
    full = trials.filter(pl.col("state") == "completed")["trial_id"]
    files = [path for path in folder.checkpoints.rglob("*") if path.is_file()]
    assert sorted(path.parent.name for path in files) == sorted(full)


def check_nothing_is_left_running(runs: Path) -> None:
    deadline = time.monotonic() + 180
    while relatives(runs):
        assert time.monotonic() < deadline, relatives(runs)
        time.sleep(0.25)
