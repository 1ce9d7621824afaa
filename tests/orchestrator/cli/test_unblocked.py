"""A terminal that takes nothing holds nobody up."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import time
from typing import IO, cast

import pytest
from rich.console import Console

from orchestrator.cli.view.live import LiveView
from orchestrator.cli.view.unblocked import Unblocked

MANY = "x" * 79 + "\n"


@pytest.fixture
def ends():
    """The end of a terminal that a program has, as a stream, and the other one."""
    other, mine = pty.openpty()
    with os.fdopen(mine, "w", encoding="utf-8") as stream:
        yield stream, other
    os.close(other)


def test_what_a_terminal_does_not_take_now_it_gets_later_and_whole(ends):
    stream, other = ends
    out = Unblocked(stream)
    text = "".join(f"{number:078}\n" for number in range(5_000))
    for start in range(0, len(text), 7_000):
        out.write(text[start : start + 7_000])
        out.flush()
    assert out.waiting
    got = b""
    while out.waiting or got.count(b"\n") < 5_000:
        got += os.read(other, 65536)
    assert got.decode().replace("\r\n", "\n") == text
    assert not out.waiting


def test_the_stream_itself_goes_on_waiting_as_it_did(ends):
    stream, _ = ends
    Unblocked(stream).write("a")
    assert not fcntl.fcntl(stream.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK


def test_the_end_waits_a_moment_and_no_longer(ends, monkeypatch):
    monkeypatch.setattr("orchestrator.cli.view.unblocked.LAST_SECONDS", 0.2)
    stream, _ = ends
    out = Unblocked(stream)
    out.write(MANY * 10_000)
    begun = time.monotonic()
    out.finish()
    assert 0.2 <= time.monotonic() - begun < 5


def test_a_stream_without_a_terminal_is_written_to_as_it_is():
    stream = io.StringIO()
    out = Unblocked(stream)
    out.write("here\n")
    out.flush()
    assert (stream.getvalue(), out.waiting) == ("here\n", False)


def live(stream, teller, clock):
    file = cast("IO[str]", Unblocked(stream))
    console = Console(file=file, force_terminal=True, width=80, height=30, highlight=False)
    return LiveView(teller.outline(teller.spec()), console, clock=clock)


class Clock:
    now = 0.0

    def __call__(self):
        self.now += 1.0  # every look is another second, so that there is something to paint
        return self.now


def test_a_view_goes_on_while_nobody_reads_its_terminal(ends, teller):
    stream, other = ends
    view = live(stream, teller, Clock())
    begun = time.monotonic()
    for _ in range(500):
        view.tick()
    assert time.monotonic() - begun < 20
    while view._console.file.waiting:
        os.read(other, 65536)
    view.tick()
    view.close()
    assert not view.lost


def test_a_view_goes_on_when_its_terminal_is_closed(teller):
    other, mine = pty.openpty()
    with os.fdopen(mine, "w", encoding="utf-8") as stream:
        view = live(stream, teller, Clock())
        view.tick()
        os.close(other)
        for record in teller.told(teller.spec(), epochs=20):
            view.note(record)
        view.tick()
        assert view.lost
        view.tick()
        view.close()
        print("nobody hears this", file=stream, flush=True)
    assert view.progress.epochs == 20
