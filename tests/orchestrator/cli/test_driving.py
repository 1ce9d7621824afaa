"""A sweep in front of a person: output, exit codes, signals; the engine is played."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.cli import driving
from orchestrator.cli.signals import SignalInbox
from orchestrator.engine.inbox import StopRun, StopTrial, send
from orchestrator.engine.records import Closed
from orchestrator.runs.folder import RunFolder
from orchestrator.sweep import Result


@pytest.fixture
def play(tmp_path, monkeypatch, teller):
    """Makes a ``Start`` that tells records to the observer, as a run would."""
    monkeypatch.chdir(tmp_path)

    def make(*, epochs=10**9, failing=None, stopped=None, before=lambda inbox: None):
        spec = teller.spec(trials=8, epochs=9, concurrency=2)

        def start(watch, inbox):
            folder = RunFolder.create(Path("runs"), spec, {})
            observer = watch(folder, spec)
            observer.tick()
            before(inbox)
            for record in teller.told(spec, epochs=epochs, failing=failing):
                observer.note(record)
            observer.note(Closed(time.time(), "finished", 9.0, 10.0))
            commands = list(inbox.take())
            return Result(folder, None, None, stopped or (commands[0] if commands else None))

        return start

    return make


def drive(start, **options):
    return driving.drive(start, **{"as_json": False, "latest": True, **options})


def test_a_finished_sweep_exits_with_0(play, capsys):
    assert drive(play()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5].startswith("best   trial 0  valid_loss 0.3162  accuracy 0.842  epoch 9 of 9")
    assert lines[-3] == "work   90.0% of the workers' time went into epochs"
    assert lines[-1] == "next   orch analyze    orch show    orch best --format yaml > winner.yaml"


def test_a_sweep_without_a_completed_trial_exits_with_3(play, capsys):
    assert drive(play(failing=dict.fromkeys(range(8), 1))) == 3
    assert "best   none: no trial has a result" in capsys.readouterr().out


def test_a_sweep_out_of_time_exits_with_0_and_says_how_to_go_on(play, capsys):
    assert drive(play(epochs=4, stopped=StopRun("time is up"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "time is up after 4 of 18 epochs; everything reported is kept" in lines
    assert lines[-1].startswith("next   orch resume ")


@pytest.mark.parametrize(
    ("number", "code", "who"),
    [(signal.SIGINT, 130, "you"), (signal.SIGTERM, 143, "SIGTERM")],
)
def test_a_signal_stops_in_an_orderly_way(play, capsys, number, code, who):
    def kill(inbox):
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    assert drive(play(epochs=4, before=kill)) == code
    assert signal.getsignal(number) == before
    out = capsys.readouterr().out
    assert f"stopped by {who} after 4 of 18 epochs; everything reported is kept" in out


def test_signals_that_ray_took_are_taken_back():
    with SignalInbox() as inbox:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        inbox.hold()
        os.kill(os.getpid(), signal.SIGTERM)
        assert list(inbox.take()) == [StopRun("stopped by SIGTERM", signal.SIGTERM)]


def test_a_sigterm_that_ray_turned_into_an_exit_ends_the_same_way(play, capsys, teller):
    inner = play(epochs=4)

    def start(watch, inbox):
        inner(watch, inbox)
        raise SystemExit(signal.SIGTERM)

    assert drive(start) == 143
    assert "stopped by SIGTERM after 4 of 18 epochs" in capsys.readouterr().out


def test_a_second_signal_ends_the_process_at_once():
    code = (
        "import os, signal, time\n"
        "from orchestrator.cli.signals import SignalInbox\n"
        "with SignalInbox():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(10)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"still here\n", b"")


def test_letters_in_the_run_folder_are_read_once_it_is_known(tmp_path):
    inbox = SignalInbox()
    send(tmp_path / "inbox", StopTrial(3))
    assert list(inbox.take()) == []
    inbox.attach(tmp_path / "inbox")
    assert list(inbox.take()) == [StopTrial(3)]


def test_json_is_the_only_thing_on_stdout(play, capsys):
    assert drive(play(failing={5: 1}), as_json=True) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert captured.err == ""
    assert found["run"] == Path(found["path"]).name
    assert (found["finished"], found["stopped"], found["epochs"]) == (True, None, 17)
    assert found["states"] == {"completed": 1, "pruned": 6, "failed": 1}
    assert found["worker_share"] == 0.9
    assert found["best"]["trial"] == 0
    assert found["best"]["epoch"] == 9
    assert found["best"]["objective"] == pytest.approx(1 / 10**0.5)
    assert found["best"]["config"] == {
        "num_layers": 1, "hidden_size": 16, "learning_rate": 0.0001, "batch_size": 64,
    }  # fmt: skip


def test_a_run_that_was_finished_before_says_so(play, capsys, teller, tmp_path):
    spec = teller.spec(trials=8, epochs=9, concurrency=2)

    def start(watch, inbox):
        folder = RunFolder.create(tmp_path / "runs", spec, {})
        observer = watch(folder, spec)
        for record in [*teller.told(spec), Closed(5.0, "finished"), Closed(6.0, "finished")]:
            observer.note(record)
        return Result(folder, None, None, None)

    assert drive(start, latest=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "nothing was left to do" in lines
    assert not any(line.startswith("trial ") for line in lines)
