"""From a laptop to a cluster and home: the real command, two real hosts, a real sshd on each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from orchestrator.cluster import launch
from orchestrator.cluster.file import read_cluster
from orchestrator.engine.journal import read
from orchestrator.engine.records import Commanded, EpochReported, Opened, Scaled, TrialResumed
from orchestrator.runs.folder import RunFolder
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml

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
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        yield path
        launch.down(read_cluster(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a person works."""
    made = tmp_path_factory.mktemp("laptop")
    (made / "slow.py").write_text(SLOW)
    return made


def started(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def orch(folder, *words, code=0):
    process = started(folder, *words)
    said, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (code, ""), said + errors
    return said


def until(look, seconds=120.0):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def the_run(folder, name):
    [path] = (folder / "runs").glob(f"*-{name}-*")
    return RunFolder(path)


def records(run, kind):
    return [entry.record for entry in read(run.journal) if isinstance(entry.record, kind)]


def test_a_cluster_goes_up_and_is_seen(written, folder, rig):
    one, two = (host.address for host in rig.hosts)
    (folder / "orch.toml").write_text('[cluster.prices]\n"local.cluster.node" = 36.0\n')
    said = orch(folder, "cluster", "status", str(written), code=1)
    assert said == (f"cluster {rig.name!r} is not up\n\nnext   orch cluster up {written}\n")
    said = re.sub(r"\d+:\d\d", "TIME", orch(folder, "cluster", "up", str(written)))
    lines = said.splitlines()
    assert lines[lines.index("step   2 of 2 nodes are up") + 1 :] == [
        f"cluster {rig.name!r} is up: 2 nodes, 4 cpus, for TIME",
        f"head   {one}  2 cpus  TIME",
        f"worker {two}  2 cpus  TIME",
        next(line for line in lines if line.startswith("cost")),
        "",
        f"next   orch sweep gru-bohb --cluster {written}",
        f"       orch cluster down {written}",
    ]
    seen = json.loads(orch(folder, "cluster", "status", str(written), "--json"))
    assert (seen["cluster"], seen["up"]) == (rig.name, True)
    nodes = [(node["address"], node["head"]) for node in seen["nodes"]]
    assert nodes == [(one, True), (two, False)]
    assert re.fullmatch(r"about \d+\.\d\d USD: 2 nodes for \d+ min", seen["cost"])


def test_a_sweep_runs_there_and_comes_home(written, folder):
    said = orch(folder, "sweep", "gru-asha", "--trials", "4", "--epochs", "3", "--name", "first",
                "--cluster", str(written))  # fmt: skip
    run = the_run(folder, "first")
    assert len(pl.read_parquet(run.trials)) == 4
    assert json.loads((run.path / "cluster.json").read_text())["home"] is True
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["check", "expect"]
    assert lines[1].startswith("expect 4 trials at a time on 2 nodes with 4 cpus; about ")
    assert "4 trials at a time on 2 nodes" in lines
    assert any(line.startswith("ship   orch ") and line.endswith("verified") for line in lines)
    assert any(line.startswith("fetch ") and line.endswith("verified") for line in lines)
    assert lines[-3].startswith("up     2 nodes of cluster ")
    assert lines[-2] == "       about 72.00 USD: 2 nodes for 1 h"
    assert lines[-1] == f"       end it with: orch cluster down {written}"
    # What reads run folders reads this one.
    shown = orch(folder, "show", "first")
    assert next(line for line in lines if line.startswith("4 trials in")).split(": ")[1] in shown


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
