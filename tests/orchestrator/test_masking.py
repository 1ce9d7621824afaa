"""What is written down of a command line and of an error holds no secret."""

from __future__ import annotations

import sys

import pytest

from orchestrator.masking import command_line, masked
from orchestrator.sweep import Sweep


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host:1/x", "https://***@host:1/x"),
        ("https://me:p@w@host/x", "https://***@host/x"),
        ("token@host", "token@host"),
        ("at 'https://t0ken@host/' and http://u:p@a", "at 'https://***@host/' and http://***@a"),
        ("http://host/a@b", "http://host/a@b"),
        ("postgresql+psycopg://u:p@db/x", "postgresql+psycopg://***@db/x"),
    ],
)
def test_no_address_names_a_user_or_a_password(text, shown):
    assert masked(text) == shown


def test_the_values_of_notify_are_left_out_of_a_command_line():
    words = ["orch", "sweep", "gru", "--notify", "tgram://token/chat", "--notify=slack://a/b/c",
             "--mlflow", "http://me:pw@host", "--notify", "--trials", "--trials", "3"]  # fmt: skip
    assert command_line(words) == (
        "orch sweep gru --notify *** --notify=*** --mlflow http://***@host --notify *** --trials 3"
    )


def test_a_run_keeps_no_notification_url(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/bin/orch", "sweep", "x", "--notify", "tgram://s3cret/7"])
    space = {"depth": {"low": 1, "high": 8}}
    with Sweep("ask-random", space=space, trials=1).ask_tell(tmp_path) as study:
        assert study.run.provenance()["command"] == "orch sweep x --notify ***"
        found = [path for path in study.run.path.rglob("*") if path.is_file()]
        assert found
        assert not [path for path in found if b"s3cret" in path.read_bytes()]
