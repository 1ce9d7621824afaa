"""A run's folder: where everything about it lies, who owns it, and how to find it again."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from orchestrator.runs.errors import (
    RunBusyError,
    RunElsewhereError,
    RunNotFoundError,
    UnwritableError,
)
from orchestrator.runs.whereabouts import read_whereabouts
from orchestrator.spec import SweepSpec
from orchestrator.spec_file import read_mapping, read_spec, to_yaml
from searchspaces.errors import UsageError

SPEC = "spec.yaml"
__all__ = [
    "RunBusyError",
    "RunFolder",
    "RunNotFoundError",
    "UnwritableError",
    "all_runs",
    "find_run",
]


class RunFolder:
    """``runs/<run-id>/`` of one run.

    Args:
        path: of the folder; it exists and holds ``spec.yaml``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.suffix = path.name.rpartition("-")[2]
        self.journal = path / "journal"
        self.checkpoints = path / "checkpoints"
        self.inbox = path / "inbox"
        self.trials = path / "trials.parquet"
        self.epochs = path / "epochs.parquet"
        self.figures = path / "figures"

    @classmethod
    def create(
        cls,
        runs: Path,
        spec: SweepSpec,
        provenance: Mapping[str, Any],
        files: Mapping[str, bytes] = MappingProxyType({}),
    ) -> RunFolder:
        """Make the folder of a new run, whole or not at all.

        Args:
            runs: where run folders lie.
            spec: of the run.
            provenance: who made it.
            files: what else is in it from the start, by name.

        Raises:
            UsageError: ``runs`` cannot be written.
        """
        day = datetime.now().astimezone().strftime("%m%d")
        text = to_yaml({**spec.dump(), "provenance": dict(provenance)})
        try:
            runs.mkdir(parents=True, exist_ok=True)
            while True:
                path = runs / f"{day}-{spec.name}-{secrets.token_hex(2)}"
                part = runs / f".{path.name}.part"
                if path.exists():
                    continue
                part.mkdir()
                try:
                    (part / SPEC).write_text(text, encoding="utf-8")
                    for name, content in files.items():
                        (part / name).write_bytes(content)
                    part.rename(path)
                except OSError:
                    shutil.rmtree(part, ignore_errors=True)
                    raise
                return cls(path)
        except OSError as error:
            raise UsageError(
                f"{runs}: no run can be written there ({error.strerror}). "
                f"Give another folder: --runs FOLDER"
            ) from error

    @property
    def known_as(self) -> str:
        """What ``Study.resume`` finds it by: its id in ``./runs``, else its path."""
        here = self.path.parent.resolve() == Path("runs").resolve()
        return self.id if here else str(self.path)

    def spec(self) -> SweepSpec:
        """The resolved spec.

        Raises:
            FileError: ``spec.yaml`` is gone or damaged.
        """
        return read_spec(self.path / SPEC)

    def provenance(self) -> dict[str, Any]:
        """Versions, git commit, command and time of the run's making."""
        values, _ = read_mapping(self.path / SPEC)
        found = values.get("provenance")
        return dict(found) if isinstance(found, Mapping) else {}

    def trial_id(self, number: int) -> str:
        """The id of a trial: the end of the run's id and the trial's number."""
        return f"{self.suffix}-{number:04d}"

    @contextmanager
    def owned(self, *, follows: bool = False) -> Iterator[None]:
        """Own the run for the time of the block; the system frees it if the process dies.

        Args:
            follows: only to keep the folder like that of a run that lives on a cluster.

        Raises:
            RunBusyError: somebody else does.
            RunElsewhereError: it lives on a cluster, and may be running there.
            UnwritableError: the folder is read-only.
        """
        where = None if follows else read_whereabouts(self.path)
        if where is not None and not where.home:
            raise RunElsewhereError(self.id, where.name)
        lock = FileLock(self.path / "owner.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunBusyError(self.id) from error
        except OSError as error:
            raise UnwritableError(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def is_owned(self, *, follows: bool = False) -> bool:
        """Whether a living process runs the sweep, or keeps its folder like one elsewhere."""
        try:
            with self.owned(follows=follows):
                return False
        except RunBusyError:
            return True
        except UnwritableError:
            return False


def all_runs(runs: Path) -> list[RunFolder]:
    """Every run in a folder, oldest first."""
    if not runs.is_dir():
        return []
    found = [RunFolder(spec.parent) for spec in runs.glob(f"[!.]*/{SPEC}")]
    return sorted(found, key=lambda run: (run.path / SPEC).stat().st_mtime)


def find_run(runs: Path, part: str = "") -> RunFolder:
    """The run whose id contains ``part``; the latest without one; ``part`` may be a path.

    Raises:
        RunNotFoundError: none, or several.
    """
    if part and (Path(part) / SPEC).is_file():
        return RunFolder(Path(part).resolve())
    known = all_runs(runs)
    if not part:
        if not known:
            raise RunNotFoundError("", runs, [])
        return known[-1]
    exact = [run for run in known if run.id == part]
    matches = exact or [run for run in known if part in run.id]
    if len(matches) != 1:
        raise RunNotFoundError(part, runs, [run.id for run in matches])
    return matches[0]
