"""Ray, and the machines it has: one that is started for the sweep, or a cluster that is there."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.room import Node, Room
from searchspaces.errors import OrchError, UsageError

REACH_SECONDS = 5.0
"""For the head of a cluster to answer."""

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A node that dies is told by pages on stdout, whatever log_to_driver says.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "(?s).*",
}

_SILENT: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}

Machines = Callable[[], Sequence[Node]]


@dataclass(frozen=True)
class Joined:
    """A Ray cluster that this machine belongs to.

    Attributes:
        address: of its head as ``host:port``, or ``auto`` for the one that runs here.
        modules: folders of packages that its other machines do not have; Ray brings them there.
        folder: with the user's code; trials run in a copy of it. Empty where every machine
            sees the same disk.
        largest: machine that the cluster may have, if that is known.
    """

    address: str
    modules: tuple[str, ...] = ()
    folder: str = ""
    largest: Node | None = None

    @property
    def environment(self) -> dict[str, Any]:
        """What Ray has to bring to every machine, as its runtime environment."""
        found: dict[str, Any] = {}
        if self.modules:
            found["py_modules"] = list(self.modules)
        if self.folder:
            found["working_dir"] = self.folder
        return found


def cores() -> int:
    """Logical CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def at_a_time(wanted: int | None, cpus: float | None, trials: int, ranks: int = 0) -> int:
    """Trials that this machine will run at the same time, as far as is known without Ray."""
    least = (cpus or 1.0) * max(1, ranks)  # one is tried, whatever it takes
    here = Node(max(float(cores()), least))
    return Room(lambda: [here], cpus=cpus, wanted=wanted, trials=trials, ranks=ranks).size()


def quiet_ray() -> None:
    """Have Ray send nothing anywhere, and write nothing into what a sweep prints.

    To be called before Ray is imported; what a user has set stays.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


@contextmanager
def started_ray(cpus: int, cluster: Joined | None = None) -> Iterator[Machines]:
    """Ray for the time of the block; one that is there already is used and left alone.

    Args:
        cpus: logical ones, of a Ray that is started for the block.
        cluster: to join; None starts a Ray of its own.

    Yields:
        what tells which machines there are now.

    Raises:
        OrchError: it does not start, or there is no such cluster.
    """
    quiet_ray()
    import ray

    if ray.is_initialized():
        yield machines
        return
    found = _start(cpus) if cluster is None else _join(cluster)
    try:
        yield found
    finally:
        ray.shutdown()


def _start(cpus: int) -> Machines:
    """A Ray of our own, whatever RAY_ADDRESS says; no other machine will join it."""
    import ray

    try:
        ray.init("local", num_cpus=cpus, include_dashboard=False, **_SILENT)
    except Exception as error:
        raise OrchError(f"Ray does not start: {_in_a_line(error)}") from error
    alone = machines()
    return lambda: alone


def _join(cluster: Joined) -> Machines:
    import ray

    if cluster.address != "auto":
        _reach(cluster.address)
    try:
        ray.init(address=cluster.address, runtime_env=cluster.environment, **_SILENT)
    except Exception as error:
        raise OrchError(
            f"no Ray cluster can be joined at {cluster.address}: {_in_a_line(error)}"
        ) from error
    return machines


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _reach(address: str) -> None:
    """Ray itself would try for minutes.

    Raises:
        UsageError: this is no address.
        OrchError: nobody answers there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UsageError(
            f"--cluster: {address!r} is no address. Give host:port of the cluster's head, such "
            f"as 10.0.0.1:6379, or auto."
        )
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise OrchError(
            f"no Ray cluster can be joined at {address}: {getattr(error, 'strerror', error)}. "
            f"See there: ray status"
        ) from error


def machines() -> list[Node]:
    """What the nodes of the cluster have that are alive now."""
    found = []
    for node in _alive():
        has, address = node["Resources"], str(node["NodeManagerAddress"])
        found.append(Node(float(has.get("CPU", 0)), float(has.get("GPU", 0)), address))
    return found


def identities() -> set[str]:
    """Ray's identities of the nodes that are alive now: several may have one address."""
    return {str(node["NodeID"]) for node in _alive()}


def _alive() -> list[dict[str, Any]]:
    import ray

    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray's
    return [node for node in found if node["Alive"]]
