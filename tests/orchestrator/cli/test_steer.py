"""Steering a run from another shell: what is followed, what is refused, what waits."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator import Sweep
from orchestrator.cli.main import cli
from orchestrator.engine.inbox import Inbox
from orchestrator.engine.journal import Journal, read
from orchestrator.engine.records import (
    FINISHED,
    Closed,
    Commanded,
    EpochReported,
    Opened,
    TrialStarted,
)
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder, find_run
from orchestrator.spec import spec_from

PROGRAM = """
import time
from searchspaces import Float, FloatParam, Int, IntParam, SearchSpace

class Space(SearchSpace):
    hidden_size: IntParam = Int(16, 256, log=True)
    learning_rate: FloatParam = Float(1e-4, 1e-1, log=True)

def train(config, state):
    kept = state.load() or {"epochs": 0}
    while state.epoch < state.epochs:
        time.sleep(0.1)
        kept["epochs"] += 1
        state.save(kept)
        yield {"valid_loss": 1 / (kept["epochs"] + config["hidden_size"] / 100)}

train.space = Space
"""


@pytest.fixture
def interrupted(tmp_path) -> RunFolder:
    """A run that a process began and left, in which three trials have started."""
    spec = spec_from(compose("gru-asha"), {"trials": 5})
    run = RunFolder.create(tmp_path / "runs", spec, {})
    facts = {"features": 8, "classes": 10, "steps": 8, "channels": 0}
    journal = Journal(run.journal, lambda record: None)
    journal.append(Opened(1.0, "here", 1, {}, facts=facts))
    for number in range(3):
        config = spec.joint.sample(spec.searcher.generator(number))
        journal.append(TrialStarted(number, dict(config), number, 0, 1, 2.0 + number))
    journal.append(Closed(9.0, "stopped by you"))
    journal.close()
    return run


def orch(run: RunFolder, *words: str) -> tuple[int, str]:
    """Exit code and all that was said."""
    done = CliRunner().invoke(cli, [*words, "--runs", str(run.path.parent)])
    return done.exit_code, done.output


def letters(run: RunFolder) -> list[object]:
    return list(Inbox(run.inbox).take())


def test_a_change_of_an_interrupted_run_waits_until_it_goes_on(interrupted):
    code, said = orch(interrupted, "edit", "--set", "space.hidden_size.high=512")
    assert code == 0
    assert said.splitlines()[0] == (
        f"run {interrupted.id}: hidden_size 16..512 log from trial 3 on, when it goes on"
    )
    assert said.splitlines()[1].startswith("next   orch resume ")
    code, said = orch(interrupted, "enqueue", "--set", "hidden_size=400")  # in the edited space
    assert code == 0
    assert "hidden_size 400" in said
    code, said = orch(interrupted, "set", "concurrency=3", "max_time=2h", "--json")
    assert json.loads(said) == {
        "run": interrupted.id, "followed": False, "trial": None,
        "values": {"concurrency": 3, "max_time": 7200.0},
    }  # fmt: skip
    code, said = orch(interrupted, "set", "target=0.05", "plateau=auto", "max_epochs_total=none")
    assert said.splitlines()[0] == (
        f"run {interrupted.id}: no max_epochs_total from now on, target is 0.05 now, "
        f"plateau is auto now, when it goes on"
    )
    kinds = [letter.kind for letter in letters(interrupted)]
    assert kinds == ["edit", "enqueue", "set", "set"]


def test_show_tells_what_was_set_since_the_run_began(interrupted):
    journal = Journal(interrupted.journal, lambda record: None)
    journal.append(Commanded("set", 10.0, values={"max_epochs_total": 20, "target": 0.05}))
    journal.append(Commanded("set", 11.0, values={"max_epochs_total": 50, "concurrency": 4}))
    journal.append(Commanded("set", 12.0, values={"target": 0.5}, refused="for a reason"))
    journal.close()
    code, said = orch(interrupted, "show")
    assert code == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "stops after 50 epochs in all, or at valid_loss 0.05 or less" in lines
    assert "4 at a time" in said


def test_show_tells_of_an_edited_prior_and_of_what_an_edit_left_no_room_for(interrupted):
    journal = Journal(interrupted.journal, lambda record: None)
    journal.append(Commanded("edit", 10.0, 3, {"space": {"dropout": {"prior": 0.2}}}))
    journal.append(Commanded("edit", 11.0, 3, {"space": {"num_layers": 1}}))
    journal.close()
    code, said = orch(interrupted, "show")
    assert code == 0
    assert "edited from trial 3 on dropout 0..0.5 around 0.2 if num_layers > 1" in said
    assert "edited from trial 3 on num_layers 1, dropout absent" in said.splitlines()


def test_values_may_come_from_the_file_of_a_winner(interrupted, tmp_path):
    file = tmp_path / "winner.yaml"
    file.write_text("num_layers: 1\nhidden_size: 100\nlearning_rate: 0.01\nbatch_size: 64\n")
    code, _ = orch(interrupted, "enqueue", "--config", str(file), "--set", "hidden_size=128")
    assert code == 0
    [letter] = letters(interrupted)
    assert letter.values == {
        "num_layers": 1, "hidden_size": 128, "learning_rate": 0.01, "batch_size": 64,
    }  # fmt: skip
    file.write_text("- num_layers: 1\n")
    assert orch(interrupted, "enqueue", "--config", str(file)) == (
        2, f"error: {file}: holds no mapping. See: orch best --format yaml\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["stop"], "error: run RUN is not running: there is nothing to stop.\n"),
        (["pause"], "error: run RUN is not running: there is nothing to pause.\n"),
        (
            ["enqueue", "--set", "hidden_size=999"],
            "error: run RUN: hidden_size: 999 is not one of 16..256 log.\n",
        ),
        (
            ["enqueue", "--set", "hiden_size=99"],
            "error: run RUN: hiden_size: unknown parameter. Did you mean 'hidden_size'? Known: "
            "num_layers, hidden_size, dropout, ",
        ),
        (
            ["enqueue", "--set", "dropout=0.2", "--set", "num_layers=1"],
            "error: run RUN: dropout: a value is given, but it needs num_layers = 2|3|4, not 1. "
            "Leave it out.\n",
        ),
        (["enqueue"], "error: run RUN: enqueue: no value is given. Give one with --set.\n"),
        (["set", "1123"], "error: no setting is given. Write: orch set 1123 target=0.05\n"),
        (
            ["set", "target=1", "0.5"],
            "error: '0.5' is not KEY=VALUE. Write: orch set target=0.05\n",
        ),
        (
            ["set", "workers=3"],
            "error: run RUN: workers: unknown key. Known: concurrency, max_time, max_epochs_total, "
            "target, plateau.\n",
        ),
        (
            ["set", "max_time=soon"],
            "error: run RUN: max_time: 'soon' is no time. Write 90s, 10m, 2h or seconds.\n",
        ),
        (
            ["set", "plateau=0"],
            "error: run RUN: plateau: 0 is no gain. Give a finite number greater than 0, or "
            "auto.\n",
        ),
        (["set", "target=true"], "error: run RUN: target: True is not a finite number.\n"),
        (
            ["edit", "--set", "space.hidden_size.high=8"],
            "error: run RUN: space.hidden_size.high: 8 is below low=16. Give high >= low.\n",
        ),
        (
            ["edit", "--set", "space.hidden_size=wide"],
            "error: run RUN: space.hidden_size",
        ),
        (
            ["edit", "--set", "epochs=100"],
            "error: run RUN: epochs: only space.* and training.* can change while a sweep runs.",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line_and_leaves_nothing(interrupted, words, line):
    code, said = orch(interrupted, *words)
    expected = line.replace("RUN", interrupted.id)
    assert said.startswith(expected) if not line.endswith("\n") else said == expected
    assert code == 2
    assert letters(interrupted) == []


@contextmanager
def ending(run, reason=FINISHED) -> Iterator[None]:
    """A process runs it that ends when a letter comes, and does not read it."""

    def ends():
        with run.owned():
            owned.set()
            while not list(run.inbox.glob("*.json")):
                time.sleep(0.01)
            journal = Journal(run.journal, lambda record: None)
            journal.append(Closed(10.0, reason))
            journal.close()

    owned = threading.Event()
    thread = threading.Thread(target=ends)
    thread.start()
    owned.wait()
    yield
    thread.join()


def test_a_run_that_ends_before_it_hears_of_a_stop_is_not_offered_to_go_on(interrupted):
    with ending(interrupted):
        code, said = orch(interrupted, "stop")
    assert code == 0
    assert said.splitlines() == [
        f"run {interrupted.id}: finished; everything reported is kept",
        f"next   orch show {interrupted.path}    orch analyze {interrupted.path}",
    ]


def test_a_change_of_a_run_that_ends_before_it_hears_of_it_is_refused(interrupted):
    with ending(interrupted):
        code, said = orch(interrupted, "edit", "--set", "space.hidden_size=wide")
    assert code == 2
    assert said == f"error: run {interrupted.id} is finished: nothing more is tried in it.\n"


def test_a_paused_run_that_ends_before_it_goes_on_is_not_offered_to_be_watched(interrupted):
    journal = Journal(interrupted.journal, lambda record: None)
    journal.append(Opened(10.0, "here", 1, {}))
    journal.append(Commanded("pause", 11.0))
    journal.close()
    with ending(interrupted, "target 0.5 is reached"):
        code, said = orch(interrupted, "resume")
    assert code == 0
    assert said.splitlines() == [
        f"run {interrupted.id}: target 0.5 is reached; everything reported is kept",
        f"next   orch show {interrupted.path}",
    ]


def test_a_run_that_its_own_program_asks_for_trials_takes_no_letters(tmp_path):
    space = {"depth": {"low": 1, "high": 8}}
    with Sweep("ask-asha", space=space).ask_tell(tmp_path / "runs") as study:
        code, said = orch(study.run, "stop")
    assert (code, said) == (
        2,
        f"error: run {study.run.id} is asked for its trials by a program. Steer it there.\n",
    )


@pytest.mark.slow
def test_a_running_sweep_is_steered_from_another_shell_and_a_resume_keeps_to_it(tmp_path):
    """One real sweep: enqueue, edit, more workers, pause, go on, stop, kill, resume."""
    (tmp_path / "slow.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "orchestrator"]

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, *words], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def say(*words: str) -> str:
        done = subprocess.run(
            [*command, *words], cwd=tmp_path, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    process = start("sweep", "slow:train-asha", "--trials", "200", "--epochs", "9",
                    "--concurrency", "1", "--seed", "3")  # fmt: skip
    try:
        until(lambda: started(tmp_path) >= 2, process)
        assert "enqueued hidden_size 200" in say("enqueue", "--set", "hidden_size=200")
        assert "hidden_size 16..512 log from trial" in say(
            "edit", "--set", "space.hidden_size.high=512"
        )
        assert "concurrency is 2 now" in say("set", "concurrency=2")
        assert "paused; its process waits" in say("pause")
        assert json.loads(say("runs", "--json"))[0]["state"] == "paused"
        before = started(tmp_path)
        time.sleep(1.0)
        assert started(tmp_path) == before
        resumed = say("resume", "--max-epochs-total", "9000")
        assert "max_epochs_total is 9000 now" in resumed
        assert "goes on after a pause" in resumed
        until(lambda: started(tmp_path) >= before + 2, process)
        process.kill()
        process.communicate()
        assert "enqueued hidden_size 300" in say("enqueue", "--set", "hidden_size=300")
        process = start("resume")
        until(lambda: started(tmp_path) >= before + 5, process)
        assert "stopped from outside" in say("stop")
        said, _ = process.communicate(timeout=180)
        assert process.returncode == 0
        assert "everything reported is kept" in said
    finally:
        process.kill()
        process.communicate()
    records = [entry.record for entry in read(find_run(tmp_path / "runs").journal)]
    asked = [r.config["hidden_size"] for r in records if isinstance(r, TrialStarted) and r.enqueued]
    assert asked == [200, 300]
    commands = [record.command for record in records if isinstance(record, Commanded)]
    assert commands == ["enqueue", "edit", "set", "pause", "set", "go-on", "enqueue"]
    numbers = [record.number for record in records if isinstance(record, TrialStarted)]
    assert numbers == list(range(len(numbers)))
    edited = next(i for i, r in enumerate(records) if isinstance(r, Commanded) and r.values == {
        "space": {"hidden_size": {"high": 512}}})  # fmt: skip
    later = [r for r in records[edited:] if isinstance(r, TrialStarted)]
    assert {record.space for record in later} == {2}


def started(folder: Path) -> int:
    """How many trials the latest run has started."""
    runs = folder / "runs"
    if not runs.is_dir():
        return 0
    try:
        journal = find_run(runs).journal
    except Exception:  # noqa: BLE001  # there is none yet
        return 0
    return sum(isinstance(entry.record, TrialStarted) for entry in read(journal))


def until(true, process) -> None:
    """Wait for something to come true while the process lives."""
    for _ in range(600):
        if true():
            return
        if process.poll() is not None:
            raise AssertionError(process.stdout.read())
        time.sleep(0.1)
    raise AssertionError("it never came true")


def test_a_run_at_its_target_is_refused_before_a_cluster_is_started(interrupted, tmp_path):
    journal = Journal(interrupted.journal, lambda record: None)
    journal.append(EpochReported(0, 1, 1, {"valid_loss": 0.25}, 1.0, "", 10.0))
    journal.close()
    file = tmp_path / "lab.yaml"
    file.write_text(
        "cluster_name: lab\nprovider: {type: local, head_ip: 127.0.0.1, worker_ips: []}\n"
        "auth: {ssh_user: me, ssh_proxy_command: 'false'}\n"
    )
    words = ["resume", interrupted.id, "--cluster", str(file), "--target", "0.5"]
    code, said = orch(interrupted, *words)
    assert code == 2
    assert said == (
        "error: target 0.5 is reached (trial 0, epoch 1: valid_loss 0.25) already. Go on: "
        "orch resume with another --target, or --target none.\n"
    )
