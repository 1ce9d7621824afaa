"""What can be wrong with a run's folder."""

from __future__ import annotations

import shlex
from pathlib import Path

from searchspaces.errors import OrchError, UsageError


class RunNotFoundError(UsageError):
    """No run, or more than one, is called that.

    Attributes:
        part: what was asked for; empty for the latest run.
        folder: where runs were looked for.
        matches: ids that contain ``part``.
    """

    def __init__(self, part: str, folder: Path, matches: list[str]) -> None:
        self.part = part
        self.folder = folder
        self.matches = matches
        if matches:
            some = ", ".join(matches[:8])
            text = f"{part!r} is part of {len(matches)} runs: {some}. Give more of the id."
        elif part:
            where = "" if folder == Path("runs") else f" --runs {shlex.quote(str(folder))}"
            text = f"no run {part!r} in {folder}. List them: orch runs{where}"
        else:
            text = f"no runs in {folder}. Start one: orch sweep gru-bohb"
        super().__init__(text)


class RunBusyError(OrchError):
    """Another process owns the run.

    Attributes:
        run_id: of the run.
    """

    def __init__(self, run_id: str, said: str = "") -> None:
        self.run_id = run_id
        super().__init__(
            said or f"run {run_id} is running in another process. Wait for it, or stop it."
        )


class RunElsewhereError(RunBusyError):
    """The run lives on a cluster, and what is here is a copy.

    Attributes:
        cluster: its name.
    """

    def __init__(self, run_id: str, cluster: str) -> None:
        self.cluster = cluster
        short = run_id.rpartition("-")[2]
        super().__init__(
            run_id,
            f"run {run_id} lives on cluster {cluster}. Follow it and fetch it: orch attach {short}",
        )


class UnwritableError(OrchError):
    """Something in a run's folder cannot be written.

    Attributes:
        path: what.
        reason: what the system says.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        self.reason = error.strerror or str(error)
        super().__init__(f"{path}: cannot be written: {self.reason}.")
