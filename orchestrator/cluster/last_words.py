"""What ssh, shells and Ray say last before they give up, and which error that is."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.cluster.errors import (
    ClusterError,
    HostKeyError,
    KeyRefusedError,
    KeyUnusableError,
    UnreachableError,
)
from orchestrator.cluster.file import Login

_SSH = re.compile(
    r"^(ssh:|mux_|muxclient|kex_|client_loop|channel \d|stdio forwarding|Connection |banner"
    r"|Timeout, server|Received disconnect|Disconnected|Host key|Could not request)"
)
_NOISE = ("bash: cannot set terminal process group", "bash: no job control in this shell")
_LOAD = re.compile(r"^Load key \"?.*?\"?: (.+?)\.?$", re.MULTILINE)
_LOOK = re.compile(r"[Ii]dentity file .+ not accessible: (.+?)\.?$", re.MULTILINE)
_OFFENDING = re.compile(r"Offending .*key in (.+):\d+")
_NOT_FOUND = re.compile(r"(?:^|: )([^\s:]+): (?:command )?not found$", re.MULTILINE)
_NO_NAME = re.compile(r"^Could not resolve hostname [^:]+: ")
_REACHED = re.compile(r"^connect to host \S+ port \d+: ")


def last_words(said: bytes) -> str:
    """The last line that means something; empty without one."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith(_NOISE)), "")


def missing(said: bytes) -> str:
    """The program that a shell did not find; empty if it tells of none."""
    found = _NOT_FOUND.findall(said.decode(errors="replace"))
    return str(found[-1]) if found else ""


def failure(address: str, login: Login, said: bytes, known: Path) -> ClusterError:
    """The error that ssh tells of.

    Args:
        address: of the host.
        login: that was tried.
        said: all that ssh said.
        known: where host keys are remembered, should ssh not say where.
    """
    text = said.decode(errors="replace").replace("\r", "")
    if "Host key verification failed" in text or "IDENTIFICATION HAS CHANGED" in text:
        offending = _OFFENDING.search(text)
        return HostKeyError(address, offending[1] if offending else str(known))
    if found := _LOAD.search(text) or _LOOK.search(text):
        return KeyUnusableError(login.key, found[1])
    if "Permission denied (" in text:
        return KeyRefusedError(address, login.user, login.key)
    spoken = [line for line in text.splitlines() if _SSH.match(line)]
    reason = spoken[-1] if spoken else last_words(said) or "the connection was lost"
    reason = reason.removeprefix("ssh: ")
    for prefix in (_NO_NAME, _REACHED):
        reason = prefix.sub("", reason)
    return UnreachableError(address, reason.strip().rstrip("."))
