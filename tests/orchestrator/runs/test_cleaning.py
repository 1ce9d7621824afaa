"""What a run still needs, and what can go."""

from __future__ import annotations

import os
import time

import pytest

from orchestrator.engine.journal import JournalError
from orchestrator.engine.records import (
    Checkpoint,
    Closed,
    EpochRepeated,
    EpochReported,
    TrialEnded,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.engine.trial import State
from orchestrator.runs.cleaning import waste_of

RANKED = [
    (2, State.COMPLETED),
    (0, State.COMPLETED),
    (4, State.PRUNED),
    (1, State.PAUSED),
    (3, State.INTERRUPTED),
]


@pytest.fixture
def keep(folder):
    """Writes a checkpoint; returns its record."""

    def write(number, epoch, attempt=1):
        key = f"{folder.trial_id(number)}/{attempt}-{epoch}.safetensors"
        path = folder.checkpoints / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100 + epoch))
        return Checkpoint(key, epoch, "", 100 + epoch)

    return write


@pytest.fixture
def story(keep):
    """Five trials, as in ``RANKED``; each has an old checkpoint that was not deleted."""

    def epoch(number, of, verdict=None):
        metrics = {"valid_loss": 1.0 - of / 10 - number / 100}
        checkpoint = keep(number, of)
        return EpochReported(
            number, 1, of, metrics, 0.1, "here", 1.0, verdict=verdict, checkpoint=checkpoint
        )

    records = [TrialStarted(number, {}, 7, 0, 3, 1.0) for number in range(5)]
    for number in range(5):
        records += [epoch(number, 1), epoch(number, 3)]
    records += [epoch(0, 9, Verdict("stop")), epoch(1, 5, Verdict("pause"))]
    records += [TrialEnded(2, "completed", "it returned", 2.0, checkpoint=keep(2, 9))]
    records += [TrialResumed(3, 2, 9, promoted=False, at=2.0)]
    records += [EpochRepeated(3, 2, 3, same=True, seconds=0.1, at=2.0, checkpoint=keep(3, 3, 2))]
    return [*records, TrialEnded(4, "pruned", "stopped by a person", 3.0)]


def left(folder, waste):
    """Names of the checkpoints that stay."""
    found = {path for path in folder.checkpoints.rglob("*") if path.is_file()}
    gone = {folder.checkpoints / kept.key for kept in waste.checkpoints}
    return sorted(f"{int(path.parent.name[-4:])}:{path.stem}" for path in found - gone)


def test_a_run_that_can_be_resumed_needs_what_its_trials_go_on_from(folder, journaled, story):
    journaled(*story)
    waste = waste_of(folder, RANKED, finished=False, keep=0)
    assert left(folder, waste) == ["0:1-9", "1:1-5", "2:1-9", "3:2-3"]
    assert waste.size == sum(kept.size for kept in waste.checkpoints) > 0


@pytest.mark.parametrize(
    ("keep_best", "stay"),
    [(0, []), (1, ["2:1-9"]), (2, ["0:1-9", "2:1-9"]), (9, ["0:1-9", "2:1-9"])],
)
def test_a_finished_run_keeps_its_best_completed_trials(folder, journaled, story, keep_best, stay):
    journaled(*story)
    assert left(folder, waste_of(folder, RANKED, finished=True, keep=keep_best)) == stay


def test_a_trial_that_starts_over_does_not_need_its_checkpoint(folder, journaled, story):
    journaled(*story, TrialResumed(1, 2, 9, promoted=False, at=4.0, afresh=True))
    waste = waste_of(folder, RANKED, finished=False, keep=1)
    assert left(folder, waste) == ["0:1-9", "2:1-9", "3:2-3"]


def test_what_is_deleted_is_gone_with_its_folders(folder, journaled, story):
    journaled(*story)
    waste_of(folder, RANKED, finished=True, keep=1).delete()
    assert [path.name for path in folder.checkpoints.iterdir()] == [folder.trial_id(2)]
    assert not waste_of(folder, RANKED, finished=True, keep=1)


def test_half_written_files_go_once_they_are_old(folder, journaled):
    journaled()
    folder.inbox.mkdir()
    folder.figures.mkdir()
    old = [folder.path / ".trials.parquet.part", folder.inbox / "x.part",
           folder.figures / ".curves.svg.0a.part"]  # fmt: skip
    new = folder.path / ".about.yaml.7.part"
    for path in (*old, new):
        path.write_bytes(b"12345")
    for path in old:
        os.utime(path, (time.time() - 100,) * 2)
    waste = waste_of(folder, [], finished=False, keep=1)
    assert (sorted(waste.others), waste.size) == (sorted(old), 15)


@pytest.mark.parametrize("finished", [True, False])
def test_letters_wait_as_long_as_somebody_may_read_them(folder, journaled, finished):
    journaled(Closed(1.0, "finished" if finished else "stopped by you"))
    folder.inbox.mkdir()
    (folder.inbox / "a.json").write_text('{"command": "stop-trial", "number": 3}')
    waste = waste_of(folder, [], finished=finished, keep=1)
    assert bool(waste.others) is finished


def test_of_a_run_with_a_damaged_journal_nothing_goes(folder, journaled, story):
    journaled(*story)
    path = folder.journal / "000001.log"
    path.write_bytes(path.read_bytes().replace(b'"epoch":5', b'"epoch":6', 1))
    with pytest.raises(JournalError):
        waste_of(folder, RANKED, finished=True, keep=1)
