"""Where a run lies: a path, or any unique part of an id below a folder of runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from searchspaces.errors import UsageError, nearest_first

_MARKS = ("spec.yaml", "trials.parquet")
_SHOWN = 8


def find_folder(run: str | Path = "", runs: str | Path = "runs") -> Path:
    """The folder of a run, as commands find it.

    Args:
        run: its path, its id, or a part of the id that no other run has; empty for the latest.
        runs: the folder in which ids are looked up.

    Raises:
        UsageError: none, or several, are called that.
    """
    part, path, runs = str(run), Path(run), Path(runs)
    if not part:
        return _latest(runs)
    if _is_run(path) or part != path.name:
        return _checked(path)
    known = sorted(folder.name for folder in _below(runs))
    matches = [name for name in known if name == part] or [name for name in known if part in name]
    if len(matches) == 1:
        return runs / matches[0]
    if matches:
        raise UsageError(f"{part!r} is part of {len(matches)} runs: {_some(matches)}. "
                         f"Give more of the id.")  # fmt: skip
    if path.is_dir():
        return _checked(path)
    if not known:
        raise UsageError(f"no run {part!r}: there are no runs in {runs}. "
                         f"Give their folder: load_run({part!r}, runs=FOLDER)")  # fmt: skip
    raise UsageError(f"no run {part!r} in {runs}. Known: {_some(nearest_first(part, known))}.")


def short_name(folder: Path) -> str:
    """What finds this run again: the end of its id in ``./runs``, else its path."""
    runs = Path("runs")
    if folder.parent.resolve() != runs.resolve():
        return shlex.quote(str(folder))
    digits = folder.name.rpartition("-")[2]
    if not re.fullmatch("[0-9a-f]{4}", digits):
        return shlex.quote(folder.name)
    return folder.name if sum(digits in run.name for run in _below(runs)) > 1 else digits


def _checked(folder: Path) -> Path:
    """The folder; one without tables is a run's if there is a journal to make them of."""
    if folder.is_dir() and not _is_run(folder) and not (folder / "journal").is_dir():
        raise UsageError(f"{folder} is no run: it has no trials.parquet. List runs: orch runs")
    return folder


def _latest(runs: Path) -> Path:
    known = _below(runs)
    if not known:
        raise UsageError(f"no runs in {runs}. Start one: orch sweep gru-bohb")
    return max(known, key=lambda folder: (_made(folder), folder.name))


def _below(runs: Path) -> list[Path]:
    if not runs.is_dir():
        return []
    return [path for path in runs.iterdir() if not path.name.startswith(".") and _is_run(path)]


def _is_run(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS)


def _made(folder: Path) -> float:
    """When the run was begun: a spec is written once; an import has tables alone."""
    return next(path.stat().st_mtime for mark in _MARKS if (path := folder / mark).is_file())


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
