"""A run as its journal tells it to another process: how far, how long, and whether it lives."""

from __future__ import annotations

import shutil
import sys
import time

import pytest

from orchestrator.cli.onlooker import Onlooker, outline_from
from orchestrator.cli.view.table import table
from orchestrator.engine.records import (
    Closed,
    Commanded,
    EpochReported,
    Opened,
    TrialStarted,
)
from orchestrator.engine.segments import JournalError
from orchestrator.runs.folder import RunFolder

GONE = 2**22 + 1
"""A process id that no system gives."""


class Clock:
    """Seconds since it was made, in steps of the test's."""

    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def look(onlooker):
    """Take in what is new, as ``orch watch`` does."""
    for record in onlooker.news():
        onlooker.progress.note(record)
    return onlooker.over()


def test_elapsed_and_pace_are_those_of_the_run_and_not_of_the_onlooker(growing, clock):
    growing = growing(trials=46)
    ago = time.time() - 100
    growing.open(ago)
    growing.note(*(TrialStarted(n, {"hidden_size": 20}, 7, 0, 27, ago + 10) for n in (0, 1)))
    for epoch in range(1, 10):
        metrics = {"valid_loss": 0.5}
        growing.note(EpochReported(0, 1, epoch, metrics, 1.0, "here", ago + 10 * epoch))
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    progress = onlooker.progress
    assert not onlooker.over()
    assert progress.elapsed(clock()) == pytest.approx(100, abs=1)
    # 333 of 342 epochs are left; 9 took the 90 seconds since the workers stood.
    assert progress.left(clock()) == pytest.approx(3330, rel=0.02)
    clock.now += 30
    assert progress.elapsed(clock()) == pytest.approx(130, abs=1)


def test_before_a_trial_starts_the_workers_do(growing, clock):
    growing = growing(trials=46)
    growing.open(time.time() - 7)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    lines = table(onlooker.progress, width=80, height=40, now=clock())
    assert "now    starting workers, 0:07" in lines


def test_the_sessions_of_a_run_are_added_up(growing, clock):
    growing = growing(trials=46)
    ago = time.time() - 1000
    growing.note(
        Opened(ago, "a", 1, {}),
        Closed(ago + 30, "stopped by you"),
        Opened(ago + 100, "a", 2, {}),
        TrialStarted(0, {"hidden_size": 20}, 7, 0, 27, ago + 120),
        # It was killed.
        Opened(ago + 980, "a", 3, {}),
        Closed(ago + 1000, "finished"),
    )
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert onlooker.progress.sessions == 3
    assert onlooker.progress.elapsed(clock()) == pytest.approx(30 + 20 + 20)
    clock.now += 1000
    assert onlooker.progress.elapsed(clock()) == pytest.approx(70)


def test_a_machine_whose_clock_is_ahead_gives_no_negative_times(growing, clock):
    growing = growing(trials=46)
    ahead = time.time() + 300
    growing.open(ahead, host="elsewhere")
    growing.note(TrialStarted(0, {"hidden_size": 20}, 7, 0, 27, ahead + 8))
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert onlooker.progress.elapsed(clock()) == pytest.approx(8)


def test_a_run_whose_process_closes_is_over(growing, clock):
    growing = growing(trials=46)
    growing.open()
    growing.tell(20)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert (onlooker.state, onlooker.stopped) == ("running", None)
    growing.note(Closed(time.time(), "time is up"))
    assert look(onlooker)
    assert (onlooker.state, onlooker.stopped.reason) == ("interrupted", "time is up")


def test_a_run_that_was_killed_is_over_after_some_quiet_seconds(growing, clock):
    growing = growing(trials=46)
    growing.open(pid=GONE)
    growing.tell(20)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert not look(onlooker)  # the lock is held: another process is about to go on
    growing.die()
    times = []
    while not look(onlooker):
        clock.now += 0.25
        times.append(clock.now - 50)
    assert 5 < times[-1] <= 11
    assert (onlooker.state, onlooker.stopped.reason) == ("interrupted", "its process died")
    assert onlooker.progress.running == []


def test_a_far_run_whose_process_died_is_over_though_its_folder_here_is_kept(growing, clock):
    growing = growing(trials=46)
    growing.open(pid=GONE)
    growing.tell(20)
    died = []
    onlooker = Onlooker(growing.run, clock, nobody=lambda: bool(died))  # the lock stays held
    onlooker.catch_up()
    for _ in range(100):
        clock.now += 0.25
        assert not look(onlooker)
    died.append(True)
    began = clock.now
    while not look(onlooker):
        clock.now += 0.25
        assert clock.now - began < 11
    assert onlooker.stopped.reason == "its process died"
    onlooker.give_up("the head of its cluster is lost")
    assert onlooker.stopped.reason == "the head of its cluster is lost"


def test_a_run_that_is_quiet_but_lives_goes_on(growing, clock):
    growing = growing(trials=46)
    growing.open()
    growing.tell(20)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    for _ in range(100):
        clock.now += 1
        assert not look(onlooker)


def test_the_lock_is_asked_for_seldom_and_only_in_silence(growing, clock, monkeypatch):
    growing = growing(trials=46)
    growing.open(host="elsewhere")
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    asked: list[float] = []
    real = RunFolder.owned
    monkeypatch.setattr(RunFolder, "owned", lambda run: asked.append(clock.now) or real(run))
    for _ in range(40):  # ten seconds with news, then twenty without
        clock.now += 0.25
        growing.tell(1)
        look(onlooker)
    assert asked == []
    for _ in range(80):
        clock.now += 0.25
        look(onlooker)
    assert len(asked) == 4


def test_on_its_own_machine_a_process_is_looked_for_and_not_its_lock(growing, clock, monkeypatch):
    growing = growing(trials=46)
    growing.open()
    onlooker = Onlooker(growing.run, clock)
    monkeypatch.setattr(RunFolder, "owned", lambda run: pytest.fail("the lock was asked for"))
    onlooker.catch_up()
    for _ in range(20):
        clock.now += 5
        assert not look(onlooker)


def test_what_happens_between_two_looks_is_not_overlooked(growing, clock):
    growing = growing(trials=46)
    growing.open(host="elsewhere")
    growing.tell(20)
    onlooker = Onlooker(growing.run, clock)
    onlooker._nobody = lambda: growing.open(host="elsewhere") or True
    onlooker.catch_up()
    assert (onlooker.state, onlooker.over()) == ("running", False)

    onlooker = Onlooker(growing.run, clock)
    onlooker._nobody = lambda: growing.close() or True
    onlooker.catch_up()
    assert (onlooker.state, onlooker.stopped) == ("finished", None)


def test_a_run_that_another_process_takes_over_goes_on(growing, clock):
    growing = growing(trials=46)
    growing.open()
    growing.tell(20)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    # Closed and opened again between two looks.
    growing.note(Closed(time.time(), "time is up"))
    growing.open(pid=2)
    assert not look(onlooker)
    assert (onlooker.state, onlooker.progress.now_live) == ("running", False)
    # Killed, and taken over before anybody has given up.
    growing.open(pid=GONE)
    growing.die()
    clock.now += 7
    assert not look(onlooker)
    from orchestrator.engine.journal import Journal

    with growing.run.owned():
        journal = Journal(growing.run.journal, lambda record: None)
        journal.append(Opened(time.time(), "here", 3, {}))
        for _ in range(10):
            clock.now += 5
            assert not look(onlooker)
        journal.close()
    assert onlooker.state == "running"


def test_a_run_that_was_killed_before_is_over_at_once(growing, clock):
    growing = growing(trials=46)
    growing.open(pid=GONE)
    growing.tell(20)
    growing.die()
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert onlooker.over()
    assert onlooker.state == "interrupted"


def test_a_run_that_nobody_has_begun_is_waited_for_some_seconds(growing, clock):
    growing = growing(trials=46)
    growing.die()
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert not onlooker.over()
    for _ in range(3):
        clock.now += 5
        over = look(onlooker)
    assert over
    assert onlooker.progress.opened is None


def test_in_somebody_elses_folder_the_process_is_looked_for(growing, clock, monkeypatch):
    from orchestrator.runs.folder import UnwritableError

    growing = growing(trials=46)

    def refuse(run):
        raise UnwritableError(run.path, PermissionError(13, "Permission denied"))

    monkeypatch.setattr(RunFolder, "owned", refuse)
    growing.open()
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    clock.now += 100
    assert not look(onlooker)  # this process lives
    growing.open(pid=GONE)
    for _ in range(3):
        clock.now += 6
        over = look(onlooker)
    assert over
    growing.open(host="elsewhere", pid=GONE)
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    clock.now += 100
    assert not look(onlooker)  # nobody can tell from here


def test_a_run_that_is_deleted_is_over(growing, clock):
    growing = growing(trials=46)
    growing.open()
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    growing.die()
    shutil.rmtree(growing.run.path)
    for _ in range(3):
        clock.now += 6
        over = look(onlooker)
    assert over
    assert onlooker.stopped.reason == "its folder was removed"


def test_a_paused_run_is_paused(growing, clock):
    growing = growing(trials=46)
    growing.open()
    growing.tell(20)
    growing.note(Commanded("pause", time.time()))
    onlooker = Onlooker(growing.run, clock)
    onlooker.catch_up()
    assert onlooker.state == "paused"


def test_a_damaged_journal_is_read_again_before_it_is_given_up(growing, clock, monkeypatch):
    growing = growing(trials=46)
    growing.open()
    growing.tell(5)
    slept = []
    monkeypatch.setattr("orchestrator.cli.onlooker.time.sleep", slept.append)
    segment = growing.run.journal / "000001.log"
    whole = segment.read_bytes()
    onlooker = Onlooker(growing.run, clock)
    segment.write_bytes(whole[:-40] + b"\0" * 20 + whole[-20:])
    with pytest.raises(JournalError, match="is damaged"):
        onlooker.catch_up()
    assert len(slept) == 2
    onlooker = Onlooker(growing.run, clock)
    monkeypatch.setattr(
        "orchestrator.cli.onlooker.time.sleep", lambda seconds: segment.write_bytes(whole)
    )
    segment.write_bytes(whole[:-40] + b"\0" * 20 + whole[-20:])
    assert len(onlooker.news()) == 6


MODULE = """
from searchspaces import Float, FloatParam, SearchSpace

class Space(SearchSpace):
    rate: FloatParam = Float(1e-4, 1e-1, log=True)

def train(config):
    yield {"valid_loss": config["rate"]}

train.space = Space
"""


def test_what_a_run_trains_need_not_be_importable_here(growing, tmp_path, monkeypatch):
    (tmp_path / "watched_net.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = growing("watched_net:train-asha", trials=9)
    with_it = outline_from(made.run)
    monkeypatch.delitem(sys.modules, "watched_net")
    (tmp_path / "watched_net.py").unlink()
    without = outline_from(made.run)
    assert without.space == with_it.space == ("rate 1e-4..1e-1 log",)
    for name in ("title", "brackets", "trials", "epochs", "searched", "objective"):
        assert getattr(without, name) == getattr(with_it, name)
