"""``orch watch`` in a real terminal, on a journal that grows while it looks."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pexpect
import psutil
import pytest

from orchestrator.engine.inbox import Change, send

WATCH = ["-m", "orchestrator", "watch"]
CODE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|([\s\S])")


class Screen:
    """What a terminal shows: as much of one as rich and a prompt need.

    Attributes:
        rows: lines of the screen.
        above: lines that were scrolled away.
        cursor: whether it can be seen.
    """

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows = [""] * lines
        self.above = []
        self.x = self.y = 0
        self.cursor = True
        self.raw = ""

    def feed(self, text):
        self.raw += text
        for numbers, code, char in CODE.findall(text):
            if code:
                self._control(numbers, code)
            elif char:
                self._put(char)

    def resize(self, columns, lines):
        """Lines that do not fit are folded; what the cursor is on stays on the screen."""
        folded, cursor = [], 0
        for index, row in enumerate(self.rows[: self.y + 1]):
            cursor = len(folded)
            width = max(1, len(row))
            folded += [row[k : k + columns] for k in range(0, width, columns)]
            if index == self.y:
                cursor = len(folded) - 1
        out = max(0, cursor + 1 - lines)
        self.above += folded[:out]
        self.columns, self.lines = columns, lines
        self.rows = (folded[out:] + [""] * lines)[:lines]
        self.y, self.x = cursor - out, min(self.x, columns - 1)

    @property
    def text(self):
        return [row.rstrip() for row in self.rows]

    def _put(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\n":
            self._down()
        elif char == "\b":
            self.x = max(0, self.x - 1)
        elif char != "\x07":
            if self.x >= self.columns:
                self.x = 0
                self._down()
            row = self.rows[self.y].ljust(self.x)
            self.rows[self.y] = row[: self.x] + char + row[self.x + 1 :]
            self.x += 1

    def _down(self):
        if self.y + 1 < self.lines:
            self.y += 1
        else:
            self.above.append(self.rows.pop(0))
            self.rows.append("")

    def _control(self, numbers, code):
        count = int(numbers) if numbers.isdigit() else 1
        if code == "A":
            self.y = max(0, self.y - count)
        elif code == "K":
            self.rows[self.y] = "" if numbers == "2" else self.rows[self.y][: self.x]
        elif code == "J" and numbers == "2":
            self.rows = [""] * self.lines
        elif code == "H":
            self.x = self.y = 0
        elif numbers == "?25":
            self.cursor = code == "h"


class Terminal:
    """A process in a terminal, and its screen."""

    def __init__(self, command, columns, lines, environment):
        self.child = pexpect.spawn(
            command[0], list(command[1:]), env=environment, encoding="utf-8",
            codec_errors="replace", dimensions=(lines, columns), timeout=30,
        )  # fmt: skip
        self.screen = Screen(columns, lines)

    def read(self, seconds=0.1):
        """Take in what comes; False at the end."""
        try:
            self.screen.feed(self.child.read_nonblocking(65536, timeout=seconds))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            return False
        return True

    def until(self, pattern, seconds=90):
        """Wait until a line of the screen matches; the lines."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            going = self.read()
            if any(re.search(pattern, line) for line in self.screen.text):
                self._settle()
                return self.screen.text
            if not going:
                break
        raise AssertionError("\n".join(["no line matches", pattern, *self.screen.text]))

    def _settle(self):
        """Take in the rest of a painting."""
        known = -1
        while len(self.screen.raw) != known:
            known = len(self.screen.raw)
            self.read(0.15)

    def resize(self, columns, lines):
        """Change the size, and wait until the program has wiped the screen."""
        begun = len(self.screen.raw)
        self.screen.resize(columns, lines)
        self.child.setwinsize(lines, columns)
        end = time.monotonic() + 180
        while "\x1b[2J" not in self.screen.raw[begun:] and time.monotonic() < end:
            self.read()

    def end(self):
        """Everything until the end; the exit code."""
        while self.read(90):
            pass
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def environment(monkeypatch):
    wanted = {**os.environ, "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "TTY_INTERACTIVE"):
        wanted.pop(name, None)
    return wanted


@pytest.fixture
def terminal(growing, environment):
    """Starts a command in a terminal, after the folder of the runs became the present one."""
    started = []

    def start(*command, columns=80, lines=24, **changes):
        made = Terminal(
            command or [sys.executable, *WATCH], columns, lines, {**environment, **changes}
        )
        started.append(made.child)
        return made

    yield start
    for child in started:
        child.close(force=True)


@pytest.fixture
def run(growing):
    """A sweep of four brackets that has told its first hundred records."""
    made = growing(failing={12: 1})
    made.open(time.time() - 60)
    made.tell(100)
    return made


def compact(lines):
    return [line for line in lines if line]


def test_the_table_follows_the_run_through_resizes_to_its_end(run, terminal):
    shown = terminal()
    lines = shown.until("Ctrl-C ends this view; the sweep goes on")
    assert lines[0].startswith("gru-bohb on digits  ")
    assert lines[0].endswith(f"run {run.run.id}")
    assert lines[7:12] == [
        "epochs     1             3           9           27",
        "bracket 0  26 of 27      7 of 9      -           -",
        "bracket 1                1 of 9      -           -",
        "bracket 2                            -           -",
        "bracket 3                                        -",
    ]
    assert any(re.match(r"done   18 of 46 trials   45 of 342 epochs   1 failed   1:\d\d, ", line)
               for line in lines)  # fmt: skip
    assert "failed trial 12: valid_loss is not finite" in lines
    assert not shown.screen.cursor

    run.tell(100)
    lines = shown.until("117 of 342 epochs")
    assert "bracket 0  26 of 27      9 of 9      3 of 3      1 of 1" in lines

    for columns, height in ((60, 12), (132, 43), (100, 12), (60, 24), (300, 50), (80, 24)):
        shown.resize(columns, height)
        run.tell(1)
        lines = shown.until(r"^done   \d\d of 46 trials")
        assert max(map(len, lines)) <= columns
        assert len([line for line in lines if line.startswith("gru-bohb on digits")]) == 1
        assert len([line for line in lines if line.startswith("done ")]) == 1
        assert lines[0].startswith("gru-bohb on digits")

    run.tell(10_000)
    run.close()
    assert shown.end() == 0
    lines = compact(shown.screen.text)
    assert lines[-7:-2] == [
        "failed valid_loss is not finite: trial 12",
        "best   trial 0  valid_loss 0.1890  accuracy 0.906  epoch 27 of 27",
        "       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64",
        "split  stratified: 360 of 1438 series held out",
        "work   97.0% of the workers' time went into epochs",
    ]
    assert re.fullmatch(r"46 trials in 1:\d\d: 8 completed, 37 pruned, 1 failed", lines[-8])
    assert not any("Ctrl-C" in line for line in lines)
    assert shown.screen.cursor


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_view_and_nothing_else(run, terminal, number, code):
    shown = terminal()
    shown.until("Ctrl-C ends this view")
    before = {path.name: path.read_bytes() for path in run.run.journal.iterdir()}
    if number == signal.SIGINT:
        shown.child.sendintr()
    else:
        os.kill(shown.child.pid, number)
    assert shown.end() == code
    assert compact(shown.screen.text)[-2:] == [
        "the sweep goes on",
        f"next   orch watch {run.run.suffix}    orch show {run.run.suffix}",
    ]
    assert shown.screen.cursor
    assert {path.name: path.read_bytes() for path in run.run.journal.iterdir()} == before
    assert run.run.is_owned()
    assert not run.run.inbox.exists()


@pytest.mark.parametrize(
    "environment_says",
    [{"TERM": "dumb"}, {"CI": "true"}, {"TTY_INTERACTIVE": "0"}],
    ids=lambda said: "=".join(*said.items()),
)
def test_a_terminal_that_wants_no_table_gets_lines(run, terminal, environment_says):
    shown = terminal(columns=200, lines=60, **environment_says)
    shown.until("18 of 46 trials, 45 of 342 epochs  best trial 0 valid_loss 0.5000  1:0")
    run.tell(6)
    run.close("time is up")
    assert shown.end() == 0
    lines = compact(shown.screen.text)
    assert [line[:24] for line in lines if line.startswith("trial ")] == [
        "trial 3   pruned     val", "trial 22  pruned     val",
        "trial 14  pruned     val", "trial 6   pruned     val",
    ]  # fmt: skip
    assert "time is up after 47 of 342 epochs; everything reported is kept" in lines
    assert "\x1b" not in shown.screen.raw


def test_without_colour_and_in_ascii_the_table_is_the_same(run, terminal):
    shown = terminal(NO_COLOR="1", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    lines = shown.until("Ctrl-C ends this view")
    assert any(re.fullmatch(r" {7}0\.7071 @[.:=+*#@-]+\. 0\.5000 over 45 epochs", line)
               for line in lines)  # fmt: skip
    shown.child.sendintr()
    shown.end()
    assert shown.screen.raw.isascii()
    coloured = [code for code in re.findall(r"\x1b\[([0-9;]*)m", shown.screen.raw)
                if re.search(r"\b([349]\d|10\d)\b", code)]  # fmt: skip
    assert coloured == []


def test_in_colour_failures_are_red(run, terminal):
    shown = terminal()
    shown.until("Ctrl-C ends this view")
    assert "\x1b[31mfailed " in shown.screen.raw


def test_ctrl_z_gives_the_prompt_its_cursor_and_fg_paints_below(run, terminal):
    if shutil.which("bash") is None:
        pytest.skip("no shell with job control is here: bash")
    shown = terminal("bash", "--norc", "-i", lines=60)
    shown.child.sendline(f"PS1='> '; {sys.executable} -m orchestrator watch")
    shown.until("Ctrl-C ends this view")
    shown.child.sendcontrol("z")
    shown.until("Stopped")
    assert shown.screen.cursor
    shown.child.sendline("fg")
    shown.until("^fg|^> fg")
    run.tell(20)
    lines = shown.until("57 of 342 epochs")
    above = next(k for k, line in enumerate(lines) if "Stopped" in line)
    assert [line[:4] for line in lines[above:]].count("done") == 1
    assert not shown.screen.cursor
    shown.child.sendintr()
    lines = shown.until("^the sweep goes on")
    assert shown.screen.cursor


def test_ctrl_z_without_a_shell_stops_nothing_for_good(run, terminal):
    shown = terminal()
    shown.until("Ctrl-C ends this view")
    shown.child.sendcontrol("z")
    run.tell(20)
    shown.until("57 of 342 epochs")
    assert psutil.Process(shown.child.pid).status() != psutil.STATUS_STOPPED


def test_a_pipe_that_nobody_reads_any_more_ends_the_view_quietly(run, environment):
    child = subprocess.Popen(
        [sys.executable, *WATCH], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while not child.stdout.readline().startswith("18 of 46 trials"):
            pass
        child.stdout.close()
        run.tell(40)
        assert child.wait(timeout=180) == 128 + signal.SIGPIPE
        assert child.stderr.read() == ""
    finally:
        child.kill()
        child.stderr.close()
        child.wait(timeout=180)


@pytest.mark.slow
def test_a_real_sweep_is_the_same_from_its_own_and_from_another_terminal(
    terminal, tmp_path, tmp_path_factory
):
    data = {"ORCH_DATA": str(tmp_path_factory.mktemp("data"))}
    # Three layers in small batches: slow enough to be seen at work.
    slow = ("--set", "space.num_layers=3", "--set", "training.batch_size=32")
    sweep = terminal(
        sys.executable, "-m", "orchestrator", "sweep", "gru-bohb", "--no-check", "--trials", "9",
        "--epochs", "9", "--concurrency", "2", *slow, **data,
    )  # fmt: skip
    sweep.until(r"^done   \d of 9 trials   [1-9]")
    watch = terminal(**data)
    watch.until(r"^done   \d of 9 trials   [1-9]")
    watch.until("2 of 2 workers busy$")  # for a moment after a rung one is not
    (folder,) = (tmp_path / "runs").iterdir()
    send(folder / "inbox", Change("set", {"concurrency": 1}))
    for shown in (sweep, watch):
        shown.until("^note   concurrency is 1 now")
        shown.until(r"^busy   \d+\.\d of \d+ cores?   \d+(\.\d)? of \d+(\.\d)? GB memory$")
    while sweep.read() | watch.read():  # both, so that neither has to wait for its screen
        pass
    assert (watch.end(), sweep.end()) == (0, 0)
    left = [compact(shown.screen.text) for shown in (sweep, watch)]
    begin = [next(k for k, line in enumerate(lines) if line.startswith("gru-bohb on digits"))
             for lines in left]  # fmt: skip
    left = [lines[k:] for k, lines in zip(begin, left, strict=True)]
    took = re.compile(r" in \d+:\d\d: ")
    assert [took.sub(" in some time: ", line) for line in left[0]] == [
        took.sub(" in some time: ", line) for line in left[1]
    ]
    assert any(re.fullmatch(r"9 trials in some time: .*", took.sub(" in some time: ", line))
               for line in left[1])  # fmt: skip
