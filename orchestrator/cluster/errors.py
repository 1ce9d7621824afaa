"""What can be wrong between this machine and the hosts of a cluster."""

from __future__ import annotations

import shlex
from pathlib import Path

from searchspaces.errors import OrchError


class ClusterError(OrchError):
    """Something about a host or a cluster; one line."""


class UnreachableError(ClusterError):
    """No connection to a host, or none any more.

    Attributes:
        address: of the host.
        reason: what ssh says.
    """

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"{address}: cannot be reached: {reason}. Is the address right, and does sshd run "
            "there?"
        )


class KeyRefusedError(ClusterError):
    """A host is there and does not let this person in.

    Attributes:
        address: of the host.
        user: the name there.
        key: the private key, if one was named.
    """

    def __init__(self, address: str, user: str, key: Path | None) -> None:
        self.address = address
        self.user = user
        self.key = key
        shown = f"the key {key}" if key else "any key that ssh knows"
        public = shlex.quote(f"{key}.pub") if key else ""
        way_out = (
            f"Run: ssh-copy-id -i {public} {user}@{address}"
            if key
            else "Name auth.ssh_private_key."
        )
        super().__init__(f"{address}: refuses {user} with {shown}. {way_out}")


class KeyUnusableError(ClusterError):
    """Ssh does not use the private key.

    Attributes:
        key: the private key.
        reason: what ssh says.
    """

    def __init__(self, key: Path | None, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(f"{key}: ssh does not use this key: {reason}.")


class HostKeyError(ClusterError):
    """A host shows another key than it did before: another machine, or one in between.

    Attributes:
        address: of the host.
        file: which knows another key of it.
    """

    def __init__(self, address: str, file: str) -> None:
        self.address = address
        self.file = file
        super().__init__(
            f"{address}: shows another host key than before, so nothing was sent. If it was set up "
            f"anew, run: ssh-keygen -R {shlex.quote(address)} -f {shlex.quote(file)}"
        )


class CommandMissingError(ClusterError):
    """A host lacks a program.

    Attributes:
        address: of the host; empty for this machine.
        program: its name.
    """

    def __init__(self, address: str, program: str, way_out: str = "") -> None:
        self.address = address
        self.program = program
        where = f"{address}: there is no {program}" if address else f"there is no {program} here"
        super().__init__(f"{where}. {way_out or f'Install {program}.'}")


class CommandFailedError(ClusterError):
    """A program ran and failed.

    Attributes:
        where: the host, or what ran here.
        reason: its last words.
        log: the file with all it said, if there is one.
    """

    def __init__(self, where: str, reason: str, *, log: Path | None = None) -> None:
        self.where = where
        self.reason = reason
        self.log = log
        said = reason if reason.endswith((".", "!", "?")) else f"{reason}."
        super().__init__(f"{where}: {said}" + (f" All of it: {log}" if log else ""))


class AnswerError(ClusterError):
    """Ray's job server answers, and not with what was asked for.

    Attributes:
        address: of the head.
        status: of HTTP; 0 if it is no answer of a web server.
    """

    def __init__(self, address: str, status: int, reason: str) -> None:
        self.address = address
        self.status = status
        super().__init__(f"{address}: Ray's job server says {reason}.")


class TokenRefusedError(ClusterError):
    """Ray was started with another token.

    Attributes:
        address: of the head.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            f"{address}: Ray there has another token than this machine. Use the token that the "
            "cluster was started with."
        )


class NotUpError(ClusterError):
    """A cluster does not run.

    Attributes:
        name: of the cluster.
        path: its file.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        super().__init__(
            f"cluster {name!r} is not up. Start it: orch cluster up {shlex.quote(str(path))}"
        )
