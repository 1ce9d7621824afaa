"""From a laptop to a cluster and home: the real command, two real hosts, a real sshd on each."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from orchestrator.cluster import launch
from orchestrator.cluster.file import read_cluster
from orchestrator.engine.journal import read
from orchestrator.engine.records import Commanded, EpochReported, Opened, Scaled, TrialResumed
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml
from tests.orchestrator.cluster.laptop import orch, started, the_run

SLOW = """\
import platform
import time

from searchspaces import Float, FloatParam, SearchSpace


class Space(SearchSpace):
    depth: FloatParam = Float(0.0, 1.0)


def train(config, state):
    kept = state.load() or {"epoch": 0}
    while state.epoch < state.epochs:
        time.sleep(0.3)
        kept["epoch"] += 1
        state.save(kept)
        yield {"valid_loss": config["depth"] + 1 / kept["epoch"], "trained": kept["epoch"]}


train.space = Space
"""
"""A user's own module, which neither host has: 0.3 s an epoch, and it says how often it trained."""


@pytest.fixture(scope="module")
def written(rig, tmp_path_factory):
    """The file of a cluster that is up."""
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        file = read_cluster(path)
        launch.up(file, lambda step: None)
        launch.wait(file, launch.expected(file), lambda step: None, patience=180)
        yield path
        launch.down(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a person works."""
    made = tmp_path_factory.mktemp("laptop")
    (made / "slow.py").write_text(SLOW)
    return made


def until(look, seconds=120.0):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def records(run, kind):
    return [entry.record for entry in read(run.journal) if isinstance(entry.record, kind)]


@pytest.mark.extended
def test_a_run_is_left_alone_taken_up_again_stopped_and_gone_on_with(written, folder, rig):
    words = ["sweep", "slow:train-random", "--trials", "40", "--epochs", "6", "--name", "mine"]
    watching = started(folder, *words, "--cluster", str(written))
    run = until(lambda: list((folder / "runs").glob("*-mine-*")) and the_run(folder, "mine"))
    until(lambda: run.journal.is_dir() and len(records(run, EpochReported)) > 4)
    watching.send_signal(signal.SIGINT)
    said, errors = watching.communicate(timeout=180)
    assert (watching.returncode, errors) == (130, "")
    assert said.splitlines()[-2].startswith("detached; the sweep goes on on cluster ")
    assert said.splitlines()[-1] == f"next   orch attach {run.suffix}    orch stop {run.suffix}"

    refused = started(folder, "resume", run.suffix)
    _, errors = refused.communicate(timeout=180)
    assert refused.returncode == 2
    assert errors.startswith(f"error: run {run.id} lives on cluster ")

    refused = started(folder, "resume", run.suffix, "--cluster", str(written))
    _, errors = refused.communicate(timeout=180)
    assert (refused.returncode, errors) == (
        2,
        f"error: run {run.id} runs on cluster {rig.name}. Follow it: orch attach {run.suffix}\n",
    )

    heard = len(records(run, EpochReported))
    said = orch(folder, "stop", run.suffix)  # nobody follows it here
    assert "stopped" in said
    assert len(records(run, EpochReported)) > heard  # it went on meanwhile
    said = orch(folder, "attach", run.suffix)
    assert any(line.startswith("fetch ") for line in said.splitlines())
    assert json.loads((run.path / "cluster.json").read_text())["home"] is True

    # What is here is the truth, whatever the head still has of it.
    said = orch(folder, "resume", run.suffix, "--cluster", str(written))
    assert "40 trials in" in said
    assert "40 completed" in said
    assert len(records(run, Opened)) == 2
    trials = pl.read_parquet(run.trials)
    assert trials["state"].to_list() == ["completed"] * 40
    epochs = Counter((one.number, one.epoch) for one in records(run, EpochReported))
    assert epochs == {(number, epoch): 1 for number in range(40) for epoch in range(1, 7)}


@pytest.mark.extended
def test_a_host_dies_and_everything_comes_home(written, folder, rig):
    """The last: of the cluster only the head is left then, and it is taken down."""
    words = ["sweep", "slow:train-bohb", "--trials", "14", "--epochs", "9", "--name", "bohb"]
    words += ["--set", "checkpoint_seconds=0.1"]
    watching = started(folder, *words, "--cluster", str(written), "--down")
    run = until(lambda: list((folder / "runs").glob("*-bohb-*")) and the_run(folder, "bohb"))
    other = rig.hosts[1]
    until(lambda: run.journal.is_dir() and
          any(one.node == other.name for one in records(run, EpochReported)))  # fmt: skip
    other.kill()
    said, errors = watching.communicate(timeout=240)
    assert (watching.returncode, errors) == (0, "")
    assert f"down   {rig.hosts[0].address}: Ray has ended" in said
    assert f"down   {other.address} does not answer, so nothing was ended there" in said
    assert "a node has gone: 2 trials at a time on 1 node" in said
    assert [(one.workers, one.nodes) for one in records(run, Scaled)][-1] == (2, 1)
    again = records(run, TrialResumed)
    assert [one for one in again if one.reason == "its node is gone"]
    epochs = Counter((one.number, one.epoch) for one in records(run, EpochReported))
    assert set(epochs.values()) == {1}
    trials = pl.read_parquet(run.trials)
    assert set(trials["state"]) == {"completed", "pruned"}
    assert len(trials) == 14
    # A trial that moved went on from its checkpoint: what it trained before was not lost.
    rows = pl.read_parquet(run.epochs)
    assert (rows["metric.trained"] == rows["epoch"]).all()
    assert records(run, Commanded) == []
    for host in rig.hosts[:1]:
        assert [line for line in host.processes() if "ray::" in line] == []
    assert Path(run.path, "spec.yaml").is_file()
