"""A Ray cluster-launcher file, read and checked; nothing is started and Ray is not imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from searchspaces.errors import UsageError

HEAD = "ray.head.default"  # what Ray calls it in the clouds where a file names no node types
LOCAL = "local.cluster.node"  # what Ray calls the one node type of hosts that are there already
SETTINGS = Path("orch.toml")


class ClusterFileError(UsageError):
    """A cluster file that cannot be; one line each thing that is wrong with it.

    Attributes:
        errors: in the order of the file's lines.
    """

    def __init__(self, errors: tuple[UsageError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(str, errors)))


@dataclass(frozen=True)
class Login:
    """How ssh gets onto the hosts.

    Attributes:
        user: the name there.
        key: the private key, expanded; None leaves it to ssh.
        proxy: ssh's ProxyCommand; empty without one.
    """

    user: str
    key: Path | None
    proxy: str = ""


@dataclass(frozen=True)
class NodeType:
    """One kind of node.

    Attributes:
        name: as the file calls it.
        cpus: of a node; 0 where the file leaves it to Ray to find out.
        gpus: of a node; 0 likewise.
        fewest: workers of this kind that always run.
        most: workers of this kind that may run.
        price: of a node per hour, from ``orch.toml``; None where that names none.
    """

    name: str
    cpus: float
    gpus: float
    fewest: int
    most: int
    price: float | None = None


@dataclass(frozen=True)
class ClusterFile:
    """What a cluster-launcher file says.

    Attributes:
        path: the file.
        name: ``cluster_name``.
        provider: ``provider.type``, such as ``local``, ``aws`` or ``gcp``.
        head: the head's address as this machine reaches it; empty where the cloud gives one.
        workers: addresses of the workers that the file names.
        login: how ssh gets onto the hosts.
        node_types: the kinds of nodes.
        values: the file as read.
        head_type: the kind of node that the head is.
        lines: the line of each dotted path, from 1.
        currency: of the prices.
    """

    path: Path
    name: str
    provider: str
    head: str
    workers: tuple[str, ...]
    login: Login
    node_types: tuple[NodeType, ...]
    values: Mapping[str, Any]
    head_type: str = LOCAL
    lines: Mapping[str, int] = field(default_factory=dict)
    currency: str = "USD"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses that are known before anything is started, the head's first."""
        return tuple(address for address in (self.head, *self.workers) if address)

    @property
    def largest(self) -> NodeType | None:
        """The kind of node that trials which take much would have to go to."""
        return max(self.node_types, key=lambda kind: (kind.gpus, kind.cpus), default=None)

    @property
    def most_workers(self) -> int:
        """Workers of all kinds that may run at the same time."""
        kinds = sum(one.most for one in self.node_types)
        everywhere = self.values.get("max_workers", kinds if self.provider == "local" else 2)
        return min(kinds, int(everywhere))


def read_cluster(path: Path, *, settings: Path = SETTINGS) -> ClusterFile:
    """Read a cluster file, with the prices of ``settings`` where that exists.

    Raises:
        ClusterFileError: the file holds something that Ray would refuse, or would fail at.
        FileError: it cannot be read or is not YAML; ``settings`` is wrong.
    """
    from orchestrator.cluster.prices import read_prices
    from orchestrator.cluster.rules import problems
    from orchestrator.spec_file import read_mapping

    values, lines = read_mapping(path, example="docs/cluster.md")
    errors = problems(path, values, lines)
    if errors:
        raise ClusterFileError(errors)
    prices = read_prices(settings)
    provider = values["provider"]
    auth = values.get("auth") or {}
    key = auth.get("ssh_private_key")
    return ClusterFile(
        path=path,
        name=values["cluster_name"],
        provider=provider["type"],
        head=provider.get("external_head_ip") or provider.get("head_ip") or "",
        workers=tuple(provider.get("worker_ips") or ()),
        login=Login(
            user=auth.get("ssh_user") or "ubuntu",
            key=Path(key).expanduser() if key else None,
            proxy=auth.get("ssh_proxy_command") or "",
        ),
        node_types=_node_types(values, prices.by_type),
        values=values,
        head_type=values.get("head_node_type") or (LOCAL if provider["type"] == "local" else HEAD),
        lines=lines,
        currency=prices.currency,
    )


def _node_types(values: Mapping[str, Any], prices: Mapping[str, float]) -> tuple[NodeType, ...]:
    """The kinds of nodes, with Ray's rules for what the file leaves out."""
    if values["provider"]["type"] == "local":
        hosts = len(values["provider"].get("worker_ips") or ())
        most = values.get("max_workers", hosts)
        if hosts:
            most = min(most, hosts)
        fewest = min(values.get("min_workers", hosts), most)
        return (NodeType(LOCAL, 0.0, 0.0, fewest, most, prices.get(LOCAL)),)
    head = values.get("head_node_type")
    everywhere = values.get("max_workers", 2)  # as Ray's defaults of every provider
    return tuple(
        NodeType(
            name=name,
            cpus=float(said["resources"].get("CPU", 0)),
            gpus=float(said["resources"].get("GPU", 0)),
            fewest=said.get("min_workers", 0),
            most=said.get("max_workers", 0 if name == head else everywhere),
            price=prices.get(name),
        )
        for name, said in (values.get("available_node_types") or {}).items()
    )
