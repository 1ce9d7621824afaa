"""A sweep on a cluster that tells others: from the head, with secrets that nobody else sees."""

from __future__ import annotations

import json
import sys

import pytest

from orchestrator.cluster import launch, rest
from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.file import read_cluster
from orchestrator.cluster.needs import Need, needs_of, refuse_lacking
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.tokens import find_token
from orchestrator.engine.records import EpochReported
from orchestrator.tracking.settings import Tracking
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml
from tests.orchestrator.cluster.test_remote import SLOW, records, started, the_run, until
from tests.orchestrator.conftest import Hook
from tests.orchestrator.tracking.conftest import KEY, Server

pytest.importorskip("wandb", reason="W&B is not installed")
pytest.importorskip("apprise", reason="apprise is not installed")


@pytest.fixture(scope="module")
def written(rig, tmp_path_factory):
    """A cluster of one host."""
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"), hosts=rig.hosts[:1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        yield path
        launch.down(read_cluster(path))


@pytest.fixture(scope="module")
def gateway(rig):
    """This machine, as the hosts see it."""
    return rig.hosts[0].address.rpartition(".")[0] + ".1"


@pytest.fixture
def wandb(gateway, monkeypatch):
    made = Server(gateway)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ORCH_TRACKING_PRIORITY", "low")
    yield made
    made.close()


@pytest.fixture
def told(gateway, monkeypatch):
    made = Hook(gateway)
    monkeypatch.setenv("ORCH_NOTIFY", made.url)
    yield made
    made.close()


def test_a_package_that_the_head_lacks_is_told_in_one_line(rig, login):
    host = Host(rig.hosts[0].address, login)
    refuse_lacking(host, sys.executable, needs_of(Tracking(mlflow="http://m"), notifies=True))
    with pytest.raises(ClusterError) as caught:
        refuse_lacking(host, sys.executable, (Need("not_there_at_all", "--wandb", "wandb"),))
    assert str(caught.value) == (
        f"{host.address}: --wandb needs not_there_at_all there, and it is not installed. Run "
        f"there: {sys.executable} -m pip install 'orch-sweep[wandb]'"
    )


@pytest.mark.extended
@pytest.mark.timeout(600)  # a head starts, and W&B
def test_a_sweep_tells_wandb_and_people_from_the_head(written, rig, wandb, told, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    head = rig.hosts[0]
    words = ["sweep", "slow:train-random", "--trials", "4", "--epochs", "3", "--name", "told"]
    words += ["--wandb", "online", "--tensorboard", "--cluster", str(written)]
    watching = started(tmp_path, *words)
    run = until(
        lambda: list((tmp_path / "runs").glob("*-told-*")) and the_run(tmp_path, "told"), 400
    )
    until(lambda: run.journal.is_dir() and records(run, EpochReported), 400)
    seen = head.processes()
    said, errors = watching.communicate(timeout=400)
    assert (watching.returncode, errors) == (0, "")

    reported = {(one.number, one.epoch) for one in records(run, EpochReported)}
    assert {(n, step) for n, steps in wandb.steps(run).items() for step in steps} == reported
    assert any(line.startswith("wandb  http") for line in said.splitlines()), said
    [message] = told.got
    assert message["title"].endswith(": finished"), message
    assert message["type"] == "success"
    assert list((run.path / "tensorboard").rglob("events.out.tfevents.*"))
    assert json.loads((run.path / "tracking.json").read_text())["sinks"]["wandb"]["done"] is True

    host = Host(head.address, read_cluster(written).login)
    jobs = rest.get(host, "/api/jobs/", token=find_token().text)
    assert run.id.encode() in jobs
    kept = [path for top in (run.path, rig.folder / f"{head.name}_disk/orch")
            for path in top.rglob("*") if path.is_file()]  # fmt: skip
    for secret in (KEY.encode(), b"s3cret"):
        assert secret not in jobs
        assert secret not in "\n".join(seen).encode()
        assert [path for path in kept if secret in path.read_bytes()] == []
    assert list((rig.folder / f"{head.name}_disk/orch/secrets").iterdir()) == []
