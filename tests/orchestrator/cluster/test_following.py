"""Following a run whose other end falls silent: it comes back, is gone, or nobody can tell."""

from __future__ import annotations

import sys
import time

import pytest

from orchestrator.cluster import following
from orchestrator.cluster.file import read_cluster
from orchestrator.cluster.following import Following
from orchestrator.cluster.link import ConnectionLost
from orchestrator.cluster.lost import why_gone
from orchestrator.cluster.mirror import Mirror
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from searchspaces.errors import OrchError
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml


@pytest.fixture
def silenced(tmp_path, monkeypatch):
    """A run's mirror, and what falls silent with the file that is its gate."""
    run = RunFolder.create(tmp_path / "far/runs", spec_from(compose("gru-random")), {})
    gate = tmp_path / "gate"
    program = [sys.executable, "-m", "orchestrator.cluster.far", str(run.path.parent)]
    closed = 'if test -e "$0"; then exit 255; else exec "$@"; fi'
    mirror = Mirror(["sh", "-c", closed, str(gate), *program], run.id, tmp_path / run.id)
    monkeypatch.setattr(following, "GONE_SECONDS", 0.3)

    def silence():
        gate.touch()
        mirror._far.link._process.kill()

    return mirror, gate, silence


def until(look):
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_ends_once_the_other_end_is_known_to_be_gone(silenced):
    mirror, _, silence = silenced
    asked = []

    def gone():
        asked.append(time.monotonic())
        return OrchError("it is gone") if len(asked) == 2 else None

    with Following(mirror, gone) as follows:
        silence()
        until(lambda: follows.error is not None)
    assert str(follows.error) == "it is gone"
    assert len(asked) == 2
    assert asked[1] - asked[0] > 0.3


def test_where_nobody_can_tell_it_goes_on_for_a_while(silenced, monkeypatch):
    mirror, gate, silence = silenced
    with Following(mirror) as follows:
        silence()
        until(lambda: follows.said)
        gate.unlink()
        until(lambda: len(follows.said) == 2)
        assert follows.said[1].startswith("connected again after ")
        monkeypatch.setattr(following, "PATIENCE_SECONDS", 1.0)
        silence()
        until(lambda: follows.error is not None)
    assert isinstance(follows.error, ConnectionLost)


@pytest.mark.extended
def test_a_head_is_gone_where_another_host_answers_and_it_does_not(rig, tmp_path):
    head, other = rig.hosts
    file = read_cluster(cluster_yaml(rig, tmp_path))
    assert why_gone(file, head.address) == ""
    head.stop_network()
    assert why_gone(file, head.address) == (
        f"{head.address} does not answer, and {other.address} does"
    )
    other.stop_network()
    assert why_gone(file, head.address) == ""  # it may be this machine that has no network
    for host in rig.hosts:
        host.start_network()
