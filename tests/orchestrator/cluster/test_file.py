"""A cluster file is read as Ray reads it, and what is wrong with it is a line each."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cluster.file import LOCAL, ClusterFileError, Login, NodeType, read_cluster
from orchestrator.cluster.prices import estimate, read_prices
from orchestrator.spec_file import FileError

ON_PREMISE = """\
cluster_name: lab
provider:
  type: local
  head_ip: 10.0.0.1
  worker_ips: [10.0.0.2, 10.0.0.3]
auth:
  ssh_user: me
  ssh_private_key: ~/.ssh/key
  ssh_proxy_command: nc -x proxy:1 %h %p
"""
CLOUD = """\
cluster_name: far
max_workers: 4
provider: {type: aws, region: eu-central-1}
auth: {ssh_user: ubuntu}
head_node_type: head
available_node_types:
  head:
    resources: {CPU: 4}
    node_config: {InstanceType: m5.xlarge}
  gpu:
    min_workers: 2
    max_workers: 3
    resources: {CPU: 8, GPU: 1}
    node_config: {InstanceType: g5.2xlarge}
  spot:
    resources: {}
    node_config: {InstanceType: m5.large}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home with a key, and a present folder without settings."""
    key = tmp_path / "home" / ".ssh" / "key"
    key.parent.mkdir(parents=True)
    key.write_text("no real key")
    key.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def read(text: str):
    Path("cluster.yaml").write_text(text)
    return read_cluster(Path("cluster.yaml"))


def refused(text: str) -> list[str]:
    with pytest.raises(ClusterFileError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_hosts_that_are_there_already(home):
    file = read(ON_PREMISE)
    assert (file.name, file.provider, file.head) == ("lab", "local", "10.0.0.1")
    assert file.hosts == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert file.login == Login("me", home / ".ssh" / "key", "nc -x proxy:1 %h %p")
    assert file.node_types == (NodeType(LOCAL, 0.0, 0.0, 2, 2),)
    assert file.lines["provider.head_ip"] == 4


def test_the_address_from_outside_is_how_the_head_is_reached():
    file = read(ON_PREMISE.replace("head_ip:", "external_head_ip: lab.example.org\n  head_ip:"))
    assert file.head == "lab.example.org"


@pytest.mark.parametrize(
    ("said", "fewest", "most"),
    [("", 2, 2), ("min_workers: 0\n", 0, 2), ("min_workers: 1\nmax_workers: 1\n", 1, 1),
     ("max_workers: 9\n", 2, 2)],
)  # fmt: skip
def test_workers_of_hosts_that_are_there_are_counted_as_ray_does(said, fewest, most):
    (one,) = read(said + ON_PREMISE).node_types
    assert (one.fewest, one.most) == (fewest, most)


def test_ray_itself_makes_the_same_of_the_number_of_workers(home):
    """Ray's own reading of the same text, in a process of its own."""
    import json

    Path("cluster.yaml").write_text("min_workers: 1\n" + ON_PREMISE)
    code = (
        "import json, yaml\n"
        "from ray.autoscaler._private.util import prepare_config, validate_config\n"
        "read = prepare_config(yaml.safe_load(open('cluster.yaml')))\n"
        "validate_config(read)\n"
        "print(json.dumps(read['available_node_types']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (one,) = read_cluster(Path("cluster.yaml")).node_types
    theirs = json.loads(done.stdout.splitlines()[-1])[LOCAL]
    assert (theirs["min_workers"], theirs["max_workers"]) == (one.fewest, one.most) == (1, 2)


def test_kinds_of_nodes_in_a_cloud():
    file = read(CLOUD)
    assert (file.head, file.workers, file.hosts, file.head_type) == ("", (), (), "head")
    assert file.node_types == (
        NodeType("head", 4.0, 0.0, 0, 0),
        NodeType("gpu", 8.0, 1.0, 2, 3),
        NodeType("spot", 0.0, 0.0, 0, 4),
    )
    assert file.login == Login("ubuntu", None)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("cluster_name: lab", "cluster_nam: lab",
         ["cluster.yaml:1: cluster_nam: unknown key. Did you mean 'cluster_name'?*"]),
        ("  head_ip: 10.0.0.1", "  head_pi: 10.0.0.1",
         ["cluster.yaml:2: provider.head_ip: missing. Is 'head_pi' meant for it? "
          "Write: head_ip: 10.0.0.1"]),
        ("  worker_ips: [10.0.0.2, 10.0.0.3]\n", "",
         ["cluster.yaml:2: provider.worker_ips: missing. "
          "Write: worker_ips: [10.0.0.2, 10.0.0.3]"]),
        ("worker_ips: [10.0.0.2, 10.0.0.3]", "worker_ips: 10.0.0.2",
         ["cluster.yaml:5: provider.worker_ips: '10.0.0.2' is not a list."]),
        ("10.0.0.3]", "10.0.0.1, 7]",
         ["cluster.yaml:5: provider.worker_ips.1: 10.0.0.1 is here twice.",
          "cluster.yaml:5: provider.worker_ips.2: 7 is no address."]),
        ("type: local", "type: lcoal",
         ["cluster.yaml:3: provider.type: unknown provider 'lcoal'. Did you mean 'local'? "
          "Known: local, aws, gcp, azure, vsphere, aliyun, external."]),
        ("  type: local\n", "",
         ["cluster.yaml:2: provider.type: missing. "
          "One of local, aws, gcp, azure, vsphere, aliyun, external."]),
        ("  ssh_user: me", "  ssh_usr: me",
         ["cluster.yaml:7: auth.ssh_usr: unknown key. Did you mean 'ssh_user'? Known: ssh_user, "
          "ssh_public_key, ssh_private_key, ssh_proxy_use_node_id, ssh_proxy_command."]),
        ("  ssh_user: me\n", "",
         ["cluster.yaml:6: auth.ssh_user: missing. Write the name to log in with."]),
        ("ssh_private_key: ~/.ssh/key", "ssh_private_key: ~/.ssh/other",
         ["cluster.yaml:8: auth.ssh_private_key: there is no file ~/.ssh/other. "
          "Make a key: ssh-keygen -t ed25519 -f ~/.ssh/other"]),
        ("auth:", "min_workers: 3\nmax_workers: 2\nauth:",
         ["cluster.yaml:6: min_workers: 3 is above max_workers=2. "
          "Give min_workers <= max_workers."]),
        ("auth:", "max_workers: -1\nupscaling_speed: fast\nauth:",
         ["cluster.yaml:6: max_workers: -1 is below 0.",
          "cluster.yaml:7: upscaling_speed: 'fast' is not a number."]),
        ("auth:", "head_node_type: head\nauth:",
         ["cluster.yaml:6: head_node_type: Ray takes no node types for hosts that are there "
          "already. Take it out."]),
        ("auth:", "setup_commands: [pip install x, {a: b}]\nauth:",
         ["cluster.yaml:6: setup_commands.1: {'a': 'b'} is not text."]),
        ("auth:", "file_mounts: {~/.ray/auth_token: [1]}\nauth:",
         ["cluster.yaml:6: file_mounts.~/.ray/auth_token: [1] is no path. "
          "Write: PATH THERE: PATH HERE"]),
        ("  ssh_proxy_command: nc -x proxy:1 %h %p", "  ssh_proxy_use_node_id: true",
         ["cluster.yaml:6: auth.ssh_proxy_command: missing. ssh_proxy_use_node_id needs it."]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong_with_hosts_that_are_there_is_a_line_each(before, after, lines):
    assert before in ON_PREMISE
    said = refused(ON_PREMISE.replace(before, after, 1))
    assert len(said) == len(lines)
    for one, wanted in zip(said, lines, strict=True):
        head, star, _ = wanted.partition("*")
        assert (one[: len(head)] if star else one) == head


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("head_node_type: head\n", "head_node_type: haed\n",
         ["cluster.yaml:5: head_node_type: 'haed' is none of available_node_types. "
          "Did you mean 'head'? Known: head, gpu, spot."]),
        ("head_node_type: head\n", "",
         ["cluster.yaml: head_node_type: missing. One of head, gpu, spot."]),
        ("    resources: {CPU: 4}\n", "",
         ["cluster.yaml:7: available_node_types.head.resources: missing. "
          "Write what a node has, {CPU: 4}, or {} where Ray shall find out."]),
        ("CPU: 8", "CPU: 0.5",
         ["cluster.yaml:13: available_node_types.gpu.resources.CPU: 0.5 is not a whole number."]),
        ("min_workers: 2", "min_workers: 5",
         ["cluster.yaml:2: max_workers: 4 is below the 5 that min_workers of all node types add up "
          "to. Give a higher max_workers, or lower min_workers.",
          "cluster.yaml:11: available_node_types.gpu.min_workers: 5 is above max_workers=3. "
          "Give min_workers <= max_workers."]),
        ("min_workers: 2", "min_worker: 2",
         ["cluster.yaml:11: available_node_types.gpu.min_worker: unknown key. Did you mean "
          "'min_workers'? Known: min_workers, max_workers, docker, worker_setup_commands, "
          "priority, resources, initialization_commands, idle_timeout_s, labels, node_config."]),
        (", region: eu-central-1", "",
         ["cluster.yaml:3: provider.region: missing. Write: region: eu-central-1"]),
        ("auth: {ssh_user: ubuntu}", "auth: {ssh_private_key: ~/.ssh/key}",
         [f"cluster.yaml:{line}: available_node_types.{name}.node_config.KeyName: missing. "
          "Name the key pair of auth.ssh_private_key in AWS."
          for line, name in ((9, "head"), (14, "gpu"), (17, "spot"))]),
        ("max_workers: 4", "min_workers: 1",
         ["cluster.yaml:2: min_workers: unknown key. Did you mean 'max_workers'?*"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_wrong_with_kinds_of_nodes_is_a_line_each(before, after, lines):
    assert before in CLOUD
    said = refused(CLOUD.replace(before, after, 1))
    assert len(said) == len(lines)
    for one, wanted in zip(said, lines, strict=True):
        head, star, _ = wanted.partition("*")
        assert (one[: len(head)] if star else one) == head


def test_a_key_that_others_can_read_is_refused_as_ssh_would(home):
    (home / ".ssh" / "key").chmod(0o644)
    assert refused(ON_PREMISE) == [
        "cluster.yaml:8: auth.ssh_private_key: ~/.ssh/key has mode 644, and ssh refuses a key that "
        "others can read. Run: chmod 600 ~/.ssh/key"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", "cluster.yaml:1: not YAML: expected the node content, but found '<stream end>'."),
        ("- a\n", "cluster.yaml: holds no mapping. See: docs/cluster.md"),
    ],
)
def test_a_file_that_is_no_mapping_is_one_line(text, line):
    Path("cluster.yaml").write_text(text)
    with pytest.raises(FileError) as caught:
        read_cluster(Path("cluster.yaml"))
    assert str(caught.value) == line


ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
DOCUMENTED = {
    "cluster.yaml": (ROOT / "cluster.yaml").read_text(encoding="utf-8"),
    **{
        text.split("type: ")[1].split()[0]: text
        for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        if "cluster_name" in text
    },
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_file_can_be_read_and_starts_with_a_token(name, home):
    """By orch, and by Ray's own code where that asks no cloud."""
    from orchestrator.cluster.starting import LOOPBACK, starts

    for key in ("id_ed25519", "orch.pem"):
        (home / ".ssh" / key).touch(mode=0o600)
    file = read(DOCUMENTED[name])
    token = "~/.ray/auth_token"
    assert file.values["file_mounts"] == {token: token}
    known = starts(file.values)
    assert [start.where for start in known] == ["head", "worker"]
    assert all(start.variable("RAY_AUTH_MODE") == "token" for start in known)
    assert known[0].option("dashboard-host") in {None, *LOOPBACK}
    if name == "cluster.yaml":
        assert known[0].variable("RAY_enable_autoscaler_v2") == "0"
    else:
        assert "spot" in {one.name for one in file.node_types}
    code = (
        "import yaml\n"
        "from ray.autoscaler._private.util import prepare_config, validate_config\n"
        "validate_config(prepare_config(yaml.safe_load(open('cluster.yaml'))))\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_the_documented_settings_and_estimate_are_so(home):
    (settings,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    prices(settings)
    (home / ".ssh" / "orch.pem").touch(mode=0o600)
    assert estimate(read(DOCUMENTED["aws"]), 3600) == "about 1.35 EUR: 9 nodes for 1 h"


def test_reading_imports_neither_ray_nor_torch():
    Path("cluster.yaml").write_text(ON_PREMISE)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from orchestrator.cluster.file import read_cluster\n"
        "read_cluster(Path('cluster.yaml'))\n"
        "print(*({'ray', 'torch', 'pandas', 'polars'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_several_errors_are_a_line_each_at_the_command_line():
    from orchestrator.cli.main import cli

    Path("cluster.yaml").write_text(ON_PREMISE.replace("10.0.0.3]", "10.0.0.1, 7]"))
    done = CliRunner().invoke(cli, ["cluster", "check", "cluster.yaml"])
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "error: cluster.yaml:5: provider.worker_ips.1: 10.0.0.1 is here twice.",
        "error: cluster.yaml:5: provider.worker_ips.2: 7 is no address.",
    ]


def prices(text: str):
    Path("orch.toml").write_text(text)
    return read_prices(Path("orch.toml"))


def test_prices_come_from_the_settings_of_the_present_folder():
    prices('[cluster]\ncurrency = "EUR"\n[cluster.prices]\nhead = 0.2\ngpu = 1\n')
    file = read(CLOUD)
    assert [one.price for one in file.node_types] == [0.2, 1.0, None]
    # 0.2 for the head and 2 x 1.0 for the workers that always run, per hour.
    assert estimate(file, 720) == "about 0.44 EUR: 3 nodes for 12 min"
    assert estimate(file, 7500, nodes={"head": 1}) == "about 0.42 EUR: 1 node for 2 h 5 min"
    assert estimate(file, 3600, nodes={"head": 1, "spot": 2}) == ""  # no price of spot


def test_without_prices_there_is_no_estimate():
    assert estimate(read(CLOUD), 3600) == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[clutser.prices]\nhead = 1\n",
         "orch.toml:1: clutser: unknown key. Did you mean 'cluster'? Known: cluster."),
        ("[cluster]\ncurency = 'EUR'\n",
         "orch.toml:2: cluster.curency: unknown key. Did you mean 'currency'? "
         "Known: currency, prices."),
        ("[cluster.prices]\nhead = 1\ngpu = -1\n",
         "orch.toml:3: cluster.prices.gpu: -1 is not greater than or equal to 0."),
        ("[cluster.prices]\nhead = 'cheap'\n",
         "orch.toml:2: cluster.prices.head: 'cheap' is not a valid number."),
        ("[cluster.prices]\nray.worker = 1\n",
         "orch.toml:2: cluster.prices.ray: a dot in a name needs quotes. "
         'Write: "ray.worker" = 0.10'),
        ("cluster = 3\n", "orch.toml:1: cluster: 3 is no table. Write: [cluster]"),
        ("[cluster\n", "orch.toml:1: not TOML: Expected ']' at the end of a table declaration."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_settings_is_one_line(text, line):
    with pytest.raises(FileError) as caught:
        prices(text)
    assert str(caught.value) == line
