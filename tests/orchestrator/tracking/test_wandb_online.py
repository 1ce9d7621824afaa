"""W&B online, against a stand-in for its server; the server away; and orch sync afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from orchestrator import Study
from orchestrator.tracking.status import read_status
from tests import waiting

pytest.importorskip("wandb", reason="W&B is not installed")
ONLINE = {"wandb": "online"}
OFFLINE = {"wandb": "offline"}
until = partial(waiting.until, seconds=60)


@pytest.fixture
def silent():
    """The URL of a server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed():
    """The URL of a server that is not there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_the_server_is_told_all_of_it_and_a_second_telling_adds_nothing(story, server):
    run = story.run(fail=4)
    story.env |= server.env
    story.tell(run, **ONLINE)
    for _ in range(2):
        assert server.steps(run) == story.reported(run)
        kept = server.dump()["runs"]
        assert len(kept) == 10
        failed = kept[f"{run.id}-0004"]
        assert (failed["exit_code"], failed["group"], failed["job_type"]) == (1, run.id, "trial")
        assert failed["tags"] == ["ask", "random", "hyperband", "failed"]
        assert json.loads(failed["config"])["orch"]["value"]["trial"] == 4
        sweep = kept[run.id]
        assert (sweep["job_type"], sweep["exit_code"]) == ("sweep", 0)
        story.tell(run, **ONLINE)
    assert sorted(server.dump()["artifacts"]) == ["figures/one.png", "spec.yaml"]
    assert read_status(run.path)["wandb"]["mode"] == "online"


@pytest.mark.extended
def test_a_resumed_run_is_filled_up_from_the_step_that_the_server_has(story, server):
    """Tracker and W&B's service are killed when the server has a part."""
    story.env |= {**server.env, "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "0.2"}
    with story.study() as study:
        run = study.run
        tracker = story.start(run, **ONLINE)
        story.go(study, most=11)
        until(lambda: sum(map(len, server.steps(run).values())) == 11)
        story.go(study, most=3)
        for process in [*psutil.Process(tracker.pid).children(), psutil.Process(tracker.pid)]:
            process.send_signal(signal.SIGKILL)
        tracker.wait()
        tracker.stdin.close()
    with Study.resume(run) as study:
        story.go(study)
    story.drawn(run)
    story.tell(run, **ONLINE)
    assert server.steps(run) == story.reported(run)
    assert all(kept["exit_code"] == 0 for kept in server.dump()["runs"].values())


@pytest.mark.extended
def test_offline_runs_are_uploaded_by_orch_sync_once(story, server):
    """In fragments, one of them torn by a kill."""
    run = story.run(most=11)
    story.tell(run, **OFFLINE)
    with Study.resume(run) as study:
        story.go(study)
    story.drawn(run)
    torn = next((run.path / "wandb").glob("*-0001/run-*.wandb"))
    os.truncate(torn, torn.stat().st_size - 7)
    story.tell(run, **OFFLINE)
    assert not any(part.torn for parts in story.fragments(run).values() for part in parts)
    done = story.orch("sync", run.id, "--wandb", **server.env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wandb  10 runs sent    {server.url}/me/orch\n"
    assert server.steps(run) == story.reported(run)
    kept = server.dump()["runs"]
    assert kept[f"{run.id}-0001"]["tags"][-1] in {"completed", "pruned"}
    again = story.orch("sync", run.id, "--wandb", "--json", **server.env)
    assert json.loads(again.stdout)["wandb"]["sent"] == 0
    assert server.steps(run) == story.reported(run)


@pytest.mark.extended
def test_an_upload_that_was_cut_off_is_finished_without_doubling(story, server):
    run = story.run()
    story.tell(run, **OFFLINE)
    server.refuse(4)
    first = story.orch("sync", run.id, "--wandb", **server.env)
    assert (first.returncode, first.stdout) == (1, "")
    assert first.stderr.startswith("error: W&B: ")
    assert first.stderr.count("\n") == 1
    server.refuse(0)
    second = story.orch("sync", run.id, "--wandb", **server.env)
    assert (second.returncode, second.stderr) == (0, "")
    assert server.steps(run) == story.reported(run)


def test_an_untracked_run_is_told_afterwards(story, server):
    run = story.run()
    refused = story.orch("sync", run.id)
    assert (refused.returncode, refused.stdout) == (2, "")
    short = run.id[-4:]
    assert refused.stderr == (
        f"error: run {run.id} is told nowhere. Say where: orch sync {short} --wandb, "
        f"--tensorboard or --mlflow URI\n"
    )
    done = story.orch("sync", run.id, "--wandb", "--tensorboard", **server.env)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.steps(run) == story.reported(run)
    assert len(list((run.path / "tensorboard").glob("*/events*"))) == 9
    assert done.stdout.splitlines()[1] == (f"board  tensorboard --logdir runs/{run.id}/tensorboard")


@pytest.mark.extended
def test_a_server_that_is_away_costs_a_few_seconds_and_nothing_is_lost(story, server, closed):
    run = story.run()
    story.env |= {**server.env, "WANDB_BASE_URL": closed}
    log = story.tell(run, **ONLINE)
    assert "wandb: has all of 9 trials" in log
    assert story.steps(run) == story.reported(run)
    said = read_status(run.path)["wandb"]
    assert (said["mode"], said["why"]) == (
        "offline", f"{closed} does not answer (Connection refused)"
    )  # fmt: skip
    refused = story.orch("sync", run.id, "--wandb")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: W&B: {closed} does not answer (Connection refused). Nothing is lost; call this "
        f"again later.\n"
    )
    assert story.orch("sync", run.id, "--wandb", **server.env).returncode == 0
    assert server.steps(run) == story.reported(run)


@pytest.mark.extended
def test_a_server_that_never_answers_is_left_after_seconds(story, key, silent):
    run = story.run()
    story.env |= {"WANDB_BASE_URL": silent, "WANDB_API_KEY": key}
    began = time.monotonic()
    story.tell(run, **ONLINE)
    assert time.monotonic() - began < 40
    assert story.steps(run) == story.reported(run)
    began = time.monotonic()
    refused = story.orch("sync", run.id, "--wandb")
    assert time.monotonic() - began < 40
    assert (refused.returncode, refused.stderr) == (
        1,
        f"error: W&B: {silent} does not answer (timed out). Nothing is lost; call this again "
        f"later.\n",
    )


@pytest.mark.extended
def test_a_server_that_goes_away_in_the_middle_is_told_the_rest_later(story, server):
    """It takes the first trials and refuses the rows of the others."""
    run = story.run()
    story.env |= server.env
    server.refuse(6)
    log = story.tell(run, **ONLINE)
    assert "refused a part" in log
    server.refuse(0)
    done = story.orch("sync", run.id, "--wandb")
    assert (done.returncode, done.stderr) == (0, "")
    assert server.steps(run) == story.reported(run)


IMPATIENT = """
import sys, threading
from pathlib import Path
from orchestrator.tracking import wandb_sdk
from orchestrator.tracking.telling import alone, tell

wandb_sdk._SETTINGS["finish_timeout"] = 3.0
gone = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), gone.set()), daemon=True).start()
with alone(Path(sys.argv[1])):
    tell(Path(sys.argv[1]), {"wandb": "online"}, gone)
"""


@pytest.mark.extended
def test_a_server_that_falls_silent_in_the_middle_is_left_for_files(story, server):
    story.env |= server.env
    with story.study() as study:
        run = study.run
        command = [sys.executable, "-c", IMPATIENT, str(run.path)]
        tracker = subprocess.Popen(command, stdin=subprocess.PIPE, env=story.env)
        story.started.append(tracker)
        story.go(study, most=9)
        until(lambda: len(server.dump()["runs"]) == 9)
        server.hang()
        story.go(study)
    story.drawn(run)
    tracker.stdin.close()
    assert tracker.wait(180) == 0
    assert read_status(run.path)["wandb"] == {
        "mode": "offline", "why": "the server was too slow to take the end of a run",
        "trials": 9, "epochs": 21, "done": True,
    }  # fmt: skip
    assert story.steps(run) == story.reported(run)


@pytest.mark.extended
def test_a_key_that_cannot_be_one_is_no_reason_to_lose_anything(story, server):
    run = story.run(most=9)
    story.env |= {**server.env, "WANDB_API_KEY": "too-short"}
    story.tell(run, **ONLINE)
    assert story.steps(run) == story.reported(run)
    assert read_status(run.path)["wandb"]["mode"] == "offline"


def test_without_a_key_orch_sync_says_how_to_log_in(story, closed):
    run = story.run(most=5)
    done = story.orch("sync", run.id, "--wandb", WANDB_BASE_URL=closed)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: W&B: nobody is logged in at {closed}. Run: wandb login, or set WANDB_API_KEY.\n"
    )
    assert story.steps(run) == story.reported(run)  # and the files are up to date


def test_a_run_that_goes_on_is_not_synced(story):
    with story.study() as study:
        done = story.orch("sync", study.run.id, "--wandb")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: run {study.run.id} is running and is told of as it goes. When it has ended: "
        f"orch sync {study.run.id[-4:]}\n"
    )


def test_no_file_of_the_run_has_the_key(story, server, key):
    run = story.run()
    story.env |= server.env
    story.tell(run, **ONLINE)
    story.orch("sync", run.id, "--wandb")
    files = [path for path in run.path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if key.encode() in path.read_bytes()] == []
