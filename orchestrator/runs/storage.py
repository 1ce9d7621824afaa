"""The store that a spec's ``storage`` means, proven before anything is spent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.runs.address import Bucket, address_of, with_server
from orchestrator.runs.behind import DeletingBehind
from orchestrator.runs.bucket import BucketStore
from orchestrator.runs.checkpoints import CheckpointStore, FolderStore, StoreError
from orchestrator.runs.distant import DistantStore, StorageError
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.shared import SharedStore
from orchestrator.spec_file import FileError, read_mapping


def store_of(url: str, run_id: str, default: Path) -> CheckpointStore:
    """Where a run's checkpoints lie.

    Args:
        url: the spec's ``storage``.
        run_id: of the run.
        default: folder in the run's own; taken where the spec names nothing.

    Raises:
        ConfigurationError: it is no such place.
    """
    return distant_of(url, run_id) or FolderStore(default)


def distant_of(url: str, run_id: str) -> DistantStore | None:
    """The same; None where they lie in the run's own folder."""
    if not url:
        return None
    address = address_of(url)
    if isinstance(address, Bucket):
        return BucketStore(with_server(address), run_id)
    return SharedStore(address, run_id)


def tried(url: str) -> None:
    """Write, read and delete something there, before there is a run.

    Raises:
        StorageError: that cannot be done.
        ConfigurationError: it is no such place.
    """
    store = distant_of(url, f".orch-{secrets.token_hex(4)}")
    if store is None:
        return
    key, data = "try/1", secrets.token_bytes(64)
    try:
        store.check()
        store.mark()
        try:
            if store.load(store.save(key, 0, data)) != data:
                raise StorageError(store.where, "what is written there does not come back.")
            store.delete(key)
        finally:
            with suppress(StorageError):
                store.remove_all()
    except StorageError:
        raise
    except (StoreError, OSError) as error:
        words = getattr(error, "problem", None) or getattr(error, "strerror", None) or str(error)
        raise StorageError(store.where, f"{words.rstrip('.')}.") from error


def proven(store: CheckpointStore, *, begun: bool = False) -> None:
    """Leave the marker that workers look for; for the process that runs the sweep.

    Args:
        store: of the run.
        begun: the run has been running before.

    Raises:
        StorageError: the place cannot be written, or nothing of a begun run is there.
    """
    if isinstance(store, DistantStore):
        if begun and isinstance(store, SharedStore):
            store.check_begun()
        store.mark()


@contextmanager
def opened(url: str, folder: RunFolder) -> Iterator[CheckpointStore]:
    """The store of a run that goes on now, for the time of the block.

    Raises:
        StorageError: the place cannot be used, or not everything could be deleted there.
    """
    store = store_of(url, folder.id, folder.checkpoints)
    proven(store, begun=folder.journal.is_dir())
    if isinstance(store, DistantStore):
        with DeletingBehind.open(store, folder.id) as behind:
            yield behind
    else:
        yield store


def elsewhere(path: Path, run_id: str) -> DistantStore | None:
    """The store that a run's folder names; None where it names none, or nobody can read it.

    Args:
        path: of the folder.
        run_id: of the run, whatever its folder is called now.
    """
    try:
        url = read_mapping(path / "spec.yaml")[0].get("storage")
    except FileError:
        return None
    return distant_of(url, run_id) if isinstance(url, str) else None
