"""``orch dashboard`` in a shell: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli


@contextmanager
def running(*arguments: object, folder: Path, **env: str):
    """The command, and the first line that it prints; its temporary files lie in ``folder``."""
    command = [sys.executable, "-m", "orchestrator", "dashboard", *map(str, arguments)]
    env = {**os.environ, "TMPDIR": str(folder / "tmp"), **env}
    (folder / "tmp").mkdir(exist_ok=True)
    with subprocess.Popen(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        process_group=0,
    ) as process:  # fmt: skip
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()
            process.wait()


def gone(folder: Path, seconds: float = 10) -> bool:
    """Whether nothing is left of a dashboard, after a while."""
    end = time.monotonic() + seconds
    while list((folder / "tmp").iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    return not list((folder / "tmp").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_where_it_is_and_ends_at_once_with_nothing_left(tmp_path, number):
    with running("--port", 0, folder=tmp_path) as (process, line):
        assert re.fullmatch(r"dashboard  http://127\.0\.0\.1:\d+/\?token=[\w-]{43}\n", line)
        [folder] = (tmp_path / "tmp").iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        [child] = psutil.Process(process.pid).children()
        began = time.monotonic()
        os.killpg(process.pid, number)  # as Ctrl-C does
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - began < 20
        assert (process.returncode, out, err) == (0, "", "")
        assert not child.is_running()
        assert not list((tmp_path / "tmp").iterdir())


def test_it_ends_at_once_while_it_starts_too(tmp_path):
    with running("--port", 0, "--json", folder=tmp_path) as (process, line):
        assert json.loads(line).keys() == {"url", "port"}
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_a_killed_dashboard_leaves_nothing_either(tmp_path):
    with running("--port", 0, folder=tmp_path) as (process, _):
        [child] = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        assert gone(tmp_path)
        psutil.wait_procs([child], timeout=60)
        assert not child.is_running()


def test_a_port_that_was_asked_for_and_is_taken_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(cli, ["dashboard", "--port", str(port), "--runs", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: port {port} is taken. Give another one, or 0 for any that is free: --port 0\n"
    )


def test_the_usual_port_may_be_taken(tmp_path):
    """By another dashboard, say: the second one takes any that is free."""
    try:
        usual = socket.create_server(("127.0.0.1", 8777))
    except OSError:
        usual = None
    with running(folder=tmp_path) as (_, line):
        assert re.search(r"127\.0\.0\.1:\d+/", line)
        assert ":8777/" not in line
    if usual:
        usual.close()


def test_a_token_that_a_person_keeps_is_not_printed(tmp_path):
    with running("--port", 0, "--token-file", "token", folder=tmp_path) as (process, line):
        assert re.fullmatch(r"dashboard  http://127\.0\.0\.1:\d+/\n", line)
        assert process.stdout.readline() == "token      the one in token\n"
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    with running("--port", 0, folder=tmp_path, ORCH_DASHBOARD_TOKEN="e" * 40) as (process, line):
        assert "token" not in line
        assert process.stdout.readline() == "token      the one in ORCH_DASHBOARD_TOKEN\n"
        [child] = psutil.Process(process.pid).children()
        assert "ORCH_DASHBOARD_TOKEN" not in child.environ()


def test_an_open_address_is_warned_of(tmp_path):
    with running("--port", 0, "--host", "127.0.0.2", folder=tmp_path) as (process, line):
        port = re.match(r"dashboard  http://127\.0\.0\.2:(\d+)/\?token=", line)[1]
        assert process.stderr.readline() == (
            "warning: plain HTTP on 127.0.0.2: whoever listens in on the network can read the "
            "token. Rather leave out --host, and from elsewhere: "
            f"ssh -L {port}:127.0.0.1:{port} MACHINE\n"
        )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nothing"], "error: no run 'nothing'"),
        (["--host", "no such host"], "error: --host no such host: no such address. "
                                     "Give one of this machine.\n"),
        (["--port", "70000"], "error: Invalid value for '--port': 70000 is not in the range"),
        (["--token-file", "/dev/null/x"], "error: --token-file /dev/null/x: cannot be read: "
                                          "Not a directory.\n"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(tmp_path, monkeypatch, arguments, line):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["dashboard", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_two_runs_of_one_name_are_not_mixed_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in "ab":
        (tmp_path / place / "1121-x-0000").mkdir(parents=True)
        (tmp_path / place / "1121-x-0000" / "spec.yaml").write_text("name: x\n")
    done = CliRunner().invoke(cli, ["dashboard", "a/1121-x-0000", "b/1121-x-0000"])
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: {tmp_path}/a/1121-x-0000 and {tmp_path}/b/1121-x-0000 are both called "
        f"1121-x-0000. Give one of them, or rename its folder.\n"
    )
