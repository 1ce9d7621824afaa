"""The live table on a terminal that is made up: what is painted, how often, what stays."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from orchestrator.cli.view.live import LiveView, styled
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.records import Opened


class Terminal:
    """A terminal as a console and what it was sent."""

    def __init__(self, width=80, height=30, **settings):
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, force_terminal=True, width=width, height=height, highlight=False,
            **settings,
        )  # fmt: skip

    @property
    def text(self):
        return self.file.getvalue()


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def story(teller):
    spec = teller.spec()
    return teller.outline(spec), teller.told(spec, epochs=96)


def test_what_stays_is_the_plan_and_the_rungs(story):
    outline, records = story
    terminal = Terminal()
    view = LiveView(outline, terminal.console, clock=Clock())
    view.tick()
    for record in records:
        view.note(record)
    view.tick()
    view.close()
    last = terminal.text.rpartition("\x1b[?25h")[2]
    plain = [line.rstrip() for line in strip(last).splitlines()]
    assert [line for line in plain if line][-8:] == [
        "space  num_layers 1..4, hidden_size 16..256 log,",
        "       dropout 0..0.5 if num_layers > 1",
        "       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
        "epochs     1             3           9           27",
        "bracket 0  27 of 27      9 of 9      3 of 3      -",
        "bracket 1                7 of 9      -           -",
        "bracket 2                            -           -",
        "bracket 3                                        -",
    ]
    assert plain[-1] == ""


def strip(text):
    import re

    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_nothing_is_painted_when_nothing_has_changed(story):
    outline, records = story
    terminal = Terminal()
    view = LiveView(outline, terminal.console, clock=Clock())
    view.tick()
    for record in records:
        view.note(record)
    view.tick()
    before = terminal.text
    view.tick()
    view.tick()
    assert terminal.text == before
    view.close()


def test_records_paint_nothing_by_themselves(story):
    outline, records = story
    terminal = Terminal()
    view = LiveView(outline, terminal.console, clock=Clock())
    view.tick()
    before = terminal.text
    for record in records:
        view.note(record)
    assert terminal.text == before
    view.close()


def test_while_workers_start_the_clock_runs(story):
    outline, _ = story
    terminal = Terminal()
    clock = Clock()
    view = LiveView(outline, terminal.console, clock=clock)
    clock.now = 7.0
    deadline = time.monotonic() + 60
    while "starting workers, 0:07" not in terminal.text and time.monotonic() < deadline:
        time.sleep(0.02)
    view.close()
    assert "starting workers, 0:07" in strip(terminal.text)


@pytest.mark.parametrize("size", [(60, 30), (120, 30), (80, 60), (80, 29)], ids=str)
def test_a_terminal_of_another_size_is_wiped_and_painted_anew(story, size):
    outline, _ = story
    terminal = Terminal()
    view = LiveView(outline, terminal.console, clock=Clock())
    view.tick()
    terminal.console.width, terminal.console.height = size
    before = len(terminal.text)
    view.tick()
    assert terminal.text[before:].startswith("\x1b[2J\x1b[H")
    assert "gru-bohb on digits" in terminal.text[before:]
    before = len(terminal.text)
    view.tick()
    view.close()
    assert "\x1b[2J" not in terminal.text[before:]


def test_an_onlookers_last_line_says_what_ctrl_c_does(story):
    outline, records = story
    terminal = Terminal()
    progress = Progress(outline, onlooker=True, began=0.0)
    for record in [Opened(1.0, "here", 1, {}), *records]:
        progress.note(record)
    view = LiveView(
        outline, terminal.console, clock=Clock(), progress=progress, footer="Ctrl-C ends this view"
    )
    view.tick()
    lines = strip(terminal.text).splitlines()
    assert lines[-1] == "keys   Ctrl-C ends this view"
    assert any("of 2 workers busy" in line for line in lines)  # no painting of its start
    assert "starting workers" not in terminal.text
    view.close()


def test_without_colour_there_is_no_colour(story, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    terminal.console.print(styled(["title  run", "failed trial 3: it broke"]))
    assert "\x1b[31m" not in terminal.text
    assert "failed trial 3: it broke" in strip(terminal.text)


def test_painting_costs_little_however_large_the_sweep(teller):
    """Four paintings a second may take a few percent of a core at most."""
    spec = teller.spec(trials=10_000)
    progress = teller.followed(spec, teller.told(spec, epochs=20_000, workers=8), workers=8)
    view = LiveView(progress.outline, Terminal().console, clock=Clock())
    view.progress = progress
    view.tick()
    start = time.process_time()
    for _ in range(20):
        view._painted = ""
        view.tick()
    view.close()
    assert (time.process_time() - start) / 20 < 0.05
