"""A sweep whose checkpoints lie in a bucket loses nothing when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported, TrialEnded, TrialResumed
from orchestrator.engine.trial import State
from orchestrator.runs.cleaning import waste_of
from orchestrator.runs.folder import all_runs
from orchestrator.runs.storage import elsewhere

NEW = """
import sys, orchestrator
orchestrator.run(
    "mlp-hyperband", runs=sys.argv[1], storage=sys.argv[2], trials=20, epochs=9, concurrency=2,
    checkpoint_seconds=0.05, training={"batch_size": 16},
)
"""
AGAIN = "import sys, orchestrator; orchestrator.resume(runs=sys.argv[1])"
MARK = "ORCH_TEST_STORAGE"


@pytest.fixture
def driver(tmp_path, s3):
    """Starts a process that runs or resumes; whatever it leaves behind is ended."""
    runs = tmp_path / "runs"
    url = f"s3://{s3.bucket()}/sweeps"

    def start(code):
        with (tmp_path / "output").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-c", code, str(runs), url],
                stdout=output,
                stderr=output,
                env={**os.environ, MARK: str(tmp_path)},
            )

    yield start, runs, tmp_path / "output"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(tmp_path):
                process.kill()


def reported(runs):
    files = runs.glob("[!.]*/journal/*.log")
    return sum(path.read_bytes().count(b'"type":"epoch"') for path in files)


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_trials_go_on_from_their_checkpoints_in_the_bucket_after_a_kill(driver, s3):
    start, runs, output = driver
    process = start(NEW)
    deadline = time.monotonic() + 180
    while reported(runs) < 20:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    [folder] = all_runs(runs)
    before = list(read(folder.journal))
    assert start(AGAIN).wait(120) == 0, output.read_text()

    entries = list(read(folder.journal))
    assert entries[: len(before)] == before
    records = [entry.record for entry in entries]
    results = [(one.number, one.epoch) for one in records if isinstance(one, EpochReported)]
    assert max(Counter(results).values()) == 1
    resumed = [one for one in records[len(before) :] if isinstance(one, TrialResumed)]
    assert resumed
    assert not any(one.afresh for one in resumed)  # every checkpoint was found

    # Li et al., Hyperband, R=9, eta=3: the run keeps one checkpoint of each that ran to the end.
    full = {number for number, epoch in results if epoch == 9}
    newest = {one.number: one.checkpoint for one in records
              if isinstance(one, EpochReported | TrialEnded) and one.checkpoint}  # fmt: skip
    store = elsewhere(folder.path, folder.id)
    kept = {one.key for one in store.kept()}
    assert {newest[number].key for number in full} <= kept
    assert all(store.load(newest[number]) for number in full)
    assert not folder.checkpoints.exists()
    ranked = [(number, State.COMPLETED) for number in full]
    waste_of(folder, ranked, finished=True, keep=9).delete()  # what the kill left undeleted
    assert {one.key for one in store.kept()} == {newest[number].key for number in full}
