"""Whoever looks on gets every record once, in order, whatever the writer is just doing."""

from __future__ import annotations

import pytest

from orchestrator.engine.follow import Follower
from orchestrator.engine.journal import Journal, JournalError, read, segment_path
from orchestrator.engine.records import Closed, TrialPruned


def pruned(number: int) -> TrialPruned:
    return TrialPruned(number=number, at=float(number))


def write(folder, *numbers: int) -> None:
    journal = Journal(folder, lambda record: None)
    for number in numbers:
        journal.append(pruned(number))
    journal.close()


def test_news_come_as_they_are_written(tmp_path):
    folder = tmp_path / "journal"
    follower = Follower(folder)
    assert list(follower.news()) == []
    journal = Journal(folder, lambda record: None)
    journal.append(pruned(0))
    journal.append(pruned(1))
    assert [entry.record for entry in follower.news()] == [pruned(0), pruned(1)]
    assert list(follower.news()) == []
    journal.append(Closed(at=1.0, reason="finished"))
    journal.close()
    assert [entry.record for entry in follower.news()] == [Closed(at=1.0, reason="finished")]


def test_the_next_process_s_segment_is_followed_too(tmp_path):
    write(tmp_path, 0, 1)
    follower = Follower(tmp_path)
    assert len(list(follower.news())) == 2
    write(tmp_path, 2)
    write(tmp_path, 3, 4)
    assert [entry.record.number for entry in follower.news()] == [2, 3, 4]
    assert follower.sequence == list(read(tmp_path))[-1].sequence


def test_a_line_that_grows_byte_by_byte_comes_once_and_whole(tmp_path):
    write(tmp_path / "whole", 0, 1, 2)
    content = segment_path(tmp_path / "whole", 1).read_bytes()
    growing = segment_path(tmp_path / "growing", 1)
    growing.parent.mkdir()
    follower, seen = Follower(growing.parent), []
    for end in range(len(content) + 1):
        growing.write_bytes(content[:end])
        seen += [entry.record.number for entry in follower.news()]
    assert seen == [0, 1, 2]


def test_a_torn_last_line_is_passed_over_when_another_process_goes_on(tmp_path):
    write(tmp_path, 0, 1)
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-5])
    follower = Follower(tmp_path)
    assert [entry.record.number for entry in follower.news()] == [0]
    write(tmp_path, 7)
    assert [entry.record.number for entry in follower.news()] == [7]


def test_what_is_there_can_be_passed_over(tmp_path):
    follower = Follower(tmp_path)
    follower.skip()
    write(tmp_path, 0, 1)
    write(tmp_path, 2)
    assert len(list(follower.news())) == 3
    follower = Follower(tmp_path)
    follower.skip()
    assert list(follower.news()) == []
    write(tmp_path, 3)
    assert [entry.record.number for entry in follower.news()] == [3]


def test_damage_is_an_error_that_names_the_place(tmp_path):
    write(tmp_path, 0, 1, 2)
    path = segment_path(tmp_path, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"000001\.log: byte \d+ is damaged\. Restore it\."):
        list(Follower(tmp_path).news())


def test_a_missing_record_is_an_error(tmp_path):
    write(tmp_path, 0)
    write(tmp_path, 1)
    follower = Follower(tmp_path)
    segment_path(tmp_path, 1).unlink()
    segment_path(tmp_path, 2).rename(segment_path(tmp_path, 1))
    with pytest.raises(JournalError):
        list(follower.news())
