"""Notifications: posted to a real server, through the real command line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from orchestrator.notify import check, send
from searchspaces.errors import UsageError

SERVICES = "Write it as in https://appriseit.com/services/"


def orch(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_message_comes_to_everybody(hook):
    other = type(hook)()
    assert send([hook.url, other.url], "gru: finished", "one\ntwo", kind="success") == ""
    other.close()
    for one in (hook, other):
        [message] = one.got
        assert (message["title"], message["message"]) == ("gru: finished", "one\ntwo")
        assert message["type"] == "success"


def test_what_does_not_go_out_is_said_without_the_url(hook):
    refused = hook.url.replace("/hook", "/refuse")
    problem = send([hook.url, refused], "gru: failed", "x", kind="failure")
    assert problem == "no notification went to a json:// URL (2 of 2): it was not taken there."
    assert [message["title"] for message in hook.got] == ["gru: failed"] * 2


def test_a_service_that_does_not_answer_costs_no_more_than_the_limit(hook):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait and are not taken
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=60"
        began = time.monotonic()
        problem = send([url, hook.url], "gru: finished", "x", kind="success", seconds=2.5)
        assert time.monotonic() - began < 30
    assert problem == "no notification went to a json:// URL (1 of 2): no answer within 2.5 s."
    assert len(hook.got) == 1


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what apprise imports
@pytest.mark.parametrize(
    ("urls", "what"),
    [
        (["slak://s3cret/token"], "a slak:// URL"),
        (["json://localhost", "s3cret"], "a URL without a scheme (2 of 2)"),
        (["tgram://s3cret/"], "a tgram:// URL"),
    ],
)
def test_a_url_that_nobody_understands_is_refused_without_its_secret(urls, what):
    with pytest.raises(UsageError) as error:
        check(urls)
    assert str(error.value) == f"--notify: apprise does not understand {what}. {SERVICES}"


def test_without_apprise_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    check([])
    with pytest.raises(UsageError) as error:
        check(["json://localhost"])
    line = "--notify needs apprise. Install it: pip install 'orch-sweep[notify]'"
    assert str(error.value) == line


def test_a_bad_url_is_refused_before_anything_runs(tmp_path):
    done = orch("sweep", "gru-bohb", "--runs", str(tmp_path), ORCH_NOTIFY="json://h slak://s3cret")
    line = f"error: --notify: apprise does not understand a slak:// URL (2 of 2). {SERVICES}\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_that_fails_says_so(tmp_path, hook):
    """No Ray: it fails where its folder is to be made."""
    (tmp_path / "runs").write_text("a file")
    done = orch("sweep", "mlp-random", "--no-check", "--runs", str(tmp_path / "runs"),
                "--notify", hook.url)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}/runs: no run can be written there")
    [message] = hook.got
    assert (message["title"], message["type"]) == ("mlp-random on digits: failed", "failure")
    assert message["message"] == done.stderr.strip()
    assert "s3cret" not in done.stdout + done.stderr


def test_a_notification_that_fails_is_a_warning_and_changes_no_exit_code(tmp_path):
    (tmp_path / "runs").write_text("a file")
    done = orch("sweep", "mlp-random", "--no-check", "--runs", str(tmp_path / "runs"),
                ORCH_NOTIFY="json://127.0.0.1:9/s3cret")  # fmt: skip
    error, warning = sorted(done.stderr.splitlines())
    assert (done.returncode, error[:7]) == (2, "error: ")
    line = "warning: no notification went to a json:// URL: it was not taken there."
    assert warning == line
