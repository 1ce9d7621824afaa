"""A store that is not the run's folder: every worker reaches it by itself, or is told apart."""

from __future__ import annotations

import platform
import secrets
from abc import abstractmethod

from orchestrator.runs.checkpoints import (
    CheckpointError,
    CheckpointStore,
    ListedStore,
    StoreError,
)

MARKER = ".orch"
"""What the process that runs the sweep writes, for workers to look for."""


class StorageError(StoreError):
    """A place for checkpoints cannot be used.

    Attributes:
        key: the place, as ``s3://bucket/prefix``.
        problem: what is wrong, and the way out.
    """

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


class DistantStore(ListedStore):
    """The checkpoints of one run in a place that all machines reach.

    Args:
        where: the place, for people.

    Attributes:
        token: what the marker there says; empty before :meth:`mark`.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.token = ""

    @abstractmethod
    def remove_all(self) -> None:
        """Forget everything of the run, the marker too.

        Raises:
            StorageError: that cannot be done.
        """

    @abstractmethod
    def check(self) -> None:
        """Make sure that the place is there at all.

        Raises:
            StorageError: it is not, or nobody answers.
        """

    def mark(self) -> None:
        """Leave a marker, by which a worker knows this place from another of the same name.

        Raises:
            StorageError: nothing can be written there.
        """
        self.token = secrets.token_hex(8)
        try:
            self.save(MARKER, 0, self.token.encode())
        except StorageError:
            raise
        except StoreError as error:
            raise StorageError(self.where, f"{error.problem}.") from error

    def require(self) -> None:
        """Find the marker, from a worker's machine.

        Raises:
            StorageError: it is not there, or another's is.
        """
        here = platform.node()
        try:
            found = self.read(MARKER).decode(errors="replace")
        except (CheckpointError, StoreError) as error:
            problem = f"{here} does not see it: {error.problem.rstrip('.')}"
        else:
            if found == self.token:
                return
            problem = f"{here} sees another place of that name"
        raise StorageError(self.where, f"{problem}. {self.way_out}")

    @property
    @abstractmethod
    def way_out(self) -> str:
        """What to do where a worker does not see it."""


def require(store: CheckpointStore) -> None:
    """Make sure that this worker sees what the process that runs the sweep sees.

    Raises:
        StorageError: its machine does not.
    """
    if isinstance(store, DistantStore):
        store.require()
