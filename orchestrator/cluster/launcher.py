"""Ray's launcher as a process: its output in a log, its steps told, its failure in one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

from orchestrator.cluster.errors import CommandFailedError
from orchestrator.cluster.file import ClusterFile

_STEPS = {
    "Launched a new head node": "a head was launched",
    "[1/7] Waiting": "waiting for ssh",
    "[2/7] Processing": "copying file_mounts",
    "[4/7] Running": "running initialization_commands",
    "[6/7] Running": "running setup_commands",
    "[7/7] Starting": "starting Ray",
}
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RAYS_OWN = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\s")
_NOISE = re.compile(
    r"^(Shared c|C)onnection to \S+ closed\.?$|^!!!$|^Error message: SSH command fa"
)
_SETUP = re.compile(r"^\s*\((\d+)/(\d+)\) ")


def launcher(file: ClusterFile, words: tuple[str, ...], tell: Callable[[str], None]) -> str:
    """Run ``ray WORDS FILE``; what it says on its standard output.

    Args:
        file: the cluster.
        words: the command and its options.
        tell: is called with each step, a few words.

    Raises:
        CommandFailedError: it fails; with the words of whatever failed there.
    """
    log = _log(file, words[0])
    command = [sys.executable, "-m", "ray.scripts.scripts", *words]
    if words[0] != "get-head-ip":
        command += ["--log-style", "pretty", "--log-color", "false"]
    said: list[str] = []
    with log.open("w", encoding="utf-8") as kept:
        log.chmod(0o600)
        process = subprocess.Popen(  # noqa: S603  # Ray's launcher
            [*command, str(file.path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env=_environment(file),
        )  # fmt: skip
        try:
            with process:
                for line in process.stdout or ():
                    plain = _COLOURS.sub("", line).rstrip()
                    kept.write(plain + "\n")
                    kept.flush()
                    said.append(plain)
                    _step(plain, tell)
        except BaseException:  # such as Ctrl-C: nothing goes on unseen
            process.terminate()
            raise
    if process.returncode:
        raise CommandFailedError(f"ray {words[0]}", reason(said), log=log)
    return "\n".join(said)


def reason(said: Iterable[str]) -> str:
    """The line of the launcher's output that tells why it failed.

    A command that failed on the head has the last word before Ray says that the update failed;
    what follows is only Ray's account of that.
    """
    meant: list[str] = []
    for line in said:
        if line.strip().startswith("New status: update-failed") and meant:
            break
        if line.strip() and not _RAYS_OWN.match(line) and not _NOISE.match(line.strip()):
            meant.append(line.strip())
    return meant[-1] if meant else "it says nothing"


def _step(line: str, tell: Callable[[str], None]) -> None:
    text = line.strip()
    for start, step in _STEPS.items():
        if text.startswith(start):
            tell(step)
    if found := _SETUP.match(line):  # the command itself may hold what is nobody's business
        tell(f"command {int(found[1]) + 1} of {found[2]}")


def _environment(file: ClusterFile) -> dict[str, str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if file.provider == "local":  # autoscaler v2 takes hosts that are there already for lost ones
        environment.setdefault("RAY_UP_enable_autoscaler_v2", "0")
    return environment


def _log(file: ClusterFile, command: str) -> Path:
    folder = platformdirs.user_cache_path("orch") / "clusters" / file.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{command}.log"
