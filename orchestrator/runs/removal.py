"""Deleting a run, so that nobody ever meets half of one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.runs.distant import DistantStore, StorageError
from orchestrator.runs.errors import UnwritableError
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.storage import elsewhere
from searchspaces.errors import OrchError

_TRACKING, _LOG = "tracking.lock", "tracking.log"
_REMOVED = ".removed"
_PART = ".part"
OLD_SECONDS = 3600.0
"""A run's folder takes seconds to make; one that was begun so long ago was left behind."""


def remove(run: RunFolder, store: DistantStore | None = None) -> int:
    """Delete a run; returns the bytes that its files had.

    It is renamed first, to a name that no command lists: a process that is killed on the way
    leaves nothing but space, which ``orch clean`` frees.

    Args:
        run: its folder.
        store: what it keeps elsewhere and is to go too; see :func:`storage.elsewhere`.

    Raises:
        RunBusyError: a process owns it.
        OrchError: a process tells a tracker of it, and would write into its folder.
        UnwritableError: it cannot be deleted.
        StorageError: nobody answers where its checkpoints are. Nothing is deleted then, unless
            that happens on the way.
    """
    try:
        if run.path.is_symlink():  # the link is here, the run is somewhere else
            run.path.unlink()
            return 0
        size = size_of(run.path) + size_elsewhere(store)
        hidden = run.path.with_name(f".{run.id}{_REMOVED}")
        _delete(hidden)
        with run.owned(), _untold(run):
            run.path.rename(hidden)
        if store is not None:
            _delete_elsewhere(store)
        _delete(hidden)
    except OSError as error:
        raise UnwritableError(run.path, error) from error
    return size


def size_elsewhere(store: DistantStore | None) -> int:
    """Bytes of what a run keeps elsewhere.

    Raises:
        StorageError: nobody answers there.
    """
    return sum(kept.size for kept in store.kept()) if store is not None else 0


def _delete_elsewhere(store: DistantStore) -> None:
    try:
        store.remove_all()
    except StorageError as error:
        problem = f"{error.problem.rstrip('.')}. When that is mended: orch clean"
        raise StorageError(store.where, problem) from error


def check_free(run: RunFolder) -> None:
    """Make sure that nobody runs it, and that nobody tells a tracker of it.

    Raises:
        RunBusyError: a process owns it.
        RunElsewhereError: it lives on a cluster, which may need what it keeps elsewhere.
        OrchError: a process tells of it.
    """
    with suppress(UnwritableError), run.owned():
        pass
    with _untold(run):
        pass


def leftovers(runs: Path) -> Iterator[Path]:
    """Folders of runs that were half deleted, or half made long ago."""
    if not runs.is_dir():
        return
    for path in sorted(runs.glob(".*")):
        if not path.is_dir() or path.is_symlink():
            continue
        old = path.stat().st_mtime < time.time() - OLD_SECONDS
        if path.name.endswith(_REMOVED) or (path.name.endswith(_PART) and old):
            yield path


def leftover_store(path: Path) -> DistantStore | None:
    """What the run that a leftover is of keeps elsewhere; None where it keeps nothing there."""
    if not path.name.endswith(_REMOVED):
        return None
    return elsewhere(path, path.name.removesuffix(_REMOVED)[1:])


def free(path: Path, store: DistantStore | None = None) -> None:
    """Delete a leftover: first what it keeps elsewhere, since only its spec says where.

    Raises:
        StorageError: nobody answers there; the leftover stays.
        UnwritableError: it cannot be deleted.
    """
    if store is not None:
        store.remove_all()
    try:
        _delete(path)
    except OSError as error:
        raise UnwritableError(path, error) from error


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count as nothing."""
    if path.is_symlink():
        return 0
    if not path.is_dir():
        with suppress(FileNotFoundError):
            return path.stat().st_size
        return 0
    total = 0
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        total = sum(size_of(Path(entry.path)) for entry in entries)
    return total


@contextmanager
def _untold(run: RunFolder) -> Iterator[None]:
    """Keep trackers out for the time of the block."""
    path = run.path / _TRACKING
    if not path.exists():
        yield
        return
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OrchError(
            f"run {run.id} is still being told to a tracker; {_LOG} in its folder says how far. "
            f"Wait for that."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _delete(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
