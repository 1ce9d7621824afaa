"""``orch cluster``: what it prints and how it ends, where no host is needed for that."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli import cluster as command
from orchestrator.cli.main import cli
from orchestrator.cluster.file import read_cluster
from orchestrator.cluster.launch import Up, UpNode

CLOUD = """\
cluster_name: far
provider: {type: azure, location: westeurope, resource_group: lab}
auth: {ssh_user: ubuntu, ssh_private_key: ~/.ssh/key}
head_node_type: head
max_workers: 2
available_node_types:
  head: {resources: {CPU: 4}, node_config: {}}
  worker: {resources: {CPU: 8}, node_config: {}, min_workers: 2}
file_mounts:
  ~/.ray/auth_token: ~/.ray/auth_token
head_start_ray_commands:
  - RAY_AUTH_MODE=token ray start --head --port=6379
worker_start_ray_commands:
  - RAY_AUTH_MODE=token ray start --address=$RAY_HEAD_IP:6379
"""
NOBODY = """\
cluster_name: lab
provider: {type: local, head_ip: 127.0.0.1, worker_ips: []}
auth: {ssh_user: me, ssh_proxy_command: "false"}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home with a key and a token, and a cluster file in the present folder."""
    home = tmp_path / "home"
    for path, text in ((".ssh/key", ""), (".ray/auth_token", "0123")):
        (home / path).parent.mkdir(parents=True)
        (home / path).touch(mode=0o600)
        (home / path).write_text(text)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("my cluster.yaml").write_text(CLOUD)
    return home


def orch(*words: str):
    return CliRunner().invoke(cli, ["cluster", *words])


def test_a_check_is_a_line_each_and_names_the_next_command():
    done = orch("check", "my cluster.yaml")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "ok       file     my cluster.yaml: cluster 'far', azure, 3 nodes at most",
        "ok       key      ~/.ssh/key is yours alone",
        "ok       tools    ssh and rsync are here",
        "ok       token    ~/.ray/auth_token, and file_mounts takes it to the hosts",
        "ok       start    token authentication on, dashboard on the loopback only",
        "ok       hosts    azure makes them; none is there to ask yet",
        "",
        "next   orch sweep gru-bohb --cluster 'my cluster.yaml'",
    ]


def test_a_check_that_found_something_ends_with_1(home):
    (home / ".ray" / "auth_token").chmod(0o644)
    done = orch("check", "my cluster.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[3:] == [
        "error    token    ~/.ray/auth_token has mode 644, and so will the copy on every host. "
        "Run: chmod 600 ~/.ray/auth_token",
        "ok       start    token authentication on, dashboard on the loopback only",
        "ok       hosts    azure makes them; none is there to ask yet",
        "",
        "1 error; nothing was started",
    ]


def test_a_check_for_programs_is_json(home):
    (home / ".ray" / "auth_token").chmod(0o644)
    done = orch("check", "my cluster.yaml", "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert (said["cluster"], said["file"], said["ok"]) == ("far", "my cluster.yaml", False)
    assert [(one["step"], one["state"]) for one in said["findings"]] == [
        ("file", "ok"), ("key", "ok"), ("tools", "ok"), ("token", "error"), ("start", "ok"),
        ("hosts", "ok"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["check", "up", "status", "down"])
def test_a_file_that_is_not_there_is_one_line(name):
    done = orch(name, "nowhere.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: nowhere.yaml: cannot be read: No such file or directory.\n"


@pytest.mark.parametrize("name", ["up", "status"])
def test_a_head_that_cannot_be_reached_is_one_line(name):
    Path("cluster.yaml").write_text(NOBODY)
    done = orch(name, "cluster.yaml")
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: 127.0.0.1: cannot be reached: ")


def test_a_host_that_does_not_answer_is_named_at_the_end():
    Path("cluster.yaml").write_text(NOBODY)
    done = orch("down", "cluster.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "step   127.0.0.1 does not answer, so nothing was ended there",
        "cluster 'lab' is down but for 127.0.0.1, which does not answer",
        "",
        "next   orch cluster down cluster.yaml",
    ]


def test_what_is_up_is_a_line_a_node_with_its_cost(monkeypatch):
    Path("orch.toml").write_text("[cluster.prices]\nhead = 0.2\nworker = 0.4\n")
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    there = Up(
        (
            UpNode("10.0.0.1", head=True, cpus=4.0, gpus=0.0, since=now - 3600),
            UpNode("10.0.0.12", head=False, cpus=8.0, gpus=1.0, since=now - 60),
        )
    )
    # One head at 0.2 and one worker at 0.4 for an hour.
    assert command._up_lines(read_cluster(Path("my cluster.yaml")), there) == [
        "cluster 'far' is up: 2 nodes, 12 cpus, 1 gpu, for 1:00:00",
        "head   10.0.0.1   4 cpus  1:00:00",
        "worker 10.0.0.12  8 cpus  1 gpu  1:00",
        "cost   about 0.60 USD: 2 nodes for 1 h",
        "",
        "next   orch sweep gru-bohb --cluster 'my cluster.yaml'",
        "       orch cluster down 'my cluster.yaml'",
    ]


def test_an_unknown_command_names_the_nearest():
    done = orch("staus")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: unknown command 'staus'. Did you mean 'status'? "
        "Known: status, up, check, down, render.\n"
    )
