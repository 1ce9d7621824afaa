"""Who is told how a sweep ended, and in which words."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from orchestrator.cli.news import News
from orchestrator.cluster.lost import HeadLostError
from orchestrator.engine.inbox import StopRun
from searchspaces.errors import OrchError

TITLE = "gru-bohb on digits"


def test_a_finished_run_sends_the_closing_lines_of_the_terminal(make_run, hook):
    run = make_run("gru-random", trials=3)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "resume", "--notify", hook.url],
        env={**os.environ, "ORCH_NOTIFY": "json://127.0.0.1:9/not-asked"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    [message] = hook.got
    assert message["title"] == "gru-random on digits: finished"
    assert message["type"] == "success"
    assert message["message"] in done.stdout
    assert message["message"].splitlines()[0] == "nothing was left to do"
    assert f"run    runs/{run.id}" in message["message"].splitlines()


def test_what_was_stopped_says_so(hook, capsys):
    with News([hook.url], TITLE) as news:
        news.ended(StopRun("time is up"), ["time is up after 4 of 18 epochs", "next   orch resume"])
    [message] = hook.got
    assert (message["title"], message["type"]) == (f"{TITLE}: stopped", "warning")
    assert message["message"] == "time is up after 4 of 18 epochs\nnext   orch resume"
    assert capsys.readouterr() == ("", "")


def test_what_failed_says_why_and_how_to_go_on(hook, teller):
    news = News([hook.url], TITLE)
    news.outline = teller.outline(teller.spec())
    with pytest.raises(OrchError), news:
        raise OrchError("the disk is full")
    [message] = hook.got
    assert (message["title"], message["type"]) == (f"{TITLE}: failed", "failure")
    assert message["message"].splitlines() == [
        "error: the disk is full",
        "run    runs/1121-gru-bohb-7f3a",
        "next   orch resume 7f3a",
    ]


def test_what_you_stop_before_it_began_is_no_news(hook):
    with pytest.raises(KeyboardInterrupt), News([hook.url], TITLE):
        raise KeyboardInterrupt
    assert hook.got == []


def far(hook) -> News:
    """News of a sweep whose own process tells them."""
    news = News([hook.url], TITLE)
    news.told_elsewhere()
    return news


def test_what_another_process_tells_is_not_told_twice_unless_its_machine_is_lost(hook):
    with far(hook) as news:
        news.ended(None, ["46 trials"])
    with pytest.raises(OrchError), far(hook):
        raise OrchError("the connection is lost")
    assert hook.got == []
    with pytest.raises(HeadLostError), far(hook):
        raise HeadLostError("lab", "10.0.0.1 does not answer, and 10.0.0.2 does", "7f3a")
    [message] = hook.got
    assert (message["title"], message["type"]) == (f"{TITLE}: failed", "failure")
    assert message["message"] == (
        "error: the head of cluster lab is lost: 10.0.0.1 does not answer, and 10.0.0.2 does. "
        "When it is back, or on another cluster: orch resume 7f3a --cluster FILE"
    )
