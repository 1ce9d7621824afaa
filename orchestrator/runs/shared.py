"""Checkpoints on a disk that all machines share."""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestrator.runs.checkpoints import CheckpointError, FolderStore, Kept
from orchestrator.runs.distant import MARKER, DistantStore, StorageError


class SharedStore(DistantStore):
    """A run's checkpoints in a folder of its own below a path that every machine has.

    Where the disk is not mounted the path may be there all the same, and what is written to it
    would be on another disk: the marker tells.

    Args:
        root: the path; it exists wherever the disk is.
        run_id: name of the folder below it.
    """

    def __init__(self, root: Path, run_id: str) -> None:
        super().__init__(str(root))
        self.root = root
        self.folder = root / run_id
        self._files = FolderStore(self.folder)

    @property
    def way_out(self) -> str:
        """It has to be mounted."""
        return "Mount it on every machine, or give another --storage."

    def check(self) -> None:
        """The path is there."""
        if not self.root.is_dir():
            raise StorageError(self.where, "there is no such folder. Make it, or mount its disk.")

    def check_begun(self) -> None:
        """The run's own folder is there.

        Raises:
            StorageError: it is not, and its trials would silently start over.
        """
        if not self.folder.is_dir():
            raise StorageError(
                self.where,
                f"nothing of run {self.folder.name} is there. Mount its disk; to start its trials "
                f"over: mkdir {self.folder}",
            )

    def mark(self) -> None:
        """In the run's folder, which this makes."""
        self.check()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(self.where, f"cannot be written: {error.strerror}.") from error
        super().mark()

    def write(self, key: str, data: bytes) -> None:
        """Write the file under another name and rename it."""
        if key != MARKER and not (self.folder / key).parent.is_dir():
            self.require()  # or the disk's folders would be made without the disk
        self._files.write(key, data)

    def read(self, key: str) -> bytes:
        """Read the file.

        Raises:
            CheckpointError: it is gone.
            StorageError: so is the disk.
        """
        try:
            return self._files.read(key)
        except CheckpointError:
            if key != MARKER and self.token:
                self.require()
            raise

    def delete(self, key: str) -> None:
        """Remove the file, and the trial's folder with its last."""
        self._files.delete(key)

    def clear(self, folder: str, keep: str | None = None) -> None:
        """Remove the files, and the folder if nothing is to be kept."""
        self._files.clear(folder, keep)

    def kept(self) -> list[Kept]:
        """Its files."""
        self.check()
        return self._files.kept()

    def remove_all(self) -> None:
        """Remove the run's folder."""
        self.check()
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(self.where, f"cannot be deleted: {error.strerror}.") from error
