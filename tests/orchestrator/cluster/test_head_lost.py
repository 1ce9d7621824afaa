"""A head whose power is cut in the middle of a sweep: it comes back, and it does not."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from orchestrator.cluster import launch
from orchestrator.cluster.file import read_cluster
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported, Opened, TrialResumed
from orchestrator.runs.folder import RunFolder
from tests.orchestrator.cluster import test_remote
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml
from tests.orchestrator.cluster.test_remote import SLOW, records, started, the_run

WORDS = ["sweep", "slow:train-asha", "--trials", "24", "--epochs", "9", "--name", "lost",
         "--set", "checkpoint_seconds=0.1"]  # fmt: skip


def until(look):
    """Wait for what takes Ray to start, on a machine that may be busy."""
    return test_remote.until(look, 400)


@pytest.fixture(scope="module")
def first(rig, tmp_path_factory):
    """A cluster of both hosts."""
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        yield path


@pytest.fixture(scope="module")
def second(rig, first):
    """Another cluster, which the second host is the head of."""
    one, two = (host.address for host in rig.hosts)
    path = first.with_name("other.yaml")
    text = first.read_text().replace(rig.name, f"{rig.name}-other")
    path.write_text(text.replace(f"[{two}]", "[]").replace(f"head_ip: {one}", f"head_ip: {two}"))
    yield path
    launch.down(read_cluster(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("laptop")
    (made / "slow.py").write_text(SLOW)
    return made


def newest(run: RunFolder) -> dict[int, str]:
    """Keys of the checkpoints that trials would go on from, by trial."""
    kept = {}
    for entry in read(run.journal):
        checkpoint = getattr(entry.record, "checkpoint", None)
        if checkpoint is not None:
            kept[entry.record.number] = checkpoint.key
    return kept


@pytest.mark.extended
@pytest.mark.timeout(900)
def test_a_sweep_outlives_its_head_with_its_disk_and_without(first, second, folder, rig):
    head, other = rig.hosts
    watching = started(folder, *WORDS, "--cluster", str(first))
    run = until(lambda: list((folder / "runs").glob("*-lost-*")) and the_run(folder, "lost"))
    until(lambda: run.journal.is_dir() and len(records(run, EpochReported)) > 4)
    watching.kill()  # so that the disk of the head has more than has come
    watching.communicate()
    here = len(records(run, EpochReported))
    there = RunFolder(rig.folder / f"{head.name}_disk/orch/runs/{run.id}")
    until(lambda: len(records(there, EpochReported)) > here + 4)
    head.kill()
    told = len(records(there, EpochReported))

    # It comes back, with its disk.
    head.start()
    head.listens()
    again = started(folder, "resume", run.suffix, "--cluster", str(first))
    until(lambda: len(records(run, Opened)) == 2)
    until(lambda: len(records(run, EpochReported)) > told + 6)
    before = records(run, EpochReported)
    head.kill()

    # It does not come back.
    began = time.monotonic()
    said, errors = again.communicate(timeout=200)
    assert time.monotonic() - began < 120
    assert again.returncode == 1
    assert errors == (
        f"error: the head of cluster {rig.name} is lost: {head.address} does not answer, and "
        f"{other.address} does. When it is back, or on another cluster: orch resume {run.suffix} "
        f"--cluster FILE\n"
    )
    lines = said.splitlines()
    assert any(line.startswith("the head of its cluster is lost after ") for line in lines)
    assert lines[-3:] == [
        f"next   orch resume {run.suffix} --cluster FILE    orch show {run.suffix}",
        f"up     other nodes of cluster {rig.name} may be up still",
        f"       end them with: orch cluster down {first}",
    ]
    assert records(run, EpochReported)[: len(before)] == before
    kept = {number for number, key in newest(run).items() if (run.checkpoints / key).is_file()}
    shown = started(folder, "show", run.suffix, "--json")
    assert json.loads(shown.communicate(timeout=180)[0])
    assert shown.returncode == 0

    # On another cluster.
    mark = len(list(read(run.journal)))
    moved = started(folder, "resume", run.suffix, "--cluster", str(second))
    _, errors = moved.communicate(timeout=400)
    assert (moved.returncode, errors) == (0, "")
    assert records(run, EpochReported)[: len(before)] == before
    epochs = Counter((one.number, one.epoch) for one in records(run, EpochReported))
    assert set(epochs.values()) == {1}
    trials = pl.read_parquet(run.trials)
    assert len(trials) == 24
    assert set(trials["state"]) == {"completed", "pruned"}
    late = [entry.record for entry in list(read(run.journal))[mark:]]
    resumed = [one for one in late if isinstance(one, TrialResumed)]
    assert kept
    assert resumed
    rows = pl.read_parquet(run.epochs)
    assert (rows["metric.trained"] == rows["epoch"]).all()
    assert json.loads(Path(run.path, "cluster.json").read_text())["home"] is True
    assert not [one for one in resumed if one.afresh and one.number in kept]
