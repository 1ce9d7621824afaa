"""Hosts on one machine: each with processes, network, name, home, memory files and sshd of its own.

A host is a set of namespaces around a first process; a veth each leads to a bridge that stands in
a namespace too, and one more from there to this machine. Nothing of it has a name on this machine
but the one interface, and that goes with the bridge's namespace: when the process that built the
hosts ends in whatever way, the kernel takes everything down. There is nothing to sweep up.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[3]
INSIDE = Path(__file__).with_name("inside_host.py")
PACKAGES = {
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "rsync": "rsync",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "hostname": "hostname",
}
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"
NETWORK = "198.18.{slot}.{host}"  # RFC 2544 keeps 198.18.0.0/15 for tests
UNSHARE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc")
PROMPTLY = 10.0
"""Seconds within which a host is there."""

SSHD = """\
HostKey /run/orch/host_key
AuthorizedKeysFile /run/orch/authorized_keys
PidFile none
AllowUsers {user}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
AllowTcpForwarding local
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitUserEnvironment no
PermitUserRC no
PrintMotd no
PrintLastLog no
MaxStartups 100
MaxSessions 100
"""


def can_build() -> str:
    """Why no hosts can be built here; empty where they can."""
    if not sys.platform.startswith("linux"):
        return "hosts are built from Linux namespaces"
    if os.geteuid() != 0:
        return "hosts need root"
    for program, package in PACKAGES.items():
        if shutil.which(program, path=SEARCHED) is None:
            return f"hosts need {program}: apt-get install {package}"
    links = "ip link add name b0 type bridge && ip link add name v0 type veth peer name v1"
    tried = _did([*UNSHARE, "--", "sh", "-c", f"mount -t tmpfs t /run && {links}"])
    if tried.returncode:
        return f"hosts need rights that are missing here: {tried.stderr.strip()[-200:]}"
    return ""


@dataclass(eq=False)
class BuiltHost:
    """One host.

    Attributes:
        name: its host name.
        address: where its sshd listens, port 22.
        log: what sshd says.
        pid: of its first process, as this machine counts.
    """

    name: str
    address: str
    log: Path
    _bridge: int
    _port: str
    _booted: Callable[[], subprocess.Popen[bytes]]
    pid: int = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _inside: Path = field(init=False)

    def start(self) -> None:
        """Press its button: it has the disk, the keys and the address that it had before."""
        self._process = self._booted()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.pid = int(children.read_text())
        self._inside = Path(f"/proc/{self.pid}/ns/pid").readlink()

    def listens(self) -> None:
        """Wait until its sshd answers."""
        _listens(self)

    @property
    def alive(self) -> bool:
        """Whether it has not been killed."""
        return self._process.poll() is None

    def stop_network(self) -> None:
        """Pull the cable: nothing gets in or out, and nobody is told."""
        _ip(self._bridge, f"link set {self._port} down")

    def start_network(self) -> None:
        """Put the cable in again."""
        _ip(self._bridge, f"link set {self._port} up")

    def kill(self) -> None:
        """Cut the power: all of its processes die at once, and no packet says so."""
        self.stop_network()
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def processes(self) -> list[str]:
        """The command lines of what runs on it."""
        found = []
        for one in Path("/proc").glob("[0-9]*"):
            try:
                if (one / "ns/pid").readlink() == self._inside:
                    found.append((one / "cmdline").read_text().replace("\0", " ").strip())
            except OSError:
                continue  # it has just ended
        return found


@dataclass(eq=False)
class Rig:
    """Hosts that see one another and this machine.

    Attributes:
        hosts: in order of their addresses.
        user: the account on each.
        key: private key that opens it.
        folder: of this machine, which no host sees.
        environment: what keeps the programs of this machine off the person's own files.
    """

    hosts: list[BuiltHost]
    user: str
    key: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """A name for a cluster of these hosts that no other has."""
        return f"orch-{os.getpid()}-{self.hosts[0].address.rpartition('.')[0].rpartition('.')[2]}"


@contextmanager
def building(count: int, folder: Path, *, shown: tuple[Path, ...] = ()) -> Iterator[Rig]:
    """Hosts, for the time of the block.

    A host sees the file system of this machine and cannot write to it. Instead of the home
    folder, this repository and all temporary folders it sees empty ones of its own, but
    Python and its packages are where they are here. Its home alone outlives its power.

    Args:
        count: how many.
        folder: for keys and logs; of the test.
        shown: more folders that hosts can read, such as one with packages.

    Raises:
        RuntimeError: it does not work here; :func:`can_build` says so beforehand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    user = pwd.getpwuid(os.getuid())
    key = _keypair(folder / "client_key")
    rig = Rig([], user.pw_name, key, folder)
    for variable, name in {"XDG_CACHE_HOME": "cache", "RAY_TMPDIR": "ray"}.items():
        (folder / name).mkdir(exist_ok=True)
        rig.environment[variable] = str(folder / name)
    with ExitStack() as stack:
        bridge = stack.enter_context(_started(["unshare", "--net", "cat"], folder / "bridge.log"))
        _answers(bridge, b"ready\n", folder / "bridge.log")
        slot = _uplink(bridge.pid)
        stack.callback(_ip, None, f"link del orch{slot}")  # at once; else when the kernel has time
        addresses = [NETWORK.format(slot=slot, host=10 + number) for number in range(1, count + 1)]
        names = "".join(f"{one} host-{number}\n" for number, one in enumerate(addresses, 1))
        gateway = NETWORK.format(slot=slot, host=1)
        for number, address in enumerate(addresses, 1):
            log = folder / f"host-{number}.log"
            plan = _plan(f"host-{number}", names, user, key, shown)
            port = f"host{number}"
            boot = partial(_boot, stack, plan, log, bridge.pid, port, address, gateway)
            rig.hosts.append(BuiltHost(plan["name"], address, log, bridge.pid, port, boot))
            rig.hosts[-1].start()
        for host in rig.hosts:
            host.listens()
        yield rig


def _boot(
    stack: ExitStack, plan: dict, log: Path, bridge: int, port: str, address: str, gateway: str
) -> subprocess.Popen[bytes]:
    """Start a host and put its cable in; it ends with the stack."""
    command = [*UNSHARE, "--", sys.executable, "-I", "-S", str(INSIDE)]
    process = stack.enter_context(_started(command, log))
    _answers(process, json.dumps(plan).encode() + b"\n", log)
    with suppress(RuntimeError):  # of its last life, where the kernel has not had the time
        _ip(bridge, f"link del {port}")
    card = "02:" + ":".join(f"{int(part):02x}" for part in ("0", *address.split(".")))
    peer = f"type veth peer {port} netns {bridge}"
    _ip(None, f"link add eth0 address {card} netns {process.pid} {peer}")
    _ip(bridge, f"link set {port} master switch", f"link set {port} up")
    _ip(
        process.pid, "link set lo up", f"addr add {address}/24 dev eth0",
        "link set eth0 up", f"route add default via {gateway}",
    )  # fmt: skip
    return process


def _did(command: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": SEARCHED}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, **how
    )


def _ip(where: int | None, *lines: str) -> str:
    """Have ip do these things in the network of a process; what it says where it does not."""
    inside = [] if where is None else ["nsenter", f"--net=/proc/{where}/ns/net"]
    done = _did([*inside, "ip", "-batch", "-"], input="\n".join(lines))
    if done.returncode:
        raise RuntimeError(f"ip {lines}: {done.stderr.strip()}")
    return done.stdout


def _uplink(bridge: int) -> int:
    """Make the bridge and lead this machine to it, in a network that nobody here uses."""
    _ip(bridge, "link set lo up", "link add switch type bridge", "link set switch up")
    for slot in range(256):
        try:  # the name is the lock: it is there once on a machine
            _ip(None, f"link add orch{slot} type veth peer uplink netns {bridge}")
        except RuntimeError as error:
            if "File exists" in str(error):
                continue
            raise
        _ip(bridge, "link set uplink master switch", "link set uplink up")
        address = NETWORK.format(slot=slot, host=1)
        _ip(None, f"addr add {address}/24 dev orch{slot}", f"link set orch{slot} up")
        return slot
    raise RuntimeError("256 tests on this machine have built hosts")


def _keypair(path: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "orch test", "-f", str(path)]
    done = _did(command)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return path


def _plan(
    name: str, names: str, user: pwd.struct_passwd, key: Path, shown: tuple[Path, ...]
) -> dict:
    host_key = _keypair(key.with_name(f"{name}_key"))
    disk = key.with_name(f"{name}_disk")
    disk.mkdir(mode=0o700)
    hidden = {"/tmp", "/var/tmp", "/dev/shm", "/var/log", str(ROOT), str(key.parent)}
    python = {Path(one) for one in (sys.base_prefix, sys.prefix)}
    python |= {one.resolve() for one in python}
    covered = {*hidden, user.pw_dir}
    needed = [str(one) for one in {*python, *shown} if any(_below(str(one), h) for h in covered)]
    path = f'export PATH="{Path(sys.prefix) / "bin"}:$PATH" AUTOSCALER_UPDATE_INTERVAL_S=1\n'
    return {
        "name": name,
        "disk": [str(disk), user.pw_dir],
        "hidden": [path for path in hidden if not any(_below(path, other) for other in hidden)],
        "shown": sorted(needed),
        "files": {
            "/run/sshd/README": ("sshd wants this folder\n", 0o600),
            "/run/orch/etc/hosts": (f"127.0.0.1 localhost\n{names}", 0o644),
            "/run/orch/etc/resolv.conf": ("nameserver 127.0.0.1\n", 0o644),  # refuses at once
            "/var/log/lastlog": ("", 0o600),
            "/run/orch/sshd_config": (SSHD.format(user=user.pw_name), 0o600),
            "/run/orch/host_key": (host_key.read_text(), 0o600),
            "/run/orch/authorized_keys": (key.with_suffix(".pub").read_text(), 0o600),
            f"{user.pw_dir}/.bashrc": (path, 0o644),
            f"{user.pw_dir}/.profile": (". ~/.bashrc\n", 0o644),
        },
        "sshd": [shutil.which("sshd", path=SEARCHED), "-D", "-e", "-f", "/run/orch/sshd_config"],
    }


def _below(path: str, other: str) -> bool:
    return path != other and Path(path).is_relative_to(other)


@contextmanager
def _started(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with its standard input."""
    environment = {"PATH": SEARCHED, "LANG": "C.UTF-8"}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
        )
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(PROMPTLY)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _answers(process: subprocess.Popen[bytes], told: bytes, log: Path) -> None:
    """Tell a process something and wait until it is ready."""
    process.stdin.write(told)
    process.stdin.flush()
    if process.stdout.readline() != b"ready\n":
        process.wait(PROMPTLY)
        raise RuntimeError(f"a host does not start: {log.read_text().strip()}")


def _listens(host: BuiltHost) -> None:
    """Wait until sshd answers."""
    until = time.monotonic() + PROMPTLY
    while True:
        try:
            with socket.create_connection((host.address, 22), timeout=1) as connection:
                connection.settimeout(PROMPTLY)
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > until:
            raise RuntimeError(f"no sshd at {host.address}: {host.log.read_text().strip()}")
        time.sleep(0.01)
