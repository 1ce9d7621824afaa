"""What reaches a terminal or a file: nothing it cannot write, nothing that steers it."""

from __future__ import annotations

import io
import os

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
