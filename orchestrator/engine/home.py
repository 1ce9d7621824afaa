"""Checkpoints of many machines in a folder of one of them, without a disk that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.engine.reasons import reason
from orchestrator.runs.checkpoints import (
    CheckpointError,
    CheckpointStore,
    FolderStore,
    StoreError,
)

AT_ONCE = 8
"""Checkpoints that are written or read at the same time."""


class _Keeper:
    """Writes and reads for the workers of other machines, where the folder is.

    An error is returned and not raised: it is for the worker to say what it means.
    """

    def __init__(self, folder: FolderStore) -> None:
        self._folder = folder

    def write(self, key: str, data: Any) -> OSError | None:
        try:
            self._folder.write(key, data)
        except OSError as error:
            return error
        return None

    def read(self, key: str) -> Any:
        try:
            # As an array it is mapped, not copied, at the other end.
            return np.frombuffer(self._folder.read(key), np.uint8)
        except CheckpointError as error:
            return error


class HomeStore(CheckpointStore):
    """A folder of the machine that runs the sweep, for workers on any machine.

    Those on the same machine use the folder. What others write travels through Ray's object
    store; it is in the folder before the result that names it is reported.

    Args:
        folder: at home.
        keeper: handle of the actor there.
        node: Ray's id of that machine.
    """

    def __init__(self, folder: FolderStore, keeper: Any, node: str) -> None:
        self._folder = folder
        self._keeper = keeper
        self._node = node

    @classmethod
    @contextmanager
    def open(cls, folder: FolderStore) -> Iterator[HomeStore]:
        """One in this process's machine, for the time of the block."""
        node = ray.get_runtime_context().get_node_id()
        remote: Any = ray.remote(_Keeper).options(
            num_cpus=0,
            max_concurrency=AT_ONCE,
            max_restarts=-1,
            max_task_retries=-1,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        keeper = remote.remote(folder)
        try:
            yield cls(folder, keeper, node)
        finally:
            ray.kill(keeper)

    def delete(self, key: str) -> None:
        """Remove the file; for the process that runs the sweep."""
        self._folder.delete(key)

    def clear(self, folder: str, keep: str | None = None) -> None:
        """Remove the files of a trial; for the process that runs the sweep."""
        self._folder.clear(folder, keep)

    @property
    def _at_home(self) -> bool:
        return bool(ray.get_runtime_context().get_node_id() == self._node)

    def write(self, key: str, data: bytes) -> None:
        """Into the folder, from wherever this is."""
        if self._at_home:
            self._folder.write(key, data)
            return
        try:
            error = ray.get(self._keeper.write.remote(key, np.frombuffer(data, np.uint8)))
        except RayError as lost:
            raise StoreError(key, f"it did not come home: {reason(lost)}") from lost
        if error is not None:
            raise error

    def read(self, key: str) -> bytes:
        """Out of the folder, to wherever this is."""
        if self._at_home:
            return self._folder.read(key)
        try:
            found = ray.get(self._keeper.read.remote(key))
        except RayError as lost:
            # It may lie there unharmed: the trial must not start over for that.
            raise StoreError(key, f"it did not come from home: {reason(lost)}") from lost
        if isinstance(found, CheckpointError):
            raise found
        return bytes(found)
