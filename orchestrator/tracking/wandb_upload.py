"""Uploading what was written offline, with W&B's own ``wandb sync``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.tracking.wandb_files import Files, begun, is_offline, marker
from orchestrator.tracking.wandb_known import known
from orchestrator.tracking.wandb_sdk import own_environment
from searchspaces.errors import OrchError

AT_ONCE = 100
"""Runs that one call of ``wandb sync`` is given."""
SILENT_SECONDS = 120.0
"""After so long without a run that is done, the server is taken to be away."""


@dataclass(frozen=True)
class Sent:
    """What was uploaded.

    Attributes:
        runs: W&B runs of which something was.
        url: where they are to be seen; empty if W&B did not say.
    """

    runs: int
    url: str = ""


def waiting(folder: Path) -> dict[str, list[Path]]:
    """Files that were written offline and that no server has, by W&B's id of the run.

    A run of which a server may have a part is left out: it would have that part twice.

    Args:
        folder: W&B's, in the run's folder.
    """
    files = Files(folder)
    found = {}
    for run_id in files:
        paths = files.paths(run_id)
        doubtful = any(begun(path) or not (is_offline(path) or _marked(path)) for path in paths)
        if not (doubtful and known(paths).unsure):
            found[run_id] = [path for path in paths if _waits(path)]
    return {run_id: paths for run_id, paths in found.items() if paths}


def upload(folder: Path, progress: Callable[[int, int], None]) -> Sent:
    """Send all that waits; fragments of one run in the order in which they were written.

    Torn files must have been mended, as a sink does that looks them up: W&B stops at them.

    Args:
        folder: W&B's, in the run's folder.
        progress: told how many W&B runs of how many are there.

    Raises:
        OrchError: not all of it could be sent.
    """
    own_environment(folder)
    runs = list(waiting(folder).items())
    url = ""
    for first in range(0, len(runs), AT_ONCE):
        progress(first, len(runs))
        batch = dict(runs[first : first + AT_ONCE])
        url = _sync(batch) or url
    progress(len(runs), len(runs))
    return Sent(len(runs), url)


def _waits(path: Path) -> bool:
    return is_offline(path) and not _marked(path)


def _marked(path: Path) -> bool:
    return marker(path).exists()


def _sync(batch: Mapping[str, list[Path]]) -> str:
    """One call of ``wandb sync``; the URL of the project, if it says one.

    Its exit code says nothing about single runs. Its markers do, but for those of runs in which
    it has met an error.
    """
    paths = [path for found in batch.values() for path in found]
    folders = [str(path.parent) for path in paths]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603  # W&B's own program, by our own interpreter
            [sys.executable, "-P", "-m", "wandb", "sync", *folders],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "WANDB_SILENT": "false"},
        )
        try:
            in_time = _ended(process, paths)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        text = re.sub(r"\x1b\[[0-9;]*m", "", said.read().decode("utf-8", "replace"))
    errors = _errors(text)
    for run_id, found in batch.items():
        if run_id in errors or "" in errors:
            for path in found:
                marker(path).unlink(missing_ok=True)
    left = sum(_waits(path) for path in paths)
    if not in_time:
        raise OrchError(
            f"W&B: nothing came through for {SILENT_SECONDS:.0f} s; what is left is sent when "
            f"this is called again"
        )
    if left:
        why = next(iter(errors.values()), "see wandb sync --help")
        raise OrchError(
            f"W&B: {left} of {len(paths)} files were not taken: {why}. Nothing is lost; call this "
            f"again"
        )
    url = re.search(r"(https?://\S+)/runs/", text)
    return url[1] if url else ""


def _ended(process: subprocess.Popen[bytes], paths: list[Path]) -> bool:
    """Wait until the process ends; False if nothing comes of it for too long."""
    left, since = len(paths), time.monotonic()
    while process.poll() is None:
        time.sleep(0.1)
        now = sum(_waits(path) for path in paths)
        if now < left:
            left, since = now, time.monotonic()
        elif time.monotonic() - since > SILENT_SECONDS:
            return False
    return True


def _errors(text: str) -> dict[str, str]:
    """What ``wandb sync`` says went wrong, by W&B's id of the run; empty where it names none."""
    found = {}
    for line in text.splitlines():
        _, error, words = line.partition(" ERROR ")
        if error or re.match(r"\w*Error: ", line):
            named = re.match(r"\[(?:[^\]]*/)?([^/\]]+)\] (.*)", words)
            where, why = (named[1], named[2]) if named else ("", words or line)
            found[where] = " ".join(why.split(". ")[0].split()).rstrip(".")
    return found
