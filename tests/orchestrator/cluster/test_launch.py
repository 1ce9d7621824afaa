"""A real cluster on two hosts: Ray's launcher, its job server through a tunnel, and its end."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from orchestrator.cluster import launch, rest, ssh
from orchestrator.cluster.errors import (
    CommandFailedError,
    KeyRefusedError,
    NotUpError,
    TokenRefusedError,
)
from orchestrator.cluster.file import Login, read_cluster
from orchestrator.cluster.launcher import reason
from orchestrator.cluster.ssh import Host, as_ray_does
from orchestrator.cluster.tunnel import Away, Back, Tunnel
from tests import waiting
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml

JOB = """
import ray
ray.init(address="auto")
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
@ray.remote(num_cpus=2)
def name():
    import platform
    return platform.node()
nodes = [node["NodeID"] for node in ray.nodes()]
print("ran on", *sorted(ray.get([name.options(scheduling_strategy=On(one, soft=False)).remote()
                                 for one in nodes])))
"""


@pytest.fixture(scope="module")
def written(rig, tmp_path_factory):
    """The cluster file, and the environment with its token."""
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        yield path


@pytest.fixture(scope="module")
def file(written):
    return read_cluster(written)


@pytest.fixture(scope="module")
def head(file):
    return Host(file.head, file.login, alive=1)


@pytest.fixture(scope="module")
def steps(file):
    """The cluster is up for the tests that follow; what was told on the way."""
    told = []
    launch.up(file, told.append)
    launch.wait(file, launch.expected(file), told.append, patience=180)
    return told


def test_hosts_on_which_no_ray_runs_are_not_up(file):
    assert not launch.status(file)
    with pytest.raises(NotUpError) as error:
        launch.status(dataclasses.replace(file, head=""))
    assert str(error.value) == (
        f"cluster {file.name!r} is not up. Start it: orch cluster up {file.path}"
    )


def test_each_step_is_told_until_all_nodes_have_joined(steps, file):
    assert steps == [
        "a head was launched",
        "waiting for ssh",
        "copying file_mounts",
        "starting Ray",
        f"the head is up: {file.head}",
        "2 of 2 nodes are up",
    ]


def test_status_tells_the_nodes_what_they_have_and_since_when(steps, file):
    up = launch.status(file)
    assert [(node.address, node.head, node.cpus) for node in up.nodes] == [
        (file.head, True, 2.0),
        (file.workers[0], False, 2.0),
    ]
    assert (up.cpus, up.gpus) == (4.0, 0.0)
    assert 0 < time.time() - up.since < 300


def test_ray_itself_counts_two_nodes(steps, head):
    done = head.run(*as_ray_does("RAY_AUTH_MODE=token RAY_enable_autoscaler_v2=0 ray status"))
    assert b"0.0/4.0 CPU" in done.stdout


def test_the_head_of_a_file_that_names_none_is_asked_of_rays_launcher(steps, file):
    assert launch.head_address(dataclasses.replace(file, head="")) == file.head


def test_a_cluster_that_is_up_is_left_as_it_is(steps, file):
    since, told = launch.status(file).since, []
    assert launch.up(file, told.append).since == since
    assert told == ["is up already, and is used as it is"]


def test_nobody_gets_in_without_the_token(steps, file, head):
    with pytest.raises(TokenRefusedError) as error:
        rest.get(head, "/api/v0/nodes", token="f" * 64)
    assert str(error.value) == (
        f"{file.head}: Ray there has another token than this machine. Use the token that the "
        "cluster was started with."
    )
    done = head.run("stat", "-c", "%a", "/root/.ray/auth_token")
    assert done.stdout == b"600\n"


def test_a_job_runs_on_both_hosts_through_a_tunnel_that_breaks_and_comes_back(steps, rig, head):
    from ray.job_submission import JobStatus, JobSubmissionClient

    token = Path(rig.environment["RAY_AUTH_TOKEN_PATH"]).read_text()
    headers = {"Authorization": f"Bearer {token}"}
    heard = []
    with Tunnel(head, heard=heard.append) as through:
        url = through.url
        job = JobSubmissionClient(url, headers=headers).submit_job(
            entrypoint=f"python -c '{JOB}'", submission_id="both"
        )
        until(lambda: client_says(url, headers, job) == JobStatus.RUNNING)
        rig.hosts[0].stop_network()
        until(lambda: heard)
        assert isinstance(heard[0], Away)
        rig.hosts[0].start_network()
        until(lambda: len(heard) > 1)
        assert isinstance(heard[1], Back)
        assert through.url == url
        until(lambda: client_says(url, headers, job).is_terminal())
        client = JobSubmissionClient(url, headers=headers)
        assert "ran on host-1 host-2" in client.get_job_logs(job)
        assert client.get_job_status(job) == JobStatus.SUCCEEDED
    assert len(heard) == 2


def client_says(url, headers, job):
    from ray.job_submission import JobSubmissionClient

    return JobSubmissionClient(url, headers=headers).get_job_status(job)


until = partial(waiting.until, seconds=60, every=0.1)


def test_down_ends_ray_on_every_host(steps, rig, file):
    told = []
    assert launch.down(file, told.append) == ()
    assert told == [f"{host.address}: Ray has ended" for host in rig.hosts]
    for host in rig.hosts:
        assert [line for line in host.processes() if "ray/" in line or "ray::" in line] == []
    assert not launch.status(file)


def test_a_host_that_is_gone_does_not_keep_the_others_up(file, rig, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 1)
    ssh.hang_up_all()
    rig.hosts[0].stop_network()
    told = []
    try:
        assert launch.down(file, told.append) == (file.head,)
    finally:
        rig.hosts[0].start_network()
    assert told == [
        f"{file.head} does not answer, so nothing was ended there",
        f"{file.workers[0]}: Ray has ended",
    ]


def test_a_start_that_fails_says_what_failed_there_and_where_all_of_it_is(written, rig):
    path = written.with_name("broken.yaml")
    path.write_text(written.read_text() + "setup_commands: ['echo a; ls /nosuch']\n")
    told = []
    with pytest.raises(CommandFailedError) as error:
        launch.up(read_cluster(path), told.append)
    log = rig.folder / "cache" / "orch" / "clusters" / rig.name / "up.log"
    assert str(error.value) == (
        f"ray up: ls: cannot access '/nosuch': No such file or directory. All of it: {log}"
    )
    assert told[-2:] == ["running setup_commands", "command 1 of 1"]
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_head_that_refuses_the_key_is_told_before_anything_is_started(written, tmp_path, rig):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    file = dataclasses.replace(read_cluster(written), login=Login(rig.user, other))
    told = []
    with pytest.raises(KeyRefusedError):
        launch.up(file, told.append)
    assert told == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            ["2026-11-22 02:56:32,447\tINFO x.py:1 -- [7/7]", "ERROR: no nosuch",
             "Shared connection to 198.18.0.11 closed.", "  New status: update-failed",
             "  !!!", "  Full traceback: Traceback", "  Error message: SSH command failed."],
            "ERROR: no nosuch",
        ),
        (["a", "botocore.exceptions.NoCredentialsError: Unable to locate credentials", ""],
         "botocore.exceptions.NoCredentialsError: Unable to locate credentials"),
        ([], "it says nothing"),
    ],
)  # fmt: skip
def test_the_reason_of_a_failure_is_the_last_that_was_said_before(said, meant):
    assert reason(said) == meant
