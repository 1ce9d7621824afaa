"""Cores and memory that are busy."""

from __future__ import annotations

import re

from orchestrator.cli.view import machine
from orchestrator.cli.view.live import LiveView
from orchestrator.cli.view.machine import Machine
from orchestrator.engine.records import Opened


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


LINE = r"(\d+\.\d) of (\d+) cores?   (\d+(?:\.\d)?) of (\d+(?:\.\d)?) GB memory"


def test_it_looks_every_two_seconds_at_most(monkeypatch):
    clock = Clock()
    looks = []
    monkeypatch.setattr(machine, "_cores", lambda: looks.append(clock.now) or "1.8 of 2 cores")
    monkeypatch.setattr(machine, "_memory", lambda: "3.1 of 24 GB memory")
    made = Machine(clock)
    assert made.line() == ""
    for step in range(41):
        clock.now = step / 4
        line = made.line()
    assert looks == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert line == "1.8 of 2 cores   3.1 of 24 GB memory"


def test_busy_is_no_more_than_there_is():
    clock = Clock()
    made = Machine(clock)
    sum(range(2_000_000))
    clock.now = 1.0
    found = re.fullmatch(LINE, made.line())
    assert found
    busy, cores, taken, memory = map(float, found.groups())
    assert 0 <= busy <= cores
    assert 0 < taken <= memory


def test_a_container_has_the_memory_that_it_may_take(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text(f"{3 * 2**29}\n", encoding="ascii")
    monkeypatch.setattr(machine, "_LIMIT", limit)
    assert re.fullmatch(r"[\d.]+ of 1\.5 GB memory", machine._memory())
    limit.write_text("max\n", encoding="ascii")
    assert not machine._memory().endswith(" 1.5 GB memory")


def test_sizes_are_short():
    assert [machine._short(count * 2**30) for count in (0, 0.04, 3.14, 24, 23.46, 511.7)] == [
        "0", "0.0", "3.1", "24", "23.5", "512"
    ]  # fmt: skip


def test_the_table_shows_this_machine_only_for_a_run_of_this_machine(teller, monkeypatch):
    import io

    from rich.console import Console

    monkeypatch.setattr(machine, "_cores", lambda: "1.8 of 2 cores")
    monkeypatch.setattr(machine, "_memory", lambda: "3.1 of 24 GB memory")
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=30)
    view = LiveView(teller.outline(teller.spec()), console, clock=clock)
    view.tick()
    clock.now = 1.0
    view.tick()
    assert "of 24 GB memory" in console.file.getvalue()
    view.note(Opened(1.0, "elsewhere", 1, {}))
    console.file.truncate(0)
    clock.now = 2.0
    view.tick()
    assert "starting" not in console.file.getvalue()
    assert "of 24 GB memory" not in console.file.getvalue()
    view.close()
