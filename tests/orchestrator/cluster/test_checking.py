"""What is said about a cluster before anything is started, and what real hosts say."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from orchestrator.cluster import checking
from orchestrator.cluster.checking import check
from orchestrator.cluster.file import read_cluster
from orchestrator.cluster.probing import Probe
from orchestrator.cluster.starting import starts
from orchestrator.cluster.tokens import find_token
from tests.orchestrator.cluster.cluster_yaml import cluster_yaml

TOKEN = "0123456789abcdef"
CLOUD = """\
cluster_name: far
provider: {type: azure, location: westeurope, resource_group: lab}
auth: {ssh_user: ubuntu, ssh_private_key: ~/.ssh/key}
head_node_type: head
max_workers: 2
available_node_types:
  head: {resources: {CPU: 4}, node_config: {KeyName: me}}
  worker: {resources: {CPU: 8}, node_config: {KeyName: me}, min_workers: 2}
file_mounts:
  ~/.ray/auth_token: ~/.ray/auth_token
head_start_ray_commands:
  - ray stop
  - ulimit -n 65536; RAY_AUTH_MODE=token ray start --head --port=6379
worker_start_ray_commands:
  - export RAY_AUTH_MODE=token && ray start --address=$RAY_HEAD_IP:6379
"""
SAYS = {
    "aws": "region: eu-central-1",
    "gcp": "region: r, availability_zone: a, project_id: p",
}
LOCAL = """\
cluster_name: lab
provider: {type: local, head_ip: 127.0.0.1, worker_ips: [127.0.0.2]}
auth: {ssh_user: nobody-of-this-name}
head_start_ray_commands:
  - RAY_AUTH_MODE=token RAY_enable_autoscaler_v2=0 ray start --head --autoscaling-config=~/c.yaml
worker_start_ray_commands:
  - RAY_AUTH_MODE=token ray start --address=$RAY_HEAD_IP:6379
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with a token."""
    token = tmp_path / "home" / ".ray" / "auth_token"
    token.parent.mkdir(parents=True)
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    key = tmp_path / "home" / ".ssh" / "key"
    key.parent.mkdir()
    key.touch(mode=0o600)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def found(text: str, step: str) -> list[tuple[str, str]]:
    """State and words of one step's findings."""
    Path("cluster.yaml").write_text(text)
    told = check(read_cluster(Path("cluster.yaml")))
    return [(one.state, one.said) for one in told if one.step == step]


def test_a_cloud_in_order_is_told_step_by_step(home):
    Path("cluster.yaml").write_text(CLOUD)
    Path("orch.toml").write_text("[cluster.prices]\nhead = 0.2\nworker = 0.4\n")
    told = []
    kept = check(read_cluster(Path("cluster.yaml")), tell=told.append)
    assert told == kept
    assert [(one.step, one.state, one.said) for one in told] == [
        ("file", "ok", "cluster.yaml: cluster 'far', azure, 3 nodes at most"),
        ("key", "ok", "~/.ssh/key is yours alone"),
        ("tools", "ok", "ssh and rsync are here"),
        ("token", "ok", "~/.ray/auth_token, and file_mounts takes it to the hosts"),
        ("start", "ok", "token authentication on, dashboard on the loopback only"),
        ("prices", "ok", "about 1.00 USD: 3 nodes, an hour"),
        ("hosts", "ok", "azure makes them; none is there to ask yet"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("RAY_AUTH_MODE=token ray start --head", "ray start --head",
         ["cluster.yaml:13: head_start_ray_commands.1: Ray starts without token authentication. "
          "Write: RAY_AUTH_MODE=token ray start ..."]),
        ("export RAY_AUTH_MODE=token && ", "",
         ["cluster.yaml:15: worker_start_ray_commands.0: Ray starts without token authentication. "
          "Write: RAY_AUTH_MODE=token ray start ..."]),
        # Each item is a shell of its own: what one exports, the next does not have.
        ("  - export RAY_AUTH_MODE=token && ray", "  - export RAY_AUTH_MODE=token\n  - ray",
         ["cluster.yaml:16: worker_start_ray_commands.1: Ray starts without token authentication. "
          "Write: RAY_AUTH_MODE=token ray start ..."]),
        ("--port=6379", "--port=6379 --dashboard-host=0.0.0.0",
         ["cluster.yaml:13: head_start_ray_commands.1: --dashboard-host=0.0.0.0 opens the "
          "dashboard to the network. Leave it out; orch goes through ssh."]),
        ("--port=6379", "--dashboard-host 10.0.0.1 --include-dashboard=False",
         ["cluster.yaml:13: head_start_ray_commands.1: --dashboard-host=10.0.0.1 opens the "
          "dashboard to the network. Leave it out; orch goes through ssh.",
          "cluster.yaml:13: head_start_ray_commands.1: --include-dashboard=false leaves out the "
          "job server that runs sweeps. Leave it out."]),
        ("head_start_ray_commands:\n  - ray stop\n  - ulimit -n 65536; RAY_AUTH_MODE=token ray "
         "start --head --port=6379\n", "",
         ["cluster.yaml: head_start_ray_commands: Ray starts without token authentication. "
          "Write: RAY_AUTH_MODE=token ray start ...",
          "cluster.yaml: head_start_ray_commands: --dashboard-host=0.0.0.0 opens the "
          "dashboard to the network. Leave it out; orch goes through ssh."]),
        ("  - export RAY_AUTH_MODE=token && ray start --address=$RAY_HEAD_IP:6379\n",
         "  - ray stop\n",
         ["cluster.yaml:14: worker_start_ray_commands: holds no ray start. See: docs/cluster.md"]),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_start_that_is_open_or_of_no_use_is_a_line(home, before, after, lines):
    assert before in CLOUD
    assert found(CLOUD.replace(before, after), "start") == [("error", line) for line in lines]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (" RAY_enable_autoscaler_v2=0", "",
         ["cluster.yaml:5: head_start_ray_commands.0: Ray's autoscaler v2 fails with hosts that "
          "are there already. Write: RAY_enable_autoscaler_v2=0 RAY_AUTH_MODE=token ray start "
          "..."]),
        (" --autoscaling-config=~/c.yaml", "",
         ["cluster.yaml:5: head_start_ray_commands.0: no worker would be started. Write: "
          "ray start --head --autoscaling-config=~/ray_bootstrap_config.yaml ..."]),
    ],
)  # fmt: skip
def test_a_start_that_fails_with_hosts_that_are_there_is_a_line(home, before, after, lines):
    assert before in LOCAL
    assert found(LOCAL.replace(before, after), "start") == [("error", line) for line in lines]


def test_a_start_names_its_ray_and_what_leads_to_it():
    commands = ["cd /x; source v/bin/activate && A=1 B='2 3' ~/e/bin/ray start --head --x=4; y"]
    (start,) = starts(
        {"provider": {"type": "aws"}, "head_start_ray_commands": commands,
         "worker_start_ray_commands": []},
    )  # fmt: skip
    assert (start.program, start.variable("B"), start.variable("C")) == (
        "~/e/bin/ray", "2 3", None,
    )  # fmt: skip
    assert (start.option("x"), start.option("head"), start.option("hea")) == ("4", "", None)
    assert start.shell == ("cd /x\nsource v/bin/activate\nORCH_RAY=$(command -v ~/e/bin/ray)")


@pytest.mark.parametrize(
    ("mode", "text", "mounts", "line"),
    [
        (0o644, TOKEN, None,
         "~/.ray/auth_token has mode 644, and so will the copy on every host. "
         "Run: chmod 600 ~/.ray/auth_token"),
        (0o600, "", None,
         "no token: ~/.ray/auth_token: is empty. "
         "Run: (umask 077; ray get-auth-token --generate > /dev/null)"),
        (0o600, TOKEN, "  ~/x: ~/x\n",
         "cluster.yaml: file_mounts takes no ~/.ray/auth_token to the hosts. "
         "Write: file_mounts: {~/.ray/auth_token: ~/.ray/auth_token}"),
        (0o600, TOKEN, "  /home/me/.ray/auth_token: other\n",
         "file_mounts takes other to the hosts, and ~/.ray/auth_token here holds another token. "
         "Use one for both."),
        (0o600, TOKEN, "  ~/.ray/auth_token: gone\n",
         "file_mounts takes gone to the hosts, and it cannot be read: No such file or directory."),
    ],
)  # fmt: skip
def test_a_token_that_does_not_reach_the_hosts_is_a_line(home, mode, text, mounts, line):
    Path("other").write_text("another")
    token = home / ".ray" / "auth_token"
    token.write_text(text)
    token.chmod(mode)
    cluster = CLOUD.replace("  ~/.ray/auth_token: ~/.ray/auth_token\n", mounts or "\\0")
    assert found(cluster.replace("\\0", "  ~/.ray/auth_token: ~/.ray/auth_token\n"), "token") == [
        ("error", line)
    ]


def test_a_token_is_looked_for_where_ray_looks_and_in_its_order(home, tmp_path):
    other = tmp_path / "other"
    other.write_text("of the file\n")
    named = {"RAY_AUTH_TOKEN_PATH": str(other)}
    assert find_token({"RAY_AUTH_TOKEN": "said", **named}).text == "said"
    assert find_token(named).text == "of the file"
    assert find_token({}).text == TOKEN
    missing = find_token({"RAY_AUTH_TOKEN_PATH": "/nowhere"})  # Ray stops there, and so do we
    assert (missing.text, missing.problem) == (
        "",
        "RAY_AUTH_TOKEN_PATH (/nowhere): no such file. Write the cluster's token into it.",
    )
    assert TOKEN not in repr(find_token({}))


def test_rays_own_loader_finds_the_same_token(home, tmp_path):
    """Ray's, in a process of its own, since it remembers what it found."""
    import subprocess
    import sys

    other = tmp_path / "other"
    other.write_text("of the file\n")
    code = (
        "from ray._raylet import AuthenticationTokenLoader as L\n"
        "print('TOKEN', L.instance().get_raw_token(ignore_auth_mode=True))\n"
    )
    for said in ({}, {"RAY_AUTH_TOKEN_PATH": str(other)}, {"RAY_AUTH_TOKEN": "said"}):
        environment = {**os.environ, **said}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment,
            check=True,
        )  # fmt: skip
        assert done.stdout.split("TOKEN ")[1].strip() == find_token(environment).text


def test_a_price_of_no_node_type_is_asked_about(home):
    Path("orch.toml").write_text("[cluster.prices]\nhead = 0.2\nwroker = 0.4\nbig = 9\n")
    assert found(CLOUD, "prices") == [
        ("warning",
         "orch.toml: 'wroker' is no node type of cluster.yaml. Did you mean 'worker'?"),
    ]  # fmt: skip


def test_a_cloud_without_a_key_of_ones_own_is_a_line(home):
    assert found(CLOUD.replace(", ssh_private_key: ~/.ssh/key", ""), "key") == [
        ("error",
         "cluster.yaml: auth.ssh_private_key: missing. Ray would make a key that nobody else "
         "knows; name one of yours, as docs/cluster.md does."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "module", "package"),
    [("aws", "boto3", "boto3"), ("gcp", "googleapiclient", "google-api-python-client")],
)
def test_a_cloud_needs_its_kit(home, kind, module, package):
    from importlib.util import find_spec

    wanted = (
        ("ok", "ssh and rsync are here")
        if find_spec(module)
        else ("error", f"Ray cannot talk to {kind} without {package}. Run: pip install {package}")
    )
    assert found(CLOUD.replace("type: azure", f"type: {kind}, {SAYS[kind]}"), "tools") == [wanted]


def test_a_machine_without_rsync_is_told(home, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(CLOUD, "tools") == [
        ("error", "ssh is not installed here. Install openssh-client."),
        ("error", "rsync is not installed here. Install rsync."),
    ]


def said_of(head: Probe, worker: Probe | None = None) -> list[tuple[str, str]]:
    """What is said of the versions of a host."""
    Path("cluster.yaml").write_text(LOCAL)
    file = read_cluster(Path("cluster.yaml"))
    problems = checking._version_problems(file, worker or head, head)
    return [(one.state, one.said) for one in problems]


def test_versions_that_differ_are_lines(home):
    ray, python = version("ray"), platform.python_version()
    good = {"ray": ray, "python": python, "rsync": True, "jobs": True}
    head = Probe("127.0.0.1", **good)
    assert said_of(head) == []
    assert said_of(head, Probe("127.0.0.2", **{**good, "jobs": False})) == []
    install = f"Run there: pip install 'ray[default]=={ray}'"
    assert said_of(Probe("127.0.0.1", **{**good, "ray": "2.40.0"})) == [
        ("error", f"127.0.0.1: Ray 2.40.0, here {ray}. {install}")
    ]
    assert said_of(Probe("127.0.0.1", **{**good, "jobs": False})) == [
        ("error", f"127.0.0.1: Ray has no job server. {install}")
    ]
    assert said_of(Probe("127.0.0.1", **{**good, "python": "3.9.1"})) == [
        ("error",
         f"127.0.0.1: Python 3.9.1, here {python}. Make an environment with Python {python} "
         "there, or here with 3.9.1."),
    ]  # fmt: skip
    patch = f"{python.rpartition('.')[0]}.99"
    assert said_of(Probe("127.0.0.1", **{**good, "python": patch})) == [
        ("warning", f"127.0.0.1: Python {patch}, here {python}.")
    ]
    assert said_of(head, Probe("127.0.0.2", **{**good, "python": patch})) == [
        ("error",
         f"127.0.0.2: Python {patch}, on the head {python}; Ray wants the same to the last "
         f"number. Make an environment with Python {python} there."),
    ]  # fmt: skip
    assert said_of(head, Probe("127.0.0.2", **{**good, "rsync": False})) == [
        ("error",
         "127.0.0.2: rsync is not installed, and Ray copies files with it. Install rsync there."),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def written(rig, tmp_path_factory):
    """The cluster file of two real hosts, and the token that it names."""
    path = cluster_yaml(rig, tmp_path_factory.mktemp("cluster"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN_PATH", rig.environment["RAY_AUTH_TOKEN_PATH"])
        patch.delenv("RAY_AUTH_TOKEN", raising=False)
        yield path


def of_hosts(path: Path) -> list[tuple[str, str, str]]:
    told = check(read_cluster(path))
    return [(one.step, one.state, one.said) for one in told if one.step in {"hosts", "versions"}]


def test_hosts_are_asked_for_their_ray_and_python(written, rig):
    told = check(read_cluster(written))
    assert {one.state for one in told} == {"ok"}
    one, two = (host.address for host in rig.hosts)
    assert [(each.step, each.said) for each in told[-2:]] == [
        ("hosts", f"reachable: {one}, {two}"),
        ("versions", f"Ray {version('ray')} and Python {platform.python_version()}"),
    ]


def test_a_host_that_nobody_may_enter_is_a_line(written, rig, tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text(written.read_text().replace(f"ssh_user: {rig.user}", "ssh_user: stranger"))
    one, two = (host.address for host in rig.hosts)
    assert of_hosts(path) == [
        ("hosts", "error",
         f"{address}: refuses stranger with the key {rig.key}. "
         f"Run: ssh-copy-id -i {rig.key}.pub stranger@{address}")
        for address in (one, two)
    ]  # fmt: skip


def test_a_host_without_ray_is_a_line_unless_the_file_installs_it(written, rig, tmp_path):
    path = tmp_path / "cluster.yaml"
    text = written.read_text()
    text = re.sub(r"(?<=\n    )ray start --address", "/nowhere/ray start --address", text)
    path.write_text(text)
    one, two = (host.address for host in rig.hosts)
    ray = version("ray")
    assert of_hosts(path) == [
        ("hosts", "ok", f"reachable: {one}, {two}"),
        ("versions", "error",
         f"{two}: no Ray yet. Run there: pip install 'ray[default]=={ray}'"),
    ]  # fmt: skip
    path.write_text(text + "setup_commands: ['pip install ray']\n")
    assert of_hosts(path)[1:] == [
        ("versions", "warning", f"{two}: no Ray yet. setup_commands will install it."),
        ("versions", "ok", f"Ray {ray} and Python {platform.python_version()}"),
    ]


def test_a_host_that_is_gone_is_a_line_and_the_others_are_still_asked(written, rig):
    """Last of this module: the second host is dead afterwards."""
    from orchestrator.cluster import ssh

    ssh.hang_up_all()  # as in a fresh process: no connection is kept
    rig.hosts[1].kill()
    one, two = (host.address for host in rig.hosts)
    gone, there, same = of_hosts(written)
    assert gone[:2] == ("hosts", "error")
    assert re.fullmatch(
        rf"{re.escape(two)}: cannot be reached: (No route to host|Connection timed out|no answer "
        r"in 30 s)\. Is the address right, and does sshd run there\?",
        gone[2],
    )
    assert there == ("hosts", "ok", f"reachable: {one}")
    assert same == (
        "versions",
        "ok",
        f"Ray {version('ray')} and Python {platform.python_version()}",
    )
