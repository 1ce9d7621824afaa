"""Deleting behind the sweep's back, so that it never waits for a distant store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from orchestrator.runs.checkpoints import CheckpointStore, StoreError
from orchestrator.runs.distant import DistantStore, StorageError

THREADS = 4


class DeletingBehind(CheckpointStore):
    """A distant store for the process that runs the sweep: ``delete`` and ``clear`` return at once.

    What is pickled, for workers, is the store itself. What a process that is killed has not
    deleted is for ``orch clean``.

    Args:
        store: of the run.
        run_id: for the line that says that something could not be deleted.
    """

    def __init__(self, store: DistantStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="orch-delete")
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    @classmethod
    @contextmanager
    def open(cls, store: DistantStore, run_id: str) -> Iterator[DeletingBehind]:
        """One for the time of the block, which ends when everything is deleted.

        Raises:
            StorageError: something could not be.
        """
        made = cls(store, run_id)
        try:
            yield made
        finally:
            made._threads.shutdown()
        made.tell()

    def __reduce__(self) -> tuple[Any, ...]:
        """Workers get the store: they delete nothing."""
        return (_same, (self._store,))

    def delete(self, key: str) -> None:
        """Soon."""
        self.tell()
        self._soon(self._store.delete, key)

    def clear(self, folder: str, keep: str | None = None) -> None:
        """Soon."""
        self.tell()
        self._soon(self._store.clear, folder, keep)

    def write(self, key: str, data: bytes) -> None:
        """At once."""
        self._store.write(key, data)

    def read(self, key: str) -> bytes:
        """At once."""
        return self._store.read(key)

    def tell(self) -> None:
        """Say of the first thing that could not be deleted.

        Raises:
            StorageError: there was one.
        """
        with self._lock:
            error, self._error = self._error, None
        if error is None:
            return
        words = f"cannot be deleted: {getattr(error, 'strerror', None) or error}"
        if isinstance(error, StoreError):
            words = error.problem
        raise StorageError(
            self._store.where,
            f"a checkpoint that is not needed any more {words}. Free it later: "
            f"orch clean {self._run_id}",
        ) from error

    def _soon(self, do: Callable[..., None], *arguments: Any) -> None:
        self._threads.submit(do, *arguments).add_done_callback(self._done)

    def _done(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            with self._lock:
                self._error = self._error or error


def _same(store: DistantStore) -> DistantStore:
    return store
