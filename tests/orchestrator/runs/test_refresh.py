"""Tables are brought up to date from the journal by whoever reads, when no owner lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analysis.load import load_run
from orchestrator.engine.journal import JournalError, segment_path
from orchestrator.engine.records import (
    Closed,
    EpochReported,
    Opened,
    Record,
    TrialEnded,
    TrialStarted,
    Verdict,
)
from orchestrator.runs import refresh as refresh_module
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.refresh import refresh
from orchestrator.spec import SweepSpec

Journaled = Callable[..., None]
OPENED = Opened(1.0, "host", 1, {"orch": "0"}, "by hand")


def a_trial(number: int, spec: SweepSpec) -> list[Record]:
    import numpy as np

    config = dict(spec.joint.sample(np.random.default_rng(number)))
    metrics = {"valid_loss": 0.5 + number, "train_loss": 0.1, "weights": 10.0}
    reported = [
        EpochReported(
            number, 1, epoch, metrics, 0.1, "n", 3.0, Verdict("stop") if epoch == 9 else None
        )
        for epoch in range(1, 10)
    ]
    return [TrialStarted(number, config, 7, 0, 9, 2.0), *reported]


def tables(folder: RunFolder) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.read_parquet(folder.trials), pl.read_parquet(folder.epochs)


def stamps(folder: RunFolder) -> list[int]:
    return [path.stat().st_mtime_ns for path in (folder.trials, folder.epochs)]


def test_a_finished_run_is_complete_and_says_nothing_is_missing(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(OPENED, *a_trial(0, spec), *a_trial(1, spec), Closed(4.0, "finished"))
    run = load_run(folder.path)
    assert run.notes == ()
    assert run.trials["objective"].to_list() == [0.5, 1.5]
    assert run.meta.rungs == (1, 3, 9)
    assert (run.meta.finished, run.meta.trials, run.meta.max_epochs) == (True, 6, 9)
    assert run.meta.raw["split"] == "by hand"
    searched = list(spec.joint.cube().names)
    assert [parameter.name for parameter in run.meta.parameters] == searched


def test_fresh_tables_are_left_alone(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(OPENED, *a_trial(0, spec), Closed(4.0, "stopped by you"))
    before = stamps(folder)
    refresh(folder)
    assert stamps(folder) == before
    segment_path(folder.journal, 1).touch()  # what was copied has other times
    refresh(folder)
    assert stamps(folder) == before


def test_tables_behind_their_journal_are_rebuilt_as_the_owner_would_have_written_them(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    records = [OPENED, *a_trial(0, spec), *a_trial(1, spec)]
    journaled(*records)
    expected = tables(folder)
    metadata = pl.read_parquet_metadata(folder.trials)["orch"]
    segment_path(folder.journal, 1).unlink()
    journaled(*records, tables_before=5)
    assert load_run(folder.path).notes[0].startswith("the tables lack the journal's last 5 records")
    refresh(folder)
    for frame, same in zip(tables(folder), expected, strict=True):
        assert_frame_equal(frame, same)
    assert pl.read_parquet_metadata(folder.trials)["orch"] == metadata
    assert load_run(folder.path).notes == (f"the sweep is not finished; orch resume {folder.path}",)


def test_what_an_owner_left_running_is_interrupted(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(OPENED, *a_trial(0, spec)[:5], owned=True)
    assert tables(folder)[0]["state"].to_list() == ["running"]
    refresh(folder)
    assert tables(folder)[0]["state"].to_list() == ["interrupted"]


@pytest.mark.parametrize("spoilt", ["missing", "damaged", "foreign"])
@pytest.mark.parametrize("name", ["trials", "epochs"])
def test_a_table_that_is_spoilt_is_written_anew(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled, name: str, spoilt: str
) -> None:
    journaled(OPENED, *a_trial(0, spec), Closed(4.0, "finished"))
    expected = tables(folder)
    path = folder.path / f"{name}.parquet"
    if spoilt == "missing":
        path.unlink()
    elif spoilt == "damaged":
        path.write_bytes(path.read_bytes()[:-30])
    else:
        pl.DataFrame({"x": [1]}).write_parquet(path)
    refresh(folder)
    for frame, same in zip(tables(folder), expected, strict=True):
        assert_frame_equal(frame, same)


def test_a_run_that_is_owned_is_left_to_its_owner(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(OPENED, *a_trial(0, spec), tables_before=3)
    before = stamps(folder)
    with folder.owned():
        refresh(folder)
        assert stamps(folder) == before
    refresh(folder)
    assert stamps(folder) != before


def test_a_run_without_a_journal_has_nothing_to_refresh(folder: RunFolder) -> None:
    refresh(folder)
    assert [path.name for path in folder.path.iterdir()] == ["spec.yaml"]


def test_a_damaged_journal_is_told_and_the_tables_stay(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(OPENED, *a_trial(0, spec), Closed(4.0, "finished"))
    path = segment_path(folder.journal, 1)
    path.write_bytes(path.read_bytes().replace(b"finished", b"finishes"))
    before = stamps(folder)
    with pytest.raises(JournalError) as failure:
        refresh(folder)
    assert failure.value.path == path
    assert stamps(folder) == before


def test_a_failed_trial_s_reason_is_in_the_rebuilt_table(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled
) -> None:
    journaled(
        OPENED, *a_trial(0, spec)[:2], TrialEnded(0, "failed", "it broke", 5.0), tables_before=1
    )
    refresh(folder)
    assert tables(folder)[0].select("state", "error").rows() == [("failed", "it broke")]


def test_a_folder_that_cannot_be_written_is_read_as_it_is(
    folder: RunFolder, spec: SweepSpec, journaled: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    journaled(OPENED, *a_trial(0, spec), tables_before=2)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    before = stamps(folder)
    monkeypatch.setattr("orchestrator.runs.folder.FileLock.acquire", denied)
    refresh(folder)
    assert stamps(folder) == before
    assert not folder.is_owned()
    assert refresh_module._fresh(folder) is False


def test_paths_may_hold_anything(tmp_path: Path, spec: SweepSpec) -> None:
    folder = RunFolder.create(tmp_path / "a b'\"\n(c)", spec, {})
    refresh(folder)
    assert folder.spec() == spec
