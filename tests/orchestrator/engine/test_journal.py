"""A journal's records come back in order, whatever segment they are in."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from orchestrator.engine import journal as journal_module
from orchestrator.engine.journal import Entry, Journal, JournalError, position, read, segment_path
from orchestrator.engine.records import (
    Checkpoint,
    Closed,
    Commanded,
    EpochRepeated,
    EpochReported,
    Opened,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
    Verdict,
)

_text = st.text(max_size=12)
_count = st.integers(0, 2**53)
_real = st.floats(allow_nan=False, allow_infinity=False)
_scalar = st.booleans() | st.integers(-(2**63), 2**63 - 1) | _real | _text
_checkpoint = st.builds(Checkpoint, _text, _count, _text, _count)
_verdict = st.builds(Verdict, st.sampled_from(["continue", "pause", "stop"]), st.none() | _count)
_metrics = st.dictionaries(_text, _real | st.none(), max_size=3)
RECORDS = st.one_of(
    st.builds(Opened, _real, _text, _count, st.dictionaries(_text, _text, max_size=2), _text),
    st.builds(
        TrialStarted,
        _count,
        st.dictionaries(_text, _scalar, max_size=3),
        _count,
        _count,
        _count,
        _real,
    ),
    st.builds(
        TrialCloned,
        _count,
        _count,
        _count,
        st.dictionaries(_text, _scalar, max_size=3),
        st.none() | _checkpoint,
        _real,
    ),
    st.builds(TrialResumed, _count, _count, _count, st.booleans(), _real, _text, st.booleans()),
    st.builds(
        EpochReported,
        _count,
        _count,
        _count,
        _metrics,
        _real,
        _text,
        _real,
        st.none() | _verdict,
        st.none() | _checkpoint,
    ),
    st.builds(
        EpochRepeated,
        _count,
        _count,
        _count,
        st.booleans(),
        _real,
        _real,
        st.none() | _checkpoint,
    ),
    st.builds(TrialPruned, _count, _real),
    st.builds(
        TrialEnded,
        _count,
        st.sampled_from(["failed", "infeasible", "pruned"]),
        _text,
        _real,
        _text,
    ),
    st.builds(Commanded, _text, _real, st.none() | _count),
    st.builds(Closed, _real, _text, _real, _real),
)


def write(folder: Path, records: list[Record]) -> None:
    """Append to a journal, in a segment of its own."""
    journal = Journal(folder, lambda _: None)
    for record in records:
        journal.append(record)
    journal.close()


def no_replay(_: Record) -> None:
    pass


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parts=st.lists(st.lists(RECORDS, max_size=6), max_size=4))
def test_records_of_every_type_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Record]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    for part in parts:
        write(folder, part)
    entries = list(read(folder))
    assert [entry.record for entry in entries] == [record for part in parts for record in part]
    numbers, sequence = [], 0
    for part in filter(None, parts):  # a header takes a number too
        numbers += range(sequence + 2, sequence + 2 + len(part))
        sequence = numbers[-1]
    assert [entry.sequence for entry in entries] == numbers
    assert position(folder) == (numbers[-1] if numbers else 0)


def test_opening_replays_what_is_there_and_goes_on_counting(tmp_path: Path) -> None:
    write(tmp_path, [TrialPruned(0, 1.0), TrialPruned(1, 2.0)])
    told: list[Record] = []
    journal = Journal(tmp_path, told.append)
    assert told == [TrialPruned(0, 1.0), TrialPruned(1, 2.0)]
    assert (journal.sequence, journal.segment) == (3, 2)
    journal.append(TrialPruned(2, 3.0))
    journal.close()
    assert list(read(tmp_path))[-1] == Entry(5, TrialPruned(2, 3.0))


def test_opening_without_a_record_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    Journal(folder, no_replay).close()
    assert not folder.exists()
    write(folder, [TrialPruned(0, 1.0)])
    before = segment_path(folder, 1).read_bytes()
    Journal(folder, no_replay).close()
    assert [path.name for path in folder.iterdir()] == ["000001.log"]
    assert segment_path(folder, 1).read_bytes() == before


def test_a_record_is_readable_as_soon_as_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path, no_replay)
    for number in range(5):
        journal.append(TrialPruned(number, 0.0))
        assert list(read(tmp_path))[-1].record == TrialPruned(number, 0.0)
    journal.close()


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, no_replay)
    journal.append(TrialPruned(0, 0.0))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match=r"000001\.log: it is closed\.$"):
        journal.append(TrialPruned(1, 0.0))
    assert len(list(read(tmp_path))) == 1


def test_a_newer_format_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FORMAT", 2)
    write(tmp_path, [TrialPruned(0, 0.0)])
    with pytest.raises(JournalError) as failure:
        list(read(tmp_path))
    path = segment_path(tmp_path, 1)
    assert str(failure.value) == f"{path}: format 2 is not 1. Use a newer orch."


@pytest.mark.parametrize("short", [True, False], ids=["short write", "ENOSPC"])
def test_a_full_disk_is_one_line_and_nothing_is_glued_to_the_torn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    journal = Journal(tmp_path, no_replay)
    journal.append(TrialPruned(0, 0.0))
    real = os.write

    def full(file: int, data: bytes) -> int:
        if short:
            return real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    line = (
        f"{journal.path}: cannot be written: No space left on device. "
        f"Everything before is kept; when that is mended: orch resume"
    )
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError) as failure:
        journal.append(TrialPruned(1, 0.0))
    assert str(failure.value) == line
    monkeypatch.setattr(os, "write", real)
    with pytest.raises(JournalError) as failure:  # room again, but the line may be torn
        journal.append(Closed(0.0, "failed"))
    assert str(failure.value) == line
    journal.close()
    write(tmp_path, [TrialPruned(2, 0.0)])
    assert [entry.record for entry in read(tmp_path)] == [TrialPruned(0, 0.0), TrialPruned(2, 0.0)]


def test_a_write_that_was_interrupted_is_not_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, no_replay)
    journal.append(TrialPruned(0, 0.0))
    real = os.write

    def interrupted(file: int, data: bytes) -> int:
        real(file, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.append(TrialPruned(1, 0.0))
    monkeypatch.setattr(os, "write", real)
    with pytest.raises(JournalError, match="its last line may be torn"):
        journal.append(Closed(0.0, "failed"))
    journal.close()
    write(tmp_path, [TrialPruned(2, 0.0)])
    assert [entry.record for entry in read(tmp_path)] == [TrialPruned(n, 0.0) for n in range(3)]


def test_a_disk_that_fails_later_stops_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def broken(file: int) -> None:
        tried.set()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(journal_module, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(os, "fdatasync", broken)
    journal = Journal(tmp_path, no_replay)
    journal.append(TrialPruned(0, 0.0))
    assert tried.wait(60)
    journal._syncer.join(60)
    with pytest.raises(JournalError, match="cannot be written: Input/output error"):
        journal.append(TrialPruned(1, 0.0))
    journal.close()
    assert [entry.record for entry in read(tmp_path)] == [TrialPruned(0, 0.0)]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    journal = Journal(tmp_path / "journal", no_replay)
    with pytest.raises(JournalError, match=r"journal/000001\.log: cannot be written: File exists"):
        journal.append(TrialPruned(0, 0.0))
    journal.close()


def test_a_slow_disk_does_not_hold_up_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, over = threading.Event(), threading.Event()

    def hang(file: int) -> None:
        slow.set()
        assert over.wait(60)

    monkeypatch.setattr(journal_module, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(os, "fdatasync", hang)
    journal = Journal(tmp_path, no_replay)
    journal.append(TrialPruned(0, 0.0))
    assert slow.wait(60)
    for number in range(200):
        journal.append(TrialPruned(number, 0.0))
    assert len(list(read(tmp_path))) == 201
    over.set()
    journal.close()
    assert len(list(read(tmp_path))) == 201
