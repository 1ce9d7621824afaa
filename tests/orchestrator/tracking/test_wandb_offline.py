"""W&B offline: a run told by the real tracking process, read back from W&B's own files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from functools import partial

import psutil
import pytest

from orchestrator import Study
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported, TrialStarted
from tests import waiting

pytest.importorskip("wandb", reason="W&B is not installed")
OFFLINE = {"wandb": "offline"}
until = partial(waiting.until, seconds=60)


def test_every_trial_epoch_config_and_state_is_in_the_files(story):
    run = story.run(fail=4)
    log = story.tell(run, **OFFLINE)
    assert f"wandb: has all of 9 trials, {sum(map(len, story.reported(run).values()))}" in log
    assert story.steps(run) == story.reported(run)
    rows = {(r.number, r.epoch): r for _, r in read(run.journal) if isinstance(r, EpochReported)}
    started = {r.number: r for _, r in read(run.journal) if isinstance(r, TrialStarted)}
    found = story.fragments(run)
    states = {}
    for number, record in started.items():
        [fragment] = found[f"{number:04d}"]
        assert (fragment.group, fragment.job_type, fragment.project) == (run.id, "trial", "orch")
        assert fragment.name == run.trial_id(number)
        config = dict(fragment.config)
        about = config.pop("orch")
        assert config == record.config
        assert (about["seed"], about["bracket"]) == (record.seed, record.bracket)
        assert fragment.metrics == {"epoch": "", "valid_loss": "epoch", "*": "epoch"}
        for epoch, row in fragment.rows.items():
            told = rows[number, epoch]
            assert {k: row[k] for k in told.metrics} == told.metrics
            assert (row["epoch"], row["_timestamp"]) == (epoch, told.at)
        states[number] = fragment.summary["state"]
        assert fragment.tags == ("ask", "random", "hyperband", states[number])
        assert fragment.exit_code == (states[number] == "failed")
        best = min(r.metrics["valid_loss"] for (n, _), r in rows.items() if n == number)
        assert fragment.summary["best"]["valid_loss"] == best
        assert fragment.summary["valid_loss"] == {"min": best}
    assert states[4] == "failed"
    assert found["0004"][0].summary["reason"] == "loss became nan"
    assert sorted(states.values()) == ["completed"] + ["failed"] + ["pruned"] * 7

    [sweep] = found[run.id]
    assert (sweep.job_type, sweep.group, sweep.exit_code) == ("sweep", run.id, 0)
    assert sweep.config["space"] == {"depth": {"kind": "float", "low": 0.0, "high": 1.0}}
    assert sweep.summary["trials"] == {"completed": 1, "failed": 1, "pruned": 7}
    winner = next(number for number, state in states.items() if state == "completed")
    assert sweep.summary["best_trial"] == run.trial_id(winner)


def test_telling_it_again_adds_nothing(story):
    run = story.run()
    story.tell(run, **OFFLINE)
    before = {number: len(found) for number, found in story.fragments(run).items()}
    story.tell(run, **OFFLINE)
    assert {number: len(found) for number, found in story.fragments(run).items()} == before


def test_a_resumed_run_goes_on_in_the_same_w_and_b_runs(story):
    run = story.run(most=11)
    story.tell(run, **OFFLINE)
    first = story.fragments(run)
    with Study.resume(run) as study:
        story.go(study)
    story.tell(run, **OFFLINE)
    assert story.steps(run) == story.reported(run)
    more = [number for number, found in story.fragments(run).items() if len(found) > 1]
    assert more, "no trial went on"
    for number in more:
        *_, last = story.fragments(run)[number]
        assert last.group == first[number][0].group
        assert last.config == first[number][0].config
        assert last.summary["state"] in {"completed", "pruned"}


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(True, id="with its service"),
        pytest.param(False, id="alone", marks=pytest.mark.extended),
    ],
)
def test_nothing_is_missing_and_nothing_is_twice_after_kill_9_of_the_tracker(story, service):
    """In the middle, three times; W&B's service dies with it, or writes on for a moment."""
    with story.study(trials=27) as study:
        run = study.run
    for epochs in (9, 7, 8):
        study = Study.resume(run)
        tracker = story.start(run, **OFFLINE)
        for count in range(epochs):
            story.go(study, most=1)
            if count == epochs // 2:
                until(lambda: sum(map(len, story.steps(run).values())) > 0)
        process = psutil.Process(tracker.pid)
        for victim in [*(process.children() if service else []), process]:
            victim.send_signal(signal.SIGKILL)
        tracker.wait()
        tracker.stdin.close()
        study.close()
    if service:
        assert story.steps(run) != story.reported(run), "nothing was lost: the test shows nothing"
    story.tell(run, **OFFLINE)
    assert story.steps(run) == story.reported(run)
    with Study.resume(run) as study:
        story.go(study)
    story.drawn(run)
    story.tell(run, **OFFLINE)
    assert story.steps(run) == story.reported(run)
    assert all(
        not any(fragment.torn for fragment in found) for found in story.fragments(run).values()
    )
    assert all(found[-1].exit_code == 0 for found in story.fragments(run).values())


@pytest.mark.extended
def test_a_tracker_ends_by_itself_when_its_driver_is_killed(story):
    """The pipe's end is all that it needs to know."""
    run = story.run(most=5)
    tracker = story.start(run, **OFFLINE)
    until(lambda: len(story.steps(run)) == len(story.reported(run)))
    assert tracker.poll() is None
    tracker.stdin.close()
    assert tracker.wait(180) == 0
    assert "wandb: has all of" in story.log(run)


@pytest.mark.extended
def test_a_tracker_waits_for_the_service_of_a_killed_one_to_write_its_last(story):
    """A process that is called like W&B's service, and has a file of the run open."""
    run = story.run(most=1)
    (run.path / "wandb").mkdir()
    service = story.folder / "wandb-core"
    shutil.copy(shutil.which("sleep"), service)
    with (run.path / "wandb" / "file").open("w+") as file:
        story.started.append(subprocess.Popen([str(service), "9"], stdin=file))
    tracker = story.start(run, **OFFLINE)
    time.sleep(7)  # long enough to have begun, had it not waited
    assert story.fragments(run) == {}
    until(lambda: story.steps(run) == {0: [1]})
    assert story.started[0].poll() == 0
    tracker.stdin.close()
    assert tracker.wait(180) == 0


@pytest.mark.extended
def test_a_second_tracker_waits_for_the_first(story):
    run = story.run(most=5)
    first = story.start(run, **OFFLINE)
    until(lambda: story.steps(run))
    second = story.start(run, **OFFLINE)
    second.stdin.close()
    time.sleep(1.5)
    assert second.poll() is None
    first.stdin.close()
    assert first.wait(180) == second.wait(180) == 0
    assert story.steps(run) == story.reported(run)


@pytest.mark.extended
def test_it_ignores_ctrl_c_takes_idle_time_alone_and_finishes_at_sigterm(story):
    run = story.run(most=5)
    del story.env["ORCH_TRACKING_PRIORITY"]
    tracker = story.start(run, **OFFLINE)
    until(lambda: story.steps(run))
    tracker.send_signal(signal.SIGINT)
    tracker.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert tracker.poll() is None
    assert psutil.Process(tracker.pid).nice() == 19
    if hasattr(os, "SCHED_IDLE"):
        [core] = psutil.Process(tracker.pid).children()
        assert {os.sched_getscheduler(pid) for pid in (tracker.pid, core.pid)} == {os.SCHED_IDLE}
    tracker.send_signal(signal.SIGTERM)
    assert tracker.wait(180) == 0
    tracker.stdin.close()
    assert story.steps(run) == story.reported(run)
