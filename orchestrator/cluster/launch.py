"""Starting, asking and ending a cluster with Ray's own launcher."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec

from orchestrator.cluster.errors import (
    AnswerError,
    ClusterError,
    CommandFailedError,
    NotUpError,
    UnreachableError,
)
from orchestrator.cluster.file import ClusterFile
from orchestrator.cluster.last_words import last_words
from orchestrator.cluster.launcher import launcher
from orchestrator.cluster.rest import get
from orchestrator.cluster.ssh import Host, as_ray_does, forget
from orchestrator.cluster.starting import starts
from orchestrator.cluster.tokens import find_token

Tell = Callable[[str], None]
LOOK_SECONDS = 1.0
"""Between two looks at a cluster that grows."""
PATIENCE_SECONDS = 600.0
"""For nodes that are being made."""
STOP_SECONDS = 60.0
"""Within which Ray ends on a host."""


@dataclass(frozen=True)
class UpNode:
    """A node that is alive.

    Attributes:
        address: as the nodes know it.
        head: whether it is the head.
        cpus: logical ones that Ray may use.
        gpus: likewise.
        since: when it joined, seconds since 1970.
    """

    address: str
    head: bool
    cpus: float
    gpus: float
    since: float


@dataclass(frozen=True)
class Up:
    """What of a cluster is up.

    Attributes:
        nodes: the head first, the others as they joined; empty if Ray does not run.
    """

    nodes: tuple[UpNode, ...] = ()

    def __bool__(self) -> bool:
        """Whether Ray runs."""
        return bool(self.nodes)

    @property
    def cpus(self) -> float:
        """Logical CPUs of all nodes."""
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        """GPUs of all nodes."""
        return sum(node.gpus for node in self.nodes)

    @property
    def since(self) -> float:
        """When the head started, seconds since 1970; 0 if Ray does not run."""
        return min((node.since for node in self.nodes), default=0.0)


class _Node(msgspec.Struct):
    node_ip: str
    is_head_node: bool
    state: str
    resources_total: dict[str, float]
    start_time_ms: int


class _Listed(msgspec.Struct):
    result: list[_Node]


class _Data(msgspec.Struct):
    result: _Listed


class _Answer(msgspec.Struct):
    data: _Data


def expected(file: ClusterFile) -> int:
    """How many nodes a cluster has when all that the file asks for have joined."""
    return 1 + sum(one.fewest for one in file.node_types)


def up(file: ClusterFile, tell: Tell) -> Up:
    """Start a cluster; one that is up is left as it is, with what runs on it.

    Args:
        file: the cluster.
        tell: is called with each step, a few words.

    Returns:
        what is up: the head, and workers that have joined by then. :func:`wait` waits for more.

    Raises:
        ClusterError: it does not start.
    """
    there = found(file)
    if there:
        tell("is up already, and is used as it is")
        return there
    launcher(file, ("up", "-y", "--no-config-cache"), tell)
    address = head_address(file)
    if not file.head:
        forget(address)  # clouds give addresses again, to new machines
    tell(f"the head is up: {address}")
    return wait(file, 1, tell, patience=STOP_SECONDS)


def wait(file: ClusterFile, nodes: int, tell: Tell, *, patience: float = PATIENCE_SECONDS) -> Up:
    """Wait until so many nodes have joined, or patience is over.

    Args:
        file: the cluster, which has been started.
        nodes: with the head.
        tell: is called when a node joins.
        patience: seconds.

    Raises:
        ClusterError: the head cannot be asked.
    """
    host = Host(head_address(file), file.login)
    until = time.monotonic() + patience
    seen = 1
    while True:
        there, error = Up(), None
        try:
            there = _ask(host)
        except (UnreachableError, AnswerError) as failed:  # it is only starting, perhaps
            error = failed
        if len(there.nodes) > seen:
            seen = len(there.nodes)
            tell(f"{seen} of {nodes} nodes are up")
        if len(there.nodes) >= nodes:
            return there
        if time.monotonic() > until:
            if error is not None:
                raise error
            tell(
                f"{seen} of {nodes} nodes are up after {patience / 60:.0f} min; the head says why "
                "in /tmp/ray/session_latest/logs/monitor.out"
            )
            return there
        time.sleep(LOOK_SECONDS)


def status(file: ClusterFile) -> Up:
    """What of a cluster is up; nothing where the hosts are there and Ray does not run.

    Raises:
        NotUpError: a cloud has no head of this cluster.
        ClusterError: the head cannot be asked.
    """
    return _ask(Host(head_address(file), file.login))


def found(file: ClusterFile) -> Up:
    """What :func:`status` says; nothing where a cloud has no head of this cluster either.

    Raises:
        ClusterError: the head cannot be asked.
    """
    try:
        return status(file)
    except NotUpError:
        return Up()


def head_address(file: ClusterFile) -> str:
    """Where the head is, as this machine reaches it.

    Raises:
        NotUpError: a cloud has no head of this cluster.
        ClusterError: the cloud cannot be asked.
    """
    if file.head:
        return file.head
    try:
        said = launcher(file, ("get-head-ip",), lambda _: None)
    except CommandFailedError as error:
        if "not found" in error.reason:
            raise NotUpError(file.name, file.path) from error
        raise
    return next(line.strip() for line in reversed(said.splitlines()) if len(line.split()) == 1)


def down(file: ClusterFile, tell: Tell = lambda _: None) -> tuple[str, ...]:
    """End a cluster with everything that runs on it; machines of a cloud end, too.

    Args:
        file: the cluster.
        tell: is called with each step, a few words.

    Returns:
        addresses of hosts that cannot be asked to end Ray, because they do not answer.

    Raises:
        ClusterError: Ray does not end on a host, or the cloud does not end its machines.
    """
    if not file.head or file.values.get("docker"):  # containers are Ray's to end, on every host
        launcher(file, ("down", "-y"), tell)
        return ()
    # Ray's launcher ends the head only, and that only if this machine has started it; workers
    # would try to come back for a minute.
    ended: list[ClusterError | None]
    with ThreadPoolExecutor(max_workers=min(32, len(file.hosts))) as threads:
        asked = threads.map(lambda address: _stop(file, address), file.hosts)
        try:
            Host(file.head, file.login).run("true")
        except UnreachableError:
            pass  # the launcher would wait for minutes
        else:
            launcher(file, ("down", "-y"), tell)
        ended = list(asked)
    for address, error in zip(file.hosts, ended, strict=True):
        if isinstance(error, UnreachableError):
            tell(f"{address} does not answer, so nothing was ended there")
        elif error is None:
            tell(f"{address}: Ray has ended")
    for error in ended:
        if error is not None and not isinstance(error, UnreachableError):
            raise error
    return tuple(one.address for one in ended if isinstance(one, UnreachableError))


def _stop(file: ClusterFile, address: str) -> ClusterError | None:
    """End Ray on one host; what went wrong."""
    where = "head" if address == file.head else "worker"
    start = next((one for one in starts(file.values) if one.where == where), None)
    lead = start.shell if start else "ORCH_RAY=$(command -v ray)"
    script = f'{lead}\n[ -z "$ORCH_RAY" ] || "$ORCH_RAY" stop --grace-period=6'
    try:
        done = _reached(file, address).run(*as_ray_does(script), timeout=STOP_SECONDS)
    except ClusterError as error:
        return error
    if done.returncode:
        return CommandFailedError(f"{address}: ray stop", last_words(done.stdout + done.stderr))
    return None


def _reached(file: ClusterFile, address: str) -> Host:
    """A host as it is reached: workers through the head where only that has an outer address."""
    head = Host(file.head, file.login)
    if address == file.head or "external_head_ip" not in file.values["provider"]:
        return Host(address, file.login)
    return Host(address, replace(file.login, proxy=head.jump))


def _ask(host: Host) -> Up:
    answer = get(host, "/api/v0/nodes?detail=true&limit=10000", token=find_token().text)
    if answer is None:
        return Up()
    try:
        listed = msgspec.json.decode(answer, type=_Answer).data.result.result
    except msgspec.DecodeError as error:
        raise AnswerError(host.address, 200, f"what is no list of nodes: {error}") from error
    found = [
        UpNode(
            node.node_ip,
            node.is_head_node,
            node.resources_total.get("CPU", 0.0),
            node.resources_total.get("GPU", 0.0),
            node.start_time_ms / 1000,
        )
        for node in listed
        if node.state == "ALIVE"
    ]
    return Up(tuple(sorted(found, key=lambda node: (not node.head, node.since))))
