"""Sweeps and studies that are tracked: by the command line and from Python, beside the driver."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from orchestrator.runs.folder import all_runs
from orchestrator.spec_file import read_mapping
from orchestrator.tracking import login
from orchestrator.tracking.status import read_status
from orchestrator.tracking.wandb_runs import MOST_OPEN
from searchspaces import UsageError
from tests import waiting

pytest.importorskip("wandb", reason="W&B is not installed")
STUDY = """
import json, math, sys, time
from orchestrator import Study, Sweep
from orchestrator.schedulers import Continue

runs, tracking, seconds = sys.argv[1:]
began = time.monotonic()
if tracking == "resume":
    made = Study.resume(runs=runs)
else:
    made = Sweep("ask-asha", space={"depth": {"low": 0.0, "high": 1.0}}, trials=9, epochs=9,
                 tracking=json.loads(tracking)).ask_tell(runs)
with made as study:
    while (trial := study.ask()) is not None:
        for epoch in range(trial.epoch + 1, 10):
            time.sleep(float(seconds))
            loss = 1 - trial.config["depth"] * (1 - math.exp(-epoch / 3))
            if not isinstance(study.tell(trial, {"valid_loss": loss}), Continue):
                break
heavy = {"wandb", "mlflow", "tensorboardX", "ray", "torch"} & sys.modules.keys()
print(json.dumps({"seconds": time.monotonic() - began, "heavy": sorted(heavy)}))
"""


def study_in(runs, tracking, seconds=0.0):
    """The command of a process that runs a study, or goes on with it."""
    said = tracking if isinstance(tracking, str) else json.dumps(tracking)
    return [sys.executable, "-c", STUDY, str(runs), said, str(seconds)]


until = partial(waiting.until, seconds=90)


def told(run):
    """Every sink of a run is done."""
    until(lambda: (found := read_status(run.path)) and all(s["done"] for s in found.values()))
    until(lambda: not alive(run))
    return read_status(run.path)


def alive(run):
    """The tracking process of a run, if it is there."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if run.id in words and any(word.endswith("tracking/process.py") for word in words):
            return process
    return None


@pytest.mark.extended
@pytest.mark.slow
def test_a_sweep_on_ray_is_in_w_and_bs_files_when_its_tracking_has_ended(story):
    done = story.orch(
        "sweep", "mlp-asha", "--trials", "6", "--epochs", "3", "--no-check",
        "--wandb", "offline", "--tensorboard",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    [run] = all_runs(story.folder / "runs")
    lines = done.stdout.splitlines()
    assert f"wandb  offline in runs/{run.id}/wandb    orch sync {run.id[-4:]}" in lines
    assert f"board  tensorboard --logdir runs/{run.id}/tensorboard" in lines
    status = told(run)
    assert (status["wandb"]["trials"], status["tensorboard"]["trials"]) == (6, 6)
    assert story.steps(run) == story.reported(run)
    found = story.fragments(run)
    assert {fragment.group for fragments in found.values() for fragment in fragments} == {run.id}
    [trial] = found["0003"]
    assert trial.tags[:4] == ("mlp", "digits", "random", "asha")
    assert {"train_loss", "valid_loss", "accuracy", "epoch"} <= trial.rows[1].keys()
    assert "depth" in trial.config
    assert "learning_rate" in trial.config
    [sweep] = found[run.id]
    assert sweep.summary["best_trial"] in {run.trial_id(number) for number in range(6)}
    kept = list((run.path / "wandb" / "artifacts" / "staging").iterdir())
    drawn = [path for path in run.figures.iterdir() if path.is_file()]
    assert drawn, story.log(run)
    assert {path.read_bytes() for path in kept} >= {path.read_bytes() for path in drawn}
    assert read_mapping(run.path / "spec.yaml")[0]["tracking"] == {
        "wandb": {"mode": "offline"}, "tensorboard": True,
    }  # fmt: skip

    before = {number: len(fragments) for number, fragments in found.items()}
    (run.path / "tracking.json").unlink()
    assert story.orch("resume", "--wandb", "off", run.id, "--no-tensorboard").returncode == 0
    assert read_status(run.path) == {}
    assert story.orch("resume", run.id).returncode == 0
    assert told(run).keys() == {"wandb", "tensorboard"}
    assert {n: len(fragments) for n, fragments in story.fragments(run).items()} == before


def test_a_study_is_tracked_and_its_process_imports_nothing_of_it(story):
    runs = story.folder / "runs"
    done = subprocess.run(
        study_in(runs, {"wandb": "offline"}),
        capture_output=True, text=True, env=story.env, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["heavy"] == []
    assert done.stderr == ""
    [run] = all_runs(runs)
    story.drawn(run)
    assert told(run)["wandb"]["mode"] == "offline"
    assert story.steps(run) == story.reported(run)


def rows(steps):
    return sum(map(len, steps.values()))


def with_epochs(steps):
    """Those that have any: W&B may know a trial before its first epoch, or may not."""
    return {number: epochs for number, epochs in steps.items() if epochs}


@pytest.mark.parametrize(
    "tracker_too",
    [
        pytest.param(True, id="and tracker"),
        pytest.param(False, id="alone", marks=pytest.mark.extended),
    ],
)
def test_nothing_is_missing_or_twice_when_the_driver_is_killed_and_resumed(story, tracker_too):
    """A tracker that lives tells the rest and ends; after a killed one the resume does."""
    runs = story.folder / "runs"
    driver = subprocess.Popen(study_in(runs, {"wandb": "offline"}, 0.3), env=story.env)
    story.started.append(driver)
    until(lambda: all_runs(runs) and rows(story.steps(all_runs(runs)[0])) > 2)
    [run] = all_runs(runs)
    tracker = alive(run)
    until(lambda: rows(story.steps(run)) + 2 <= rows(story.reported(run)))  # W&B holds some back
    for victim in [*(tracker.children() if tracker_too else []), *([tracker] * tracker_too)]:
        victim.send_signal(signal.SIGKILL)
    driver.kill()
    driver.wait()
    reported = story.reported(run)
    assert rows(reported) > 2
    if not tracker_too:
        until(lambda: not alive(run))
        assert with_epochs(story.steps(run)) == with_epochs(reported)
    subprocess.run(study_in(runs, "resume"), env=story.env, check=True, stdout=subprocess.DEVNULL)
    story.drawn(run)
    told(run)
    assert story.steps(run) == story.reported(run)
    states = {found[-1].summary["state"] for found in story.fragments(run).values()}
    assert states == {"completed", "pruned", "finished"}


@pytest.mark.extended
def test_a_server_that_never_answers_costs_the_driver_nothing(story, key):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        story.env |= {"WANDB_BASE_URL": url, "WANDB_API_KEY": key}
        runs = story.folder / "runs"
        command = study_in(runs, {"wandb": "online"})
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, env=story.env, check=False)
        took = time.monotonic() - began
        [run] = all_runs(runs)
        assert alive(run), "the tracking had ended before: nothing was slow"
        assert json.loads(done.stdout)["seconds"] < 10
        assert took < 30
        story.drawn(run)
        assert told(run)["wandb"]["why"] == f"{url} does not answer (timed out)"
    assert story.steps(run) == story.reported(run)


def test_w_and_bs_service_may_die_in_the_middle(story):
    with story.study() as study:
        run = study.run
        tracker = story.start(run, wandb="offline")
        story.go(study, most=6)
        until(lambda: sum(map(len, story.steps(run).values())) >= 4)
        for core in psutil.Process(tracker.pid).children():
            core.send_signal(signal.SIGKILL)
        story.go(study)
    story.drawn(run)
    tracker.stdin.close()
    assert tracker.wait(180) == 0
    assert "wandb: begun anew" in story.log(run)
    assert story.steps(run) == story.reported(run)


@pytest.mark.extended
def test_few_w_and_b_runs_are_open_however_many_trials_are_paused(story):
    """The first bracket pauses all of its 81 trials after an epoch."""
    with story.study(trials=81, epochs=81) as study:
        run = study.run
        tracker = story.start(run, wandb="offline")
        story.go(study, most=81)
        until(lambda: sum(map(len, story.steps(run).values())) == 81)
        [core] = psutil.Process(tracker.pid).children()
        files = {file.path for file in core.open_files() if file.path.endswith(".wandb")}
        assert len(files) == MOST_OPEN
        story.go(study, most=30)
    tracker.stdin.close()
    assert tracker.wait(180) == 0
    assert story.steps(run) == story.reported(run)
    again = [number for number, found in story.fragments(run).items() if len(found) > 1]
    assert again, "no trial went on after its run was closed"
    for number in again:
        last = story.fragments(run)[number][-1]
        assert last.summary["valid_loss"] == {"min": last.summary["best"]["valid_loss"]}


@pytest.mark.extended
def test_a_sink_that_fails_does_not_hold_the_others(story):
    run = story.run(most=9)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = story.tell(run, wandb="offline", mlflow=f"http://127.0.0.1:{port}", tensorboard=True)
    assert "wandb: has all of" in log
    assert "tensorboard: has all of" in log
    assert re.search(r"mlflow: .*It is told of nothing more; later: orch sync", log)
    assert "trouble" in read_status(run.path)["mlflow"]
    assert story.steps(run) == story.reported(run)


@pytest.mark.parametrize(
    ("package", "option", "line"),
    [
        ("wandb", ["--wandb"],
         "error: --wandb needs W&B. Install it: pip install 'orch-sweep[wandb]'\n"),
        ("mlflow", ["--mlflow", "http://localhost:5000"],
         "error: --mlflow needs MLflow. Install it: pip install 'orch-sweep[mlflow]'\n"),
    ],
)  # fmt: skip
def test_a_missing_package_is_one_line_before_anything_runs(story, package, option, line):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from orchestrator.cli.main import cli\n"
        f"cli(['sweep', 'mlp-asha', *{option!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=story.folder,
        env=story.env, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
    assert not (story.folder / "runs").exists()


def test_a_folder_of_w_and_bs_is_not_taken_for_the_package(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(UsageError, match="needs W&B"):
        login.require()


def test_online_without_a_key_is_refused_before_anything_runs(story):
    done = story.orch("sweep", "mlp-asha", "--wandb", "online", WANDB_BASE_URL="http://w.here")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: W&B: nobody is logged in at http://w.here. Run: wandb login, or set "
        "WANDB_API_KEY, or take --wandb offline.\n"
    )
    assert not (story.folder / "runs").exists()


@pytest.mark.extended
def test_a_study_that_goes_on_is_tracked_without_being_told(story):
    runs = story.folder / "runs"
    done = subprocess.run(
        study_in(runs, {"tensorboard": True}),
        capture_output=True, text=True, env=story.env, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tracked = all_runs(runs)[-1]
    told(tracked)
    (tracked.path / "tracking.json").unlink()
    code = (
        f"from orchestrator import Study; Study.resume({tracked.id!r}, runs={str(runs)!r}).close()"
    )
    subprocess.run([sys.executable, "-c", code], env=story.env, check=True)
    assert told(tracked).keys() == {"tensorboard"}


def test_ctrl_c_in_a_terminal_ends_the_driver_and_not_its_tracking(story):
    """A real terminal sends it to everybody in the foreground."""
    pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed")
    runs = story.folder / "runs"
    command = study_in(runs, {"wandb": "offline"}, 1.0)
    driver = pexpect.spawn(command[0], command[1:], env=story.env, timeout=60)
    until(lambda: all_runs(runs) and story.steps(all_runs(runs)[0]))
    [run] = all_runs(runs)
    tracker = alive(run)
    driver.sendintr()
    driver.expect("KeyboardInterrupt")
    driver.expect(pexpect.EOF)
    driver.close()
    tracker.wait(180)
    assert "wandb: has all of" in story.log(run)
    assert with_epochs(story.steps(run)) == with_epochs(story.reported(run))
