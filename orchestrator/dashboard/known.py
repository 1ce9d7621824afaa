"""The runs that are shown: those that were named, or all in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.runs.folder import SPEC, RunFolder, all_runs


class Known:
    """Runs by id. Nothing that a URL says becomes a path: ids are looked up here.

    Args:
        runs: where run folders lie.
        named: the folders of those to show; None for all, also those that are yet to come.
    """

    def __init__(self, runs: Path, named: Iterable[Path] | None = None) -> None:
        self._runs = runs
        self._named = None if named is None else [RunFolder(path) for path in named]

    def all(self) -> list[RunFolder]:
        """Newest last."""
        if self._named is None:
            return all_runs(self._runs)
        return [run for run in self._named if (run.path / SPEC).is_file()]

    def find(self, run_id: str) -> RunFolder | None:
        """The run of exactly this id."""
        return next((run for run in self.all() if run.id == run_id), None)
