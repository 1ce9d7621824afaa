"""Times as people write them become seconds."""

from __future__ import annotations

import pytest

from orchestrator.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400),
     ("1h 30m", 5400), ("", None), ("h", None), ("5x", None), ("-5", None), ("10 min", None)],
)  # fmt: skip
def test_times_may_be_given_in_any_usual_way(text, seconds):
    assert seconds_of(text) == seconds
