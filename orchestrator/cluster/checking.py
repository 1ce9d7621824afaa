"""Everything that can be known about a cluster before anything is started."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Literal

from orchestrator.cluster.file import ClusterFile
from orchestrator.cluster.probing import Probe, probe_all
from orchestrator.cluster.starting import LOOPBACK, Start, starts
from orchestrator.cluster.tokens import DEFAULT, Token, find_token

State = Literal["ok", "warning", "error"]
MOUNT = f"file_mounts: {{{DEFAULT}: {DEFAULT}}}"
_KITS = {"aws": ("boto3", "boto3"), "gcp": ("googleapiclient", "google-api-python-client")}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        step: what was looked at: file, key, tools, hosts, versions, token, start, prices.
        state: ``error`` stops a sweep before anything is spent.
        said: what is so, and the way out where it should not be; one line.
    """

    step: str
    state: State
    said: str


def check(file: ClusterFile, *, tell: Callable[[Finding], None] = lambda _: None) -> list[Finding]:
    """Look at a cluster: this machine, the file, its hosts.

    Args:
        file: the cluster; that it could be read is the first finding.
        tell: is called with each finding as soon as it is known.
    """
    found: list[Finding] = []
    for finding in _all(file):
        found.append(finding)
        tell(finding)
    return found


def _all(file: ClusterFile) -> Iterator[Finding]:
    yield _file(file)
    yield _key(file)
    yield from _tools(file)
    token = find_token()
    yield from _token(file, token)
    yield from _starting(file)
    yield from _prices(file)
    yield from _hosts(file)


def _file(file: ClusterFile) -> Finding:
    hosts = len(file.hosts)
    most = 1 + sum(one.most for one in file.node_types)
    size = f"{hosts} hosts" if hosts > 1 else f"{most} nodes at most" if not hosts else "1 host"
    return Finding("file", "ok", f"{file.path}: cluster {file.name!r}, {file.provider}, {size}")


def _key(file: ClusterFile) -> Finding:
    if file.login.key is None and file.provider in {"aws", "gcp", "azure"}:
        return Finding(
            "key", "error",
            f"{file.path}: auth.ssh_private_key: missing. Ray would make a key that nobody else "
            "knows; name one of yours, as docs/cluster.md does.",
        )  # fmt: skip
    if file.login.key is None:
        return Finding("key", "ok", "no auth.ssh_private_key: ssh takes the keys it knows")
    return Finding("key", "ok", f"{_shown(file.login.key)} is yours alone")


def _tools(file: ClusterFile) -> Iterator[Finding]:
    """What ``ray up`` needs here."""
    missing = [name for name in ("ssh", "rsync") if shutil.which(name) is None]
    for name in missing:
        way_out = "Install openssh-client." if name == "ssh" else "Install rsync."
        yield Finding("tools", "error", f"{name} is not installed here. {way_out}")
    module, package = _KITS.get(file.provider, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        yield Finding(
            "tools",
            "error",
            f"Ray cannot talk to {file.provider} without {package}. Run: pip install {package}",
        )
    elif not missing:
        yield Finding("tools", "ok", "ssh and rsync are here")


def _token(file: ClusterFile, token: Token) -> Iterator[Finding]:
    """The token here, and that the file takes it to the hosts."""
    if token.problem:
        yield Finding("token", "error", f"no token: {token.problem}")
        return
    source = _mounted(file)
    if source is None:
        yield Finding(
            "token", "error",
            f"{file.path}: file_mounts takes no {DEFAULT} to the hosts. Write: {MOUNT}",
        )  # fmt: skip
        return
    local = Path(source).expanduser()
    try:
        text, mode = local.read_text(encoding="utf-8").strip(), local.stat().st_mode & 0o777
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        yield Finding(
            "token", "error",
            f"file_mounts takes {source} to the hosts, and it cannot be read: {reason}.",
        )  # fmt: skip
        return
    if text != token.text:
        yield Finding(
            "token", "error",
            f"file_mounts takes {source} to the hosts, and {token.origin} here holds another "
            f"token. Use one for both.",
        )  # fmt: skip
    elif mode & 0o077:
        yield Finding(
            "token", "error",
            f"{source} has mode {mode:o}, and so will the copy on every host. "
            f"Run: chmod 600 {source}",
        )  # fmt: skip
    else:
        yield Finding("token", "ok", f"{token.origin}, and file_mounts takes it to the hosts")


def _mounted(file: ClusterFile) -> str | None:
    """The local file that becomes ``~/.ray/auth_token`` on the hosts."""
    for there, here in (file.values.get("file_mounts") or {}).items():
        path = PurePosixPath(there)
        if path == PurePosixPath(str(DEFAULT)) or (
            path.is_absolute() and path.parts[-2:] == (".ray", "auth_token")
        ):
            return str(here)
    return None


def _starting(file: ClusterFile) -> Iterator[Finding]:
    """What the start commands switch on."""
    known = starts(file.values)
    problems = [*_unstarted(file, known)]
    for start in known:
        problems += [(start.place, said) for said in _start_problems(file, start)]
    for place, said in problems:
        line = file.lines.get(place, 0)
        where = f"{file.path}:{line}" if line else str(file.path)
        yield Finding("start", "error", f"{where}: {place}: {said}")
    if not problems:
        yield Finding("start", "ok", "token authentication on, dashboard on the loopback only")


def _unstarted(file: ClusterFile, known: tuple[Start, ...]) -> Iterator[tuple[str, str]]:
    """Nothing starts Ray there."""
    if not any(start.where == "head" for start in known):
        yield "head_start_ray_commands", "holds no ray start. See: docs/cluster.md"
    if not any(start.where == "worker" for start in known) and (
        file.workers or any(one.most for one in file.node_types)
    ):
        yield "worker_start_ray_commands", "holds no ray start. See: docs/cluster.md"


def _start_problems(file: ClusterFile, start: Start) -> Iterator[str]:
    if start.variable("RAY_AUTH_MODE") != "token":
        yield "Ray starts without token authentication. Write: RAY_AUTH_MODE=token ray start ..."
    if start.where == "worker":
        return
    host = start.option("dashboard-host")
    if host is not None and host not in LOOPBACK:
        yield (
            f"--dashboard-host={host} opens the dashboard to the network. Leave it out; "
            "orch goes through ssh."
        )
    if (start.option("include-dashboard") or "").lower() in {"false", "0", "no"}:
        yield "--include-dashboard=false leaves out the job server that runs sweeps. Leave it out."
    if file.provider != "local":
        return
    if start.variable("RAY_enable_autoscaler_v2") not in {"0", "false"}:
        yield (
            "Ray's autoscaler v2 fails with hosts that are there already. Write: "
            "RAY_enable_autoscaler_v2=0 RAY_AUTH_MODE=token ray start ..."
        )
    if start.option("autoscaling-config") is None and file.workers:
        yield (
            "no worker would be started. Write: "
            "ray start --head --autoscaling-config=~/ray_bootstrap_config.yaml ..."
        )


def _prices(file: ClusterFile) -> Iterator[Finding]:
    from orchestrator.cluster.file import SETTINGS
    from orchestrator.cluster.prices import estimate, read_prices, unused
    from searchspaces.errors import did_you_mean

    prices = read_prices(SETTINGS).by_type
    known = [one.name for one in file.node_types]
    for name in unused(file, prices):
        close = did_you_mean(name, known)
        if close and close not in prices:
            yield Finding(
                "prices", "warning",
                f"{SETTINGS}: {name!r} is no node type of {file.path}. Did you mean {close!r}?",
            )  # fmt: skip
    hour = estimate(file, 3600)
    if hour:
        yield Finding("prices", "ok", hour.replace(" for 1 h", ", an hour"))


def _hosts(file: ClusterFile) -> Iterator[Finding]:
    """What answers, and whether the same Ray and Python would start there."""
    if not file.hosts:
        yield Finding("hosts", "ok", f"{file.provider} makes them; none is there to ask yet")
        return
    if shutil.which("ssh") is None:
        return
    probes = probe_all(file)
    for one in probes:
        if one.problem:
            yield _unreached(file, one)
    answering = [one for one in probes if not one.problem]
    head = next((one for one in answering if one.address == file.head), None)
    if answering:
        names = ", ".join(one.address for one in answering)
        yield Finding("hosts", "ok", f"reachable: {names}")
    wrong = [finding for one in answering for finding in _version_problems(file, one, head)]
    yield from wrong
    if answering and not any(finding.state == "error" for finding in wrong):
        yield Finding(
            "versions", "ok",
            f"Ray {_ray_here()} and Python {answering[0].python or platform.python_version()}",
        )  # fmt: skip


def _unreached(file: ClusterFile, one: Probe) -> Finding:
    inner = one.address != file.head and "external_head_ip" in file.values["provider"]
    if inner:
        return Finding(
            "hosts", "warning",
            f"{one.problem.rstrip('.')}. It is enough if the head reaches it.",
        )  # fmt: skip
    return Finding("hosts", "error", one.problem)


def _version_problems(file: ClusterFile, one: Probe, head: Probe | None) -> Iterator[Finding]:
    ray = _ray_here()
    if not one.rsync:
        yield Finding(
            "versions", "error",
            f"{one.address}: rsync is not installed, and Ray copies files with it. "
            "Install rsync there.",
        )  # fmt: skip
    if not one.ray:
        commands = [
            *(file.values.get("setup_commands") or ()),
            *(file.values.get("head_setup_commands") or ()),
            *(file.values.get("worker_setup_commands") or ()),
        ]
        sets_up = any("ray" in command and "install" in command for command in commands)
        state: State = "warning" if sets_up else "error"
        way_out = (
            "setup_commands will install it."
            if sets_up
            else f"Run there: pip install 'ray[default]=={ray}'"
        )
        yield Finding("versions", state, f"{one.address}: no Ray yet. {way_out}")
        return
    if one.ray != ray:
        yield Finding(
            "versions", "error",
            f"{one.address}: Ray {one.ray}, here {ray}. "
            f"Run there: pip install 'ray[default]=={ray}'",
        )  # fmt: skip
    elif one.address == file.head and not one.jobs:
        yield Finding(
            "versions", "error",
            f"{one.address}: Ray has no job server. Run there: pip install 'ray[default]=={ray}'",
        )  # fmt: skip
    if head is not None and one is not head and head.python and one.python != head.python:
        yield Finding(
            "versions", "error",
            f"{one.address}: Python {one.python}, on the head {head.python}; Ray wants the same to "
            f"the last number. Make an environment with Python {head.python} there.",
        )  # fmt: skip
    elif one is head or head is None:
        yield from _python_problems(one)


def _python_problems(one: Probe) -> Iterator[Finding]:
    """The head's Python and the one here; between these two the last number may differ."""
    here = platform.python_version()
    if one.python.split(".")[:2] != here.split(".")[:2]:
        yield Finding(
            "versions", "error",
            f"{one.address}: Python {one.python}, here {here}. "
            f"Make an environment with Python {here} there, or here with {one.python}.",
        )  # fmt: skip
    elif one.python != here:
        yield Finding("versions", "warning", f"{one.address}: Python {one.python}, here {here}.")


def _ray_here() -> str:
    try:
        return version("ray")
    except PackageNotFoundError:
        return "is not installed"


def _shown(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
