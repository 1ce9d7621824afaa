"""What reaches a terminal or a file: nothing it cannot write, nothing that steers it."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from orchestrator.cli.view.encoding import Encoding, Speaker, harmless
from orchestrator.cli.view.words import BARS, sparkline


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_where_utf8_can_be_written_nothing_is_changed():
    line = "0.90 ▇▅▄▃▃▂▂▁ 0.182  größe 3 …"
    assert Encoding(stream("utf-8")).fit(line) == line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_elsewhere_bars_are_ascii_and_still_rise(encoding):
    fit = Encoding(stream(encoding)).fit
    assert fit(BARS) == ".:-=+*#@"
    assert fit(f"0.9 {sparkline([3, 2, 1], 3)} 0.1") == "0.9 @+. 0.1"
    assert fit("a long line that is cu…") == "a long line that is cu~"


def test_what_cannot_be_written_is_a_question_mark_of_the_same_width():
    assert Encoding(stream("ascii")).fit("größe") == "gr??e"
    assert Encoding(stream("latin-1")).fit("größe") == "größe"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\tb\nc\rd", "a b c d"),
        ("ring\x07 back\x08space \x9b31m", "ring? back?space ?31m"),
        ("a\u202eb", "a?b"),
        ("lone \udcff", "lone ?"),
        ("größe 数", "größe 数"),
    ],
)
def test_other_peoples_text_steers_no_terminal(line, found):
    assert harmless(line) == found


def test_a_speaker_whose_listener_has_gone_falls_silent():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as out:
        speaker = Speaker(out)
        assert speaker("heard")
        assert os.read(reading, 100) == b"heard\n"
        os.close(reading)
        assert not speaker("unheard")
        assert speaker("nowhere")  # what still writes to the stream fails no more


def test_any_command_writes_text_that_its_output_has_no_letters_for(tmp_path):
    (tmp_path / "mine.py").write_text("def train(config, state):\n    yield {'valid_loss': 1.0}\n")
    words = ["sweep", "mine:train-random", "--set", "space.x={values: [größer ≥, 2]}", "--dry-run"]
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, capture_output=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größer \\u2265" in done.stdout.decode("latin-1")
