"""The first process of a host that :mod:`tests.orchestrator.cluster.hosts` builds.

It is pid 1 of namespaces of its own, reads what the host is from one line of JSON, hides what a
host must not share, starts sshd, and reaps what its children leave. When its standard input ends
- the test closes it, or is killed - it ends, and the kernel ends everything else on the host.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

RUN = Path("/run")
SHOWN, DISK = RUN / "shown", RUN / "disk"
ETC = RUN / "orch" / "etc"
"""Files that take the place of those in /etc."""


def mount(*words: object) -> None:
    """Mount something, or end with what mount says."""
    subprocess.run(["mount", *map(str, words)], check=True)


def furnish(
    hidden: list[str], shown: list[str], files: dict[str, tuple[str, int]], disk: tuple[str, str]
) -> None:
    """Give the host folders of its own.

    Args:
        hidden: folders that are empty here, and in memory.
        shown: folders that can be read here wherever they lie, below hidden ones too.
        files: text and mode by path.
        disk: a folder of the machine, and the one here that lies on it.
    """
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", RUN)
    DISK.mkdir()
    mount("--bind", disk[0], DISK)
    for number, path in enumerate(shown):
        held = SHOWN / str(number)
        held.mkdir(parents=True)
        mount("--bind", path, held)
        mount("-o", "remount,bind,ro", held)
    for path in hidden:
        Path(path).mkdir(parents=True, exist_ok=True)
        mode = "1777" if path in ("/tmp", "/var/tmp", "/dev/shm") else "700"
        mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", path)
    Path(disk[1]).mkdir(parents=True, exist_ok=True)
    mount("--move", DISK, disk[1])
    for number, path in enumerate(shown):
        Path(path).mkdir(parents=True, exist_ok=True)
        mount("--move", SHOWN / str(number), path)
    for path, (text, mode) in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        Path(path).chmod(mode)
    for own in ETC.iterdir():
        mount("--bind", own, Path("/etc") / own.name)
    mount("-o", "remount,bind,ro", "/")


def live() -> None:
    """Reap until standard input ends."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told)
    while True:
        ready, _, _ = select.select([0, heard], [], [])
        if 0 in ready and not os.read(0, 4096):
            return
        if heard in ready:
            os.read(heard, 4096)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def main() -> None:
    """Be a host."""
    plan = json.loads(sys.stdin.buffer.raw.readline())
    subprocess.run(["hostname", plan["name"]], check=True)
    furnish(plan["hidden"], plan["shown"], plan["files"], plan["disk"])
    os.chdir("/")
    subprocess.Popen(plan["sshd"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.write(1, b"ready\n")
    live()


if __name__ == "__main__":
    main()
