"""Whatever happens to a journal's bytes, no wrong record comes out of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from orchestrator.engine import segments
from orchestrator.engine.framing import Damage, frame, payloads
from orchestrator.engine.journal import Journal, JournalError, read, segment_path
from orchestrator.engine.records import EpochReported, Record, TrialPruned, Verdict

LATE = TrialPruned(99, 9.0)


def epoch(number: int) -> EpochReported:
    metrics = {"valid_loss": 1 / 3 + number, "accuracy": None}
    return EpochReported(number, 1, 1, metrics, 0.5, "node", 12.25, Verdict("pause"))


def append(folder: Path, *records: Record) -> list[Record]:
    """Append to a journal; what it held before."""
    before: list[Record] = []
    journal = Journal(folder, before.append)
    for record in records:
        journal.append(record)
    journal.close()
    return before


def records(folder: Path) -> list[Record]:
    return [entry.record for entry in read(folder)]


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of journals are opened here


@pytest.fixture
def memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, bytes]:
    """What is read of the three segments: changing it spares thousands of files."""
    contents = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(segments, "_bytes", contents.__getitem__)
    return contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of three segments with three records each."""
    for segment in range(3):
        append(tmp_path, *(epoch(3 * segment + index) for index in range(3)))
    return tmp_path


ALL = [epoch(number) for number in range(9)]


def line_ends(data: bytes) -> list[int]:
    return [index + 1 for index, byte in enumerate(data) if byte == ord("\n")]


def test_a_journal_cut_at_every_byte_keeps_every_whole_record_and_can_go_on(folder: Path) -> None:
    last = segment_path(folder, 3)
    data = last.read_bytes()
    ends = line_ends(data)
    for cut in range(ends[2] + 1):
        last.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends)
        expected: list[Record] = [*ALL[: 6 + max(0, whole - 1)]]
        assert records(folder) == expected
        assert append(folder, LATE) == expected
        assert records(folder) == [*expected, LATE]
        segment_path(folder, 4).unlink()


def test_a_journal_cut_again_and_again_keeps_what_each_process_had_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    kept: list[Record] = []
    for segment in range(1, 13):
        new = [epoch(10 * segment + index) for index in range(4)]
        assert append(tmp_path, *new) == kept
        path = segment_path(tmp_path, segment)
        data = path.read_bytes()
        cut = int(rng.integers(len(data) + 1))
        path.write_bytes(data[:cut] + bytes(int(rng.integers(3)) * 50))
        whole = sum(end <= cut for end in line_ends(data))
        kept += new[: max(0, whole - 1)]
        assert records(tmp_path) == kept


@pytest.mark.parametrize("segment", [1, 2, 3])
def test_every_flipped_bit_is_noticed_in_the_segment_that_has_it(
    folder: Path, memory: dict[Path, bytes], segment: int
) -> None:
    path = segment_path(folder, segment)
    data = bytearray(memory[path])
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        memory[path] = bytes(data)
        with pytest.raises(JournalError) as failure:
            records(folder)
        assert failure.value.path == path
        data[bit // 8] ^= 1 << bit % 8


def test_flipped_bits_in_a_torn_tail_lose_no_more_than_that(
    folder: Path, memory: dict[Path, bytes]
) -> None:
    path = segment_path(folder, 3)
    data = bytearray(memory[path][:-20])
    start = line_ends(bytes(data))[-1]
    for bit in range(8 * start, 8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        memory[path] = bytes(data)
        try:
            assert records(folder) == ALL[:8]
        except JournalError as error:
            assert error.path == path  # noqa: PT017  # either is right
        data[bit // 8] ^= 1 << bit % 8


def test_a_sealed_segment_cannot_be_cut(folder: Path, memory: dict[Path, bytes]) -> None:
    path = segment_path(folder, 2)
    data = memory[path]
    for cut in range(len(data)):
        memory[path] = data[:cut]
        with pytest.raises(JournalError) as failure:
            records(folder)
        assert str(failure.value) == (
            f"{path}: its bytes are not those that were sealed. Restore it."
        )


def test_a_torn_tail_that_was_sealed_over_may_be_anything(folder: Path) -> None:
    path = segment_path(folder, 3)
    path.write_bytes(path.read_bytes()[:-20])
    append(folder, LATE)
    for tail in (b"", b"\n\n\n", b"0000 1 {}\n", frame(3, b'{"seq":12,"record":{}}')):
        data = path.read_bytes()
        path.write_bytes(data[: line_ends(data)[3 - 1]] + tail)
        assert records(folder) == [*ALL[:8], LATE]


def test_a_tail_of_zeros_is_torn(folder: Path) -> None:
    path = segment_path(folder, 3)
    data = path.read_bytes()
    for kept in (len(data), len(data) - 1, len(data) - 30):
        path.write_bytes(data[:kept] + bytes(4096 - kept))
        expected = ALL if kept == len(data) else ALL[:8]
        assert records(folder) == expected
        assert append(folder, LATE) == expected
        assert records(folder) == [*expected, LATE]
        segment_path(folder, 4).unlink()


def test_lines_cannot_be_moved_repeated_or_left_out(folder: Path) -> None:
    path = segment_path(folder, 3)
    header, first, second, third = path.read_bytes().splitlines(keepends=True)
    other = segment_path(folder, 2).read_bytes().splitlines(keepends=True)[1]
    damaged = {
        "swapped": [header, second, first, third],
        "repeated": [header, first, first, second, third],
        "left out": [header, second, third],
        "of another segment": [header, other, second, third],
        "without a header": [first, second, third],
    }
    for lines in damaged.values():
        path.write_bytes(b"".join(lines))
        with pytest.raises(JournalError) as failure:
            records(folder)
        assert failure.value.path == path


def test_segments_cannot_be_swapped_copied_or_left_out(folder: Path) -> None:
    one, two, three, four = (segment_path(folder, number) for number in range(1, 5))
    data = [path.read_bytes() for path in (one, two, three)]

    two.write_bytes(data[2])
    three.write_bytes(data[1])
    with pytest.raises(JournalError) as failure:
        records(folder)
    assert failure.value.path in {two, three}

    two.write_bytes(data[1])
    three.write_bytes(data[2])
    four.write_bytes(data[2])
    with pytest.raises(JournalError) as failure:
        records(folder)
    assert str(failure.value) == f"{four}: line 1 (byte 0) is damaged. Restore the file."

    four.unlink()
    two.unlink()
    with pytest.raises(JournalError) as failure:
        records(folder)
    assert str(failure.value) == f"{two}: the segment is missing."

    one.unlink()
    with pytest.raises(JournalError) as failure:
        records(folder)
    assert str(failure.value) == f"{one}: the segment is missing."


def test_nothing_is_written_to_a_damaged_journal(folder: Path) -> None:
    path = segment_path(folder, 2)
    path.write_bytes(path.read_bytes().replace(b"node", b"nude"))
    with pytest.raises(JournalError):
        append(folder, LATE)
    assert not segment_path(folder, 4).exists()


@pytest.mark.parametrize("left", [0, 1, 25])
def test_an_opening_that_died_before_its_header_was_whole_is_passed_over(
    folder: Path, left: int
) -> None:
    path = segment_path(folder, 3)
    path.write_bytes(path.read_bytes()[:-5])
    append(folder, LATE)
    four = segment_path(folder, 4)
    four.write_bytes(four.read_bytes()[:left])
    assert append(folder, LATE) == ALL[:8]
    assert records(folder) == [*ALL[:8], LATE]

    # The third segment has no seal now, but the numbers run on.
    data = path.read_bytes()
    path.write_bytes(data[: line_ends(data)[1]])
    with pytest.raises(JournalError) as failure:
        records(folder)
    assert str(failure.value) == f"{segment_path(folder, 5)}: record 11 is missing; 12 follows."


def test_a_record_of_an_unknown_kind_is_named_by_its_place(tmp_path: Path) -> None:
    append(tmp_path, epoch(0))
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes() + frame(1, b'{"seq":3,"record":{"type":"novel"}}'))
    with pytest.raises(JournalError) as failure:
        records(tmp_path)
    assert str(failure.value).startswith(f"{path}: the record before byte")
    assert "novel" in str(failure.value)


def test_random_bytes_are_damage_or_a_torn_tail() -> None:
    rng = np.random.default_rng(1)
    for _ in range(3_000):
        data = rng.integers(0, 256, int(rng.integers(1, 60)), np.uint8).tobytes()
        found = list(payloads(data, 1))
        assert found in ([], [Damage(0, 1)])
