"""A sweep on a real MLflow server, read back through MLflow's own client."""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.engine.records import (
    Closed,
    EpochReported,
    Opened,
    TrialEnded,
    TrialPruned,
    TrialStarted,
    Verdict,
)
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from orchestrator.tracking.feed import Feed
from orchestrator.tracking.mlflow import MlflowSink, require
from orchestrator.tracking.sink import TrackedRun
from searchspaces.errors import OrchError, UsageError

AT = 1_000_000_000.0
EPOCHS = 3
CONFIG = {"units": 16, "learning_rate": 0.003, "optimizer": "adam", "nesterov": True,
          "sgd.kernel_sizes": (3, 3)}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[int]:
    """The port of an MLflow server; it takes some ten seconds to start."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1",
               "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
               "--artifacts-destination", str(folder / "artifacts")]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **quiet}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + 300
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "it does not answer"
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, 15)
        process.wait(180)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


class Line:
    """A line to the server that can be cut.

    Attributes:
        up: what is asked gets to the server.
        lose: of so many requests that create a run, the answer is lost.
        asked: requests that went through, their first lines.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self.up = True
        self.lose = 0
        self.asked: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(here,), daemon=True).start()

    def _carry(self, here: socket.socket) -> None:
        with here, socket.create_connection(("127.0.0.1", self._to)) as there:
            lost = False
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                while self.up:
                    for end in select.select([here, there], [], [], 0.05)[0]:
                        data = end.recv(65536)
                        if not data or not self.up:
                            return
                        if end is here:
                            if b"HTTP/1.1\r\n" in data:
                                self.asked.append(data.partition(b"\r\n")[0])
                            if self.lose and b"/runs/create" in data:
                                self.lose -= 1
                                lost = True
                            there.sendall(data)
                        elif lost:
                            return  # the server has done it; nobody hears of it
                        else:
                            here.sendall(data)


@pytest.fixture
def line(server, monkeypatch) -> Iterator[Line]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    made = Line(server)
    yield made
    made.up = False
    made.close()


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    spec = spec_from(compose("gru-bohb"), {"name": tmp_path.name[:40], "epochs": EPOCHS})
    created = "2026-11-21T10:00:00+00:00"
    return TrackedRun(RunFolder.create(tmp_path / "runs", spec, {"created": created}), spec)


def loss(number: int, epoch: int) -> float:
    """Least at epoch 2."""
    return 1.0 + number + abs(epoch - 2) / 8


def records(trials: int = 4, *, over: bool = True):
    """Trials that are completed, pruned, failed and paused in turn."""
    yield Opened(AT, "here", 1, {})
    for number in range(trials):
        yield TrialStarted(number, CONFIG, 7, number % 2, EPOCHS, AT + 10 * number)
        for epoch in range(1, EPOCHS + 1):
            at = AT + 10 * number + epoch
            accuracy = None if epoch == 1 else 0.5
            metrics = {"valid_loss": loss(number, epoch), "accuracy": accuracy}
            verdict = None
            if epoch == EPOCHS:
                verdict = Verdict("pause") if number % 4 in {1, 3} else None
                verdict = Verdict("stop") if number % 4 == 0 else verdict
            yield EpochReported(number, 1, epoch, metrics, 0.5, "here", at, verdict=verdict)
        if number % 4 == 1:
            yield TrialPruned(number, at + 1)
        if number % 4 == 2:
            yield TrialEnded(number, "failed", "loss became nan", at + 1)
    if over:
        yield Closed(AT + 1000, "stopped by you")


def feed_of(run: TrackedRun, uri: str) -> Feed:
    def raised(problem: str) -> None:
        raise AssertionError(problem)

    return Feed(run, MlflowSink(run, uri), raised)


def tell(run: TrackedRun, uri: str, told=None, *, close: bool = True) -> Feed:
    feed = feed_of(run, uri)
    for record in records() if told is None else told:
        feed.note(record)
    feed.tick()
    if close:
        feed.close()
    return feed


class There:
    """What the server has of a run."""

    def __init__(self, run: TrackedRun, port: int) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(f"http://127.0.0.1:{port}")
        experiment = self._client.get_experiment_by_name(run.spec.name)
        found = self._client.search_runs([experiment.experiment_id], max_results=1000)
        self.names = sorted(one.info.run_name for one in found)
        self._runs = {one.info.run_name: one for one in found}
        self.parent = self._runs.get(run.folder.id)
        self._suffix = run.folder.suffix

    def trial(self, number: int):
        return self._runs[f"{self._suffix}-{number:04d}"]

    def rows(self, number: int, metric: str):
        history = self._client.get_metric_history(self.trial(number).info.run_id, metric)
        return [(row.step, row.value, row.timestamp) for row in history]

    def files(self, folder: str | None = None) -> set[str]:
        found = self._client.list_artifacts(self.parent.info.run_id, folder)
        return {file.path for file in found}

    def whole(self, trials: int = 4) -> None:
        """Every trial once, with every epoch once, and what goes with its state."""
        names = [f"{self._suffix}-{number:04d}" for number in range(trials)]
        assert self.names == sorted([self.parent.info.run_name, *names])
        states = ["completed", "pruned", "failed", "paused"]
        statuses = ["FINISHED", "KILLED", "FAILED", "KILLED"]
        for number in range(trials):
            one = self.trial(number)
            assert one.data.tags["mlflow.parentRunId"] == self.parent.info.run_id
            assert (one.data.tags["state"], one.info.status) == (
                states[number % 4], statuses[number % 4],
            )  # fmt: skip
            assert self.rows(number, "valid_loss") == [
                (epoch, loss(number, epoch), 1000 * int(AT + 10 * number + epoch))
                for epoch in range(1, EPOCHS + 1)
            ]
            assert [row[0] for row in self.rows(number, "best_valid_loss")] == [1, 2]


def test_a_sweep_is_an_experiment_with_a_run_and_a_nested_run_a_trial(run, server, line):
    tell(run, line.uri)
    there = There(run, server)
    there.whole()
    assert there.trial(0).data.params == {
        "units": "16", "learning_rate": "0.003", "optimizer": "adam", "nesterov": "True",
        "sgd.kernel_sizes": "[3, 3]",
    }  # fmt: skip
    tags = there.trial(2).data.tags
    assert {key: tags[key] for key in ("orch.run", "orch.trial", "bracket", "architecture",
                                       "dataset", "metric", "reason")} == {
        "orch.run": run.folder.id, "orch.trial": run.folder.trial_id(2), "bracket": "0",
        "architecture": "gru", "dataset": "digits", "metric": "valid_loss",
        "reason": "loss became nan",
    }  # fmt: skip
    info = there.trial(0).info
    assert (info.start_time, info.end_time) == (1000 * int(AT), 1000 * int(AT + EPOCHS))
    assert there.trial(0).data.metrics["best_valid_loss"] == 1.0
    assert there.trial(0).data.metrics["best_epoch"] == 2.0
    first, *others = there.rows(0, "accuracy")
    assert math.isnan(first[1])
    assert [row[1] for row in others] == [0.5, 0.5]


def test_the_parent_says_how_it_ended_and_keeps_spec_and_figures(run, server, line):
    run.folder.figures.mkdir()
    (run.folder.figures / "curves.svg").write_text("<svg/>")
    tell(run, line.uri)
    there = There(run, server)
    assert there.parent.info.status == "KILLED"
    tags = there.parent.data.tags
    assert (tags["state"], tags["best_trial"]) == ("stopped by you", run.folder.trial_id(0))
    assert tags["trials"] == "1 completed, 1 pruned, 1 failed, 1 paused"
    assert there.parent.data.metrics["best_valid_loss"] == 1.0
    assert there.files() == {"spec.yaml", "figures"}
    assert there.files("figures") == {"figures/curves.svg"}


def test_a_finished_sweep_is_finished_there(run, server, line):
    told = [*list(records(3, over=False)), Closed(AT + 1000, "finished")]
    tell(run, line.uri, told)
    assert There(run, server).parent.info.status == "FINISHED"


def test_told_twice_it_is_there_once_and_little_is_asked(run, server, line):
    tell(run, line.uri, records(8))
    first = len(line.asked)
    tell(run, line.uri, records(8))
    There(run, server).whole(8)
    written = [words for words in line.asked[first:] if b"log-batch" in words]
    assert len(written) == 1 + 2 * 2  # of the parent, and of the two that wait


@pytest.mark.parametrize("upto", [3, 9, 15])
def test_told_anew_after_a_kill_everything_is_there_once(run, server, line, upto):
    tell(run, line.uri, list(records())[:upto], close=False)
    tell(run, line.uri)
    There(run, server).whole()


def test_a_resume_goes_on_with_the_same_runs(run, server, line):
    story = list(records(over=False))
    tell(run, line.uri, [*story[:7], Closed(AT + 500, "stopped by you")])  # in trial 1
    before = There(run, server)
    assert before.trial(1).data.tags["state"] == "interrupted"
    assert before.trial(1).info.status == "KILLED"
    tell(run, line.uri)
    after = There(run, server)
    after.whole()
    assert after.trial(1).info.run_id == before.trial(1).info.run_id


def test_a_server_that_is_down_for_a_while_gets_everything(run, server, line):
    feed = feed_of(run, line.uri)
    story = list(records())
    for place, record in enumerate(story):
        line.up = not 6 <= place < 12
        feed.note(record)
        feed._sink._send_at = feed._sink._retry_at = 0.0  # a second has passed
        feed.tick()
        if place == 9:
            assert "MLflow at http://127.0.0.1" in feed._sink.standing["why"]
    feed.close()
    assert "why" not in feed._sink.standing
    There(run, server).whole()


def test_a_server_that_is_down_at_the_end_is_told_later(run, server, line):
    feed = tell(run, line.uri, close=False, told=list(records())[:8])
    line.up = False
    feed.note(list(records())[8])
    began = time.monotonic()
    sink = feed._sink
    with pytest.raises(OrchError) as error:
        sink.close(feed.ending())
    assert time.monotonic() - began < 30
    assert str(error.value) in {
        f"MLflow at {line.uri}: {why}; a trial is not there as a whole"
        for why in ("the connection was cut", "connection refused")
    }
    line.up = True
    tell(run, line.uri)
    There(run, server).whole()


def test_a_server_that_never_answers_is_given_up_after_the_time_limit(run, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait and are not taken
        began = time.monotonic()
        feed = tell(run, f"http://127.0.0.1:{silent.getsockname()[1]}", close=False)
        uri = feed._sink.standing["url"]
        assert feed._sink.standing["why"] == f"MLflow at {uri}: no answer in time"
        for _ in range(100):  # nobody asks again before the pause is over
            feed.tick()
        assert time.monotonic() - began < 30


def test_a_run_whose_making_nobody_heard_of_is_not_made_twice(run, server, line):
    line.lose = 2  # the parent's, and that of the first trial
    feed = feed_of(run, line.uri)
    for record in records():
        feed.note(record)
        feed._sink._send_at = feed._sink._retry_at = 0.0  # a second has passed
        feed.tick()
    assert line.lose == 0
    feed.close()
    There(run, server).whole()


def test_two_runs_of_one_trial_become_one(run, server, line):
    from mlflow import MlflowClient

    tell(run, line.uri, list(records())[:4], close=False)
    client = MlflowClient(line.uri)
    one = There(run, server).trial(0)
    tags = {key: value for key, value in one.data.tags.items() if key != "mlflow.runName"}
    name = run.folder.trial_id(0)
    client.create_run(one.info.experiment_id, int(1000 * AT) + 1, tags, run_name=name)
    tell(run, line.uri)
    There(run, server).whole()


def test_what_waits_is_bounded_and_what_was_dropped_is_told_later(run, server, line, monkeypatch):
    monkeypatch.setattr("orchestrator.tracking.mlflow.MOST_ROWS", 20)
    line.up = False
    feed = tell(run, line.uri, close=False)
    sink = feed._sink
    held = sum(len(one.rows) for one in sink._trials.values())
    assert held == sink._waiting < 20
    line.up = True
    with pytest.raises(OrchError, match="trials are not there as a whole"):
        sink.close(feed.ending())
    monkeypatch.undo()
    tell(run, line.uri)
    There(run, server).whole()


def test_a_trial_that_the_server_refuses_leaves_the_others_alone(run, server, line):
    from mlflow import MlflowClient

    story = list(records())
    feed = feed_of(run, line.uri)
    for record in story[:4]:
        feed.note(record)
    feed.tick()
    MlflowClient(line.uri).delete_run(There(run, server).trial(0).info.run_id)
    for record in story[4:]:
        feed.note(record)
    with pytest.raises(OrchError, match="a trial is not there as a whole"):
        feed._sink.close(feed.ending())
    there = There(run, server)
    assert there.trial(1).data.tags["state"] == "pruned"
    assert [row[0] for row in there.rows(3, "valid_loss")] == [1, 2, 3]
    tell(run, line.uri)
    There(run, server).whole()


def test_a_long_trial_is_sent_in_several_requests(run, server, line):
    spec = run.spec.model_copy(update={"epochs": 700})
    long = TrackedRun(run.folder, spec)
    told = [Opened(AT, "here", 1, {}), TrialStarted(0, CONFIG, 7, 0, 700, AT)]
    told += [
        EpochReported(0, 1, epoch, {"valid_loss": float(epoch)}, 0.5, "here", AT + epoch)
        for epoch in range(1, 701)
    ]
    tell(long, line.uri, told)
    assert [row[0] for row in There(run, server).rows(0, "valid_loss")] == list(range(1, 701))


def test_a_password_in_the_address_is_never_said(run):
    uri = "http://me:s3cret@127.0.0.1:1"
    feed = tell(run, uri, close=False)
    with pytest.raises(OrchError) as error:
        feed._sink.close(feed.ending())
    line = "MLflow at http://***@127.0.0.1:1: connection refused; 4 trials are not there as a whole"
    assert str(error.value) == line
    chain: BaseException | None = error.value
    while chain is not None:
        assert "s3cret" not in str(chain)
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    assert "s3cret" not in str(feed._sink.standing)


def test_without_mlflow_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError) as error:
        require()
    line = "--mlflow needs MLflow. Install it: pip install 'orch-sweep[mlflow]'"
    assert str(error.value) == line
