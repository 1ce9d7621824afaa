"""One host by ssh: the system's own, which honours the person's settings, agent and jump hosts.

Host keys: Ray's launcher accepts any key of any host (``StrictHostKeyChecking=no`` and no file
of known hosts), because addresses in a cloud come back with other machines. Here a host that
nobody knows is accepted once and remembered in ``known_hosts`` below orch's cache folder, and
refused with another key; what the person's own file knows counts too. :func:`forget` is for
addresses whose machines are new.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import platformdirs

from orchestrator.cluster.errors import CommandFailedError, CommandMissingError, UnreachableError
from orchestrator.cluster.file import Login
from orchestrator.cluster.last_words import failure, last_words, missing

CONNECT_SECONDS = 10
"""A host that has not answered by then is not there."""
ALIVE_SECONDS = 5
"""Between two questions to a silent connection; three without an answer end it."""
KEPT_SECONDS = 60
"""A connection is kept so long for the next command."""
FAILED = 255
"""Ssh's own exit code, whatever the command's would have been."""
NOT_FOUND = 127
"""A shell's exit code for a program that is not there."""


class Host:
    """One host, and how to get onto it.

    Connections are shared by all commands of this process: the first costs a handshake, the
    others some milliseconds. Nothing ever prompts.

    Args:
        address: name or number.
        login: of the cluster file.
        alive: seconds between two questions to a silent connection.
    """

    def __init__(self, address: str, login: Login, *, alive: int = ALIVE_SECONDS) -> None:
        self.address = address
        self.login = login
        self._alive = alive

    def command(self, *words: str, forward: Sequence[tuple[int, int]] = ()) -> list[str]:
        """The local process that runs something there.

        Args:
            words: the program there and its arguments; the account's shell gets them quoted.
                Without any the connection only carries ports.
            forward: pairs of a port here and one there, both on the loopback. The process has
                a connection of its own then, so that its end is the end of the ports.
        """
        ports = [f"-L127.0.0.1:{near}:127.0.0.1:{far}" for near, far in forward]
        tail = [shlex.join(words)] if words else ["-N"]
        options = [*self._options(shared=not forward), *ports]
        if words:
            return ["ssh", *options, "--", self.address, *tail]
        return ["ssh", *options, *tail, "--", self.address]

    def reach(self, port: int) -> list[str]:
        """The local process whose standard input and output are a port of the loopback there."""
        return ["ssh", *self._options(), f"-W127.0.0.1:{port}", "--", self.address]

    @property
    def jump(self) -> str:
        """The ``Login.proxy`` of hosts that are reached through this one."""
        return shlex.join(["ssh", *self._options(), "-W[%h]:%p", "--", self.address])

    def run(
        self,
        *words: str,
        input: bytes | IO[bytes] | None = None,  # noqa: A002  # as subprocess calls it
        timeout: float | None = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run something there and wait for it; its exit code is the caller's to look at.

        Args:
            words: the program there and its arguments.
            input: its standard input.
            timeout: seconds; None waits as long as the connection lives.

        Raises:
            UnreachableError: there is no connection, or it broke, or the time is over.
            KeyRefusedError: the host does not let this person in.
            KeyUnusableError: the private key is not to ssh's liking.
            HostKeyError: it is another machine than it was.
            CommandMissingError: there is no such program there, or no ssh here.
        """
        # Not a pipe: a connection that is kept for the next command may hold on to it.
        with tempfile.TemporaryFile() as said:
            try:
                done = _locally(self.command(*words), said, input, timeout)
            except FileNotFoundError:
                raise CommandMissingError("", "ssh", "Install openssh-client.") from None
            except subprocess.TimeoutExpired:
                self.hang_up()
                raise UnreachableError(self.address, f"no answer in {timeout:g} s") from None
            said.seek(0)
            done.stderr = said.read()
        if done.returncode == FAILED:
            raise failure(self.address, self.login, done.stderr, known_hosts())
        if done.returncode == NOT_FOUND and (program := missing(done.stderr)):
            raise CommandMissingError(self.address, program)
        return done

    def copy_to(self, local: Path, remote: str, mode: int, *, timeout: float | None = None) -> None:
        """Copy a file there, whole or not at all.

        Args:
            local: the file here.
            remote: its path there; ``~/`` is the account's home. Folders above it are made.
            mode: of the file there, such as 0o600.
            timeout: seconds; None waits as long as the connection lives.

        Raises:
            ClusterError: it is not there afterwards.
        """
        with local.open("rb") as content:
            self._place(content, local.stat().st_size, remote, mode, timeout)

    def put(self, content: bytes, remote: str, mode: int, *, timeout: float | None = 60) -> None:
        """As :meth:`copy_to`, with what is in memory, such as a secret."""
        self._place(content, len(content), remote, mode, timeout)

    def hang_up(self) -> None:
        """End the connection that is kept for the next command."""
        path = _socket(self.address, self.login)
        if path.exists():
            _end(path)

    def _place(
        self, content: bytes | IO[bytes], size: int, remote: str, mode: int, timeout: float | None
    ) -> None:
        home, _, rest = remote.partition("/")
        path = f'"$HOME"/{shlex.quote(rest)}' if home == "~" else shlex.quote(remote)
        # A connection that breaks looks like the end of the file from there: the size tells.
        script = (
            f'set -e; umask 077; f={path}; mkdir -p "$(dirname "$f")"; p="$f.part.$$"; '
            f"""trap 'rm -f "$p"' EXIT; cat > "$p"; """
            f'n=$(($(wc -c < "$p"))); [ $n = {size} ] || {{ echo "$n of {size} bytes came" >&2; '
            f'exit 3; }}; chmod {mode:o} "$p"; mv -f "$p" "$f"'
        )
        done = self.run("sh", "-c", script, input=content, timeout=timeout)
        if done.returncode:
            reason = last_words(done.stderr) or f"exit code {done.returncode}"
            raise CommandFailedError(self.address, f"{remote} cannot be written there: {reason}")

    def _options(self, *, shared: bool = True) -> list[str]:
        if shared:
            way = [
                "-o", "ControlMaster=auto",
                "-o", f"ControlPath={_socket(self.address, self.login)}",
                "-o", f"ControlPersist={KEPT_SECONDS}", "-o", "LogLevel=ERROR",
            ]  # fmt: skip
        else:  # what breaks a connection is told at the level INFO
            way = ["-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "LogLevel=INFO"]
        options = [
            "-T", "-l", self.login.user,
            "-o", "BatchMode=yes",
            "-o", f"ConnectTimeout={CONNECT_SECONDS}",
            "-o", f"ServerAliveInterval={self._alive}",
            "-o", "ServerAliveCountMax=3",
            "-o", "ExitOnForwardFailure=yes",
            "-o", "StrictHostKeyChecking=accept-new",
            "-o", f'UserKnownHostsFile="{known_hosts()}" ~/.ssh/known_hosts ~/.ssh/known_hosts2',
            *way,
        ]  # fmt: skip
        if self.login.key:
            options += ["-i", str(self.login.key), "-o", "IdentitiesOnly=yes"]
        if self.login.proxy:
            options += ["-o", f"ProxyCommand={self.login.proxy}"]
        return options


def as_ray_does(script: str) -> tuple[str, ...]:
    """Words that run shell text as Ray's launcher runs its own commands.

    Paths, conda and environments are often set where only interactive shells look. What login
    scripts print comes before the output.
    """
    return ("bash", "--login", "-c", "-i", f"source ~/.bashrc 2>/dev/null; {script}")


def known_hosts() -> Path:
    """Where host keys are remembered."""
    folder = platformdirs.user_cache_path("orch")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "known_hosts"


def forget(*addresses: str) -> None:
    """Accept another host key of each address the next time; its machine is a new one."""
    for address in addresses:
        if known_hosts().exists() and shutil.which("ssh-keygen"):
            _quietly(["ssh-keygen", "-R", address, "-f", str(known_hosts())])


def _locally(
    command: list[str], said: IO[bytes], given: bytes | IO[bytes] | None, timeout: float | None
) -> subprocess.CompletedProcess[bytes]:
    if isinstance(given, bytes):
        return subprocess.run(  # noqa: S603  # ssh, with quoted words
            command, input=given, stdout=subprocess.PIPE, stderr=said, timeout=timeout, check=False
        )
    source = subprocess.DEVNULL if given is None else given
    return subprocess.run(  # noqa: S603  # ssh, with quoted words
        command, stdin=source, stdout=subprocess.PIPE, stderr=said, timeout=timeout, check=False
    )


def _quietly(command: list[str]) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603  # ssh's own tools
            command, capture_output=True, check=False, timeout=CONNECT_SECONDS
        )


_folders: dict[int, Path] = {}  # by process: what is forked must not end what it did not make


def _socket(address: str, login: Login) -> Path:
    """Where a connection is kept; short, since a socket's path may have 100 bytes."""
    if os.getpid() not in _folders:
        _sweep()
        _folders[os.getpid()] = Path(tempfile.mkdtemp(prefix=f"orch-ssh-{os.getpid()}-"))
        atexit.register(hang_up_all)
    key = hashlib.sha256(repr((address, login)).encode()).hexdigest()[:12]
    return _folders[os.getpid()] / key


def _sweep() -> None:
    """Remove the folders of processes that were killed; their connections have ended."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob("orch-ssh-*-*"):
        with suppress(OSError, ValueError):  # not empty, another person's, not one of these
            if not psutil.pid_exists(int(folder.name.split("-")[2])):
                folder.rmdir()


def hang_up_all() -> None:
    """End all connections that this process keeps; its end does the same."""
    folder = _folders.pop(os.getpid(), None)
    if folder is not None:
        for path in folder.iterdir():
            _end(path)
        shutil.rmtree(folder, ignore_errors=True)


def _end(path: Path) -> None:
    """End the connection of a socket."""
    _quietly(["ssh", "-F", "none", "-o", f"ControlPath={path}", "-O", "exit", "orch"])
