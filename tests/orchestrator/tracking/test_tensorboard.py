"""TensorBoard's event files, read back by TensorBoard itself."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.engine.records import EpochReported
from orchestrator.engine.trial import State
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from orchestrator.tracking.sink import Ending, TrackedRun, TrackedTrial
from orchestrator.tracking.tensorboard import TensorBoardSink, tag_of

AT = 1_000_000_000.0
STATES = {0: State.COMPLETED, 1: State.PRUNED, 2: State.FAILED, 3: State.PAUSED}
ENDING = Ending(finished=False, reason="stopped by you", best=None, trials={})
CONFIG = {"units": 16, "learning_rate": 0.003, "optimizer": "adam", "nesterov": True,
          "sgd.kernel_sizes": (3, 3)}  # fmt: skip
SHOWN = {**CONFIG, "sgd.kernel_sizes": "[3, 3]"}


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    spec = spec_from(compose("gru-bohb"), {})
    return TrackedRun(RunFolder.create(tmp_path / "runs", spec, {}), spec)


def loss(number: int, epoch: int) -> float:
    """Least at epoch 2, and a power of two, which 32 bits hold."""
    return 2.0 ** (number + abs(epoch - 2))


def tell(sink, run, *, trials=4, epochs=3, states=STATES, upto=10**9):
    """A journal, told from its first record on; it stops after so many calls."""
    calls = 0

    def call(function, *arguments):
        nonlocal calls
        calls += 1
        if calls <= upto:
            function(*arguments)

    for number in range(trials):
        trial = TrackedTrial(
            number, run.folder.trial_id(number), CONFIG, seed=7, bracket=0, started_at=AT + number
        )
        call(sink.begin, trial)
        for epoch in range(1, epochs + 1):
            accuracy = None if epoch == 1 else 0.5
            metrics = {"train_loss": 2 * loss(number, epoch), "valid_loss": loss(number, epoch),
                       "accuracy": accuracy}  # fmt: skip
            trial.epoch = epoch
            if epoch <= 2:
                trial.best_epoch, trial.best = epoch, metrics
            at = AT + 10 * number + epoch
            call(sink.epoch, trial, EpochReported(number, 1, epoch, metrics, 0.5, "here", at))
        trial.state = states[number % 4]
        if trial.state is not State.PAUSED:
            trial.ended_at = AT + 10 * number + epochs
            call(sink.end, trial)
    sink.tick()


def read(folder: Path):
    """What TensorBoard finds in a trial's folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def rows(folder: Path, tag: str) -> list[tuple[int, float, float]]:
    return [(event.step, event.value, event.wall_time) for event in read(folder).Scalars(tag)]


def hparams(folder: Path) -> dict[str, object]:
    from tensorboard.plugins.hparams import metadata

    content = read(folder).SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in found.items()}


def trial_folder(run: TrackedRun, number: int) -> Path:
    return run.folder.path / "tensorboard" / run.folder.trial_id(number)


def test_every_epoch_is_a_row_at_its_step_and_its_time(run):
    sink = TensorBoardSink(run)
    tell(sink, run)
    folder = trial_folder(run, 1)
    assert rows(folder, "loss/valid") == [(1, 4.0, AT + 11), (2, 2.0, AT + 12), (3, 4.0, AT + 13)]
    assert rows(folder, "loss/train") == [(1, 8.0, AT + 11), (2, 4.0, AT + 12), (3, 8.0, AT + 13)]


def test_the_best_is_a_row_whenever_it_gets_better(run):
    tell(TensorBoardSink(run), run)
    assert rows(trial_folder(run, 0), "best/valid_loss") == [(1, 2.0, AT + 1), (2, 1.0, AT + 2)]
    assert rows(trial_folder(run, 0), "best/epoch") == [(1, 1.0, AT + 1), (2, 2.0, AT + 2)]


def test_what_was_not_finite_is_a_gap(run):
    tell(TensorBoardSink(run), run)
    [first, second, third] = rows(trial_folder(run, 0), "accuracy")
    assert math.isnan(first[1])
    assert (second[:2], third[:2]) == ((2, 0.5), (3, 0.5))


def test_train_and_valid_stand_side_by_side():
    named = {"train_loss": "loss/train", "valid_loss": "loss/valid", "val_f1_macro": "f1_macro/val",
             "accuracy": "accuracy", "train": "train", "trained_steps": "trained_steps",
             "loss/valid": "loss/valid"}  # fmt: skip
    assert {name: tag_of(name) for name in named} == named


def test_a_trial_that_is_over_has_its_config_and_state_as_hparams(run):
    tell(TensorBoardSink(run), run)
    assert hparams(trial_folder(run, 0)) == {**SHOWN, "state": "completed"}
    assert hparams(trial_folder(run, 1))["state"] == "pruned"
    assert hparams(trial_folder(run, 2))["state"] == "failed"


def test_a_trial_that_waits_has_its_hparams_at_the_end_and_new_ones_after_a_resume(run):
    sink = TensorBoardSink(run)
    tell(sink, run)
    sink.close(ENDING)
    assert hparams(trial_folder(run, 3))["state"] == "paused"
    tell(TensorBoardSink(run), run, states={**STATES, 3: State.PRUNED})
    assert hparams(trial_folder(run, 3))["state"] == "pruned"
    assert [step for step, _, _ in rows(trial_folder(run, 3), "loss/valid")] == [1, 2, 3]


@pytest.mark.parametrize("upto", range(1, 20))
def test_told_anew_after_a_kill_at_any_moment_everything_is_there_once(run, upto):
    tell(TensorBoardSink(run), run, upto=upto)
    for path in (run.folder.path / "tensorboard").rglob("events.*"):
        path.write_bytes(path.read_bytes()[:-5])  # the last line is torn, in done trials too
        break
    done = run.folder.path / "tensorboard" / "done.log"
    if done.exists():
        done.write_bytes(done.read_bytes()[:-2])
    tell(TensorBoardSink(run), run)
    for number in range(4):
        folder = trial_folder(run, number)
        assert [step for step, _, _ in rows(folder, "loss/valid")] == [1, 2, 3]
        assert [step for step, _, _ in rows(folder, "best/epoch")] == [1, 2]


def test_a_trial_that_is_done_is_not_looked_at_again(run):
    tell(TensorBoardSink(run), run)
    [done] = trial_folder(run, 0).iterdir()
    [waits] = trial_folder(run, 3).iterdir()
    done.write_bytes(b"not an event file")
    waits.write_bytes(b"not an event file")
    tell(TensorBoardSink(run), run)
    assert done.read_bytes() == b"not an event file"
    assert [step for step, _, _ in rows(trial_folder(run, 3), "loss/valid")] == [1, 2, 3]


def test_a_reader_that_was_there_before_a_kill_sees_no_row_twice(run):
    tell(TensorBoardSink(run), run, trials=1, upto=3)
    reader = read(trial_folder(run, 0))
    assert [event.step for event in reader.Scalars("loss/valid")] == [1, 2]
    time.sleep(1.1)  # the next file has another name
    tell(TensorBoardSink(run), run, trials=1)
    reader.Reload()
    assert [event.step for event in reader.Scalars("loss/valid")] == [1, 2, 3]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_trials_that_are_under_way_hold_no_file_open(run):
    sink = TensorBoardSink(run)
    tell(sink, run, trials=200, epochs=1, states=dict.fromkeys(range(4), State.PAUSED))
    assert held(run.folder.path) == []
    with trial_folder(run, 0).joinpath("own").open("w") as own:
        assert held(run.folder.path) == [own.name]


def held(folder):
    """Files below that this process holds open; others come and go as they are collected."""
    paths = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            paths.append(str(each.readlink()))
    return [path for path in paths if path.startswith(f"{folder.resolve()}/")]


@pytest.fixture
def server(run):
    """A TensorBoard over the run; a function that asks it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(run.folder.path),
               "--port", str(port), "--host", "127.0.0.1", "--reload_interval", "1"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path, **question):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/data/{path}")
        if question:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(question).encode()
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    yield ask
    process.terminate()
    process.wait(60)


def asked(ask, path, *, until, **question):
    """The first answer that satisfies, within 30 s."""
    end = time.monotonic() + 180
    answer = None
    while time.monotonic() < end:
        try:
            answer = ask(path, **question)
        except OSError:
            answer = None
        if answer is not None and until(answer):
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{path}: {answer}")


def test_a_real_tensorboard_lists_the_trials_and_their_hparams(run, server):
    tell(TensorBoardSink(run), run, upto=8)  # and is killed in trial 1, after two epochs
    asked(server, "runs", until=lambda runs: len(runs) == 2)
    time.sleep(1.1)  # the next file has another name
    sink = TensorBoardSink(run)
    tell(sink, run)
    sink.close(ENDING)
    trials = [f"tensorboard/{run.folder.trial_id(number)}" for number in range(4)]
    assert sorted(asked(server, "runs", until=lambda runs: len(runs) == 4)) == trials
    interrupted = f"plugin/scalars/scalars?run={trials[1]}&tag=loss/valid"
    scalars = asked(server, interrupted, until=lambda found: len(found) >= 3)
    assert [(step, value) for _, step, value in scalars] == [(1, 4.0), (2, 2.0), (3, 4.0)]
    statuses = [f"STATUS_{word}" for word in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    answer = server("plugin/hparams/session_groups", allowedStatuses=statuses, colParams=[],
                    startIndex=0, sliceSize=10)  # fmt: skip
    groups = {group["name"]: group for group in answer["sessionGroups"]}
    assert {name: group["hparams"]["state"] for name, group in groups.items()} == dict(
        zip(trials, ["completed", "pruned", "failed", "paused"], strict=True)
    )
    assert groups[trials[0]]["hparams"] == {**SHOWN, "units": 16.0, "state": "completed"}
    values = {value["name"]["tag"]: value["value"] for value in groups[trials[0]]["metricValues"]}
    assert (values["best/valid_loss"], values["best/epoch"]) == (1.0, 2.0)
    assert [groups[name]["sessions"][0]["status"] for name in trials] == [
        "STATUS_SUCCESS", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING",
    ]  # fmt: skip
