"""A real cluster on two hosts: Ray's launcher, a sweep from a laptop and home, and its end."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import time
from functools import partial
from pathlib import Path

import polars as pl
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
from tests.orchestrator.cluster.laptop import orch, the_run

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
def folder(tmp_path_factory):
    """Where a person works."""
    made = tmp_path_factory.mktemp("laptop")
    (made / "orch.toml").write_text('[cluster.prices]\n"local.cluster.node" = 36.0\n')
    return made


@pytest.fixture(scope="module")
def said(folder, written):
    """The cluster is up for the tests that follow; what was told on the way."""
    return orch(folder, "cluster", "up", str(written)).splitlines()


def test_hosts_on_which_no_ray_runs_are_not_up(file):
    assert not launch.status(file)
    with pytest.raises(NotUpError) as error:
        launch.status(dataclasses.replace(file, head=""))
    assert str(error.value) == (
        f"cluster {file.name!r} is not up. Start it: orch cluster up {file.path}"
    )


def test_what_is_not_up_can_be_brought_up(written, folder, rig):
    told = orch(folder, "cluster", "status", str(written), code=1)
    assert told == f"cluster {rig.name!r} is not up\n\nnext   orch cluster up {written}\n"


def test_each_step_is_told_until_all_nodes_have_joined(said, file, written, rig):
    one, two = (host.address for host in rig.hosts)
    lines = [re.sub(r"\d+:\d\d", "TIME", line) for line in said]
    assert lines == [
        "step   a head was launched",
        "step   waiting for ssh",
        "step   copying file_mounts",
        "step   starting Ray",
        f"step   the head is up: {file.head}",
        "step   2 of 2 nodes are up",
        f"cluster {rig.name!r} is up: 2 nodes, 4 cpus, for TIME",
        f"head   {one}  2 cpus  TIME",
        f"worker {two}  2 cpus  TIME",
        next(line for line in lines if line.startswith("cost")),
        "",
        f"next   orch sweep gru-bohb --cluster {written}",
        f"       orch cluster down {written}",
    ]


def test_a_cluster_that_is_up_is_seen(said, written, folder, rig):
    seen = json.loads(orch(folder, "cluster", "status", str(written), "--json"))
    assert (seen["cluster"], seen["up"]) == (rig.name, True)
    nodes = [(node["address"], node["head"]) for node in seen["nodes"]]
    assert nodes == [(host.address, host is rig.hosts[0]) for host in rig.hosts]
    assert re.fullmatch(r"about \d+\.\d\d USD: 2 nodes for \d+ min", seen["cost"])


def test_status_tells_the_nodes_what_they_have_and_since_when(said, file):
    up = launch.status(file)
    assert [(node.address, node.head, node.cpus) for node in up.nodes] == [
        (file.head, True, 2.0),
        (file.workers[0], False, 2.0),
    ]
    assert (up.cpus, up.gpus) == (4.0, 0.0)
    assert 0 < time.time() - up.since < 300


def test_ray_itself_counts_two_nodes(said, head):
    done = head.run(*as_ray_does("RAY_AUTH_MODE=token RAY_enable_autoscaler_v2=0 ray status"))
    assert b"0.0/4.0 CPU" in done.stdout


def test_the_head_of_a_file_that_names_none_is_asked_of_rays_launcher(said, file):
    assert launch.head_address(dataclasses.replace(file, head="")) == file.head


def test_a_cluster_that_is_up_is_left_as_it_is(said, file):
    since, told = launch.status(file).since, []
    assert launch.up(file, told.append).since == since
    assert told == ["is up already, and is used as it is"]


def test_nobody_gets_in_without_the_token(said, file, head):
    with pytest.raises(TokenRefusedError) as error:
        rest.get(head, "/api/v0/nodes", token="f" * 64)
    assert str(error.value) == (
        f"{file.head}: Ray there has another token than this machine. Use the token that the "
        "cluster was started with."
    )
    done = head.run("stat", "-c", "%a", "/root/.ray/auth_token")
    assert done.stdout == b"600\n"


def test_a_sweep_runs_there_and_comes_home(said, written, folder):
    told = orch(folder, "sweep", "gru-asha", "--trials", "4", "--epochs", "3", "--name", "first",
                "--cluster", str(written))  # fmt: skip
    run = the_run(folder, "first")
    assert len(pl.read_parquet(run.trials)) == 4
    assert json.loads((run.path / "cluster.json").read_text())["home"] is True
    lines = told.splitlines()
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


def test_a_job_runs_on_both_hosts_through_a_tunnel_that_breaks_and_comes_back(said, rig, head):
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


def test_down_ends_ray_on_every_host(said, rig, file):
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
