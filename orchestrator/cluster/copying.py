"""The local side of a mirror's files, which stay inside the folder.

Every file is there whole or not at all, but for the journal, which grows as it does at the
other end.
"""

from __future__ import annotations

import glob
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from orchestrator.cluster import wire
from orchestrator.cluster.link import FarError
from orchestrator.runs.errors import UnwritableError

PEOPLE = ("about.yaml", "report.html", "figures/")
"""What people make here too, with commands that read a run: the newer one stays."""


class Copy:
    """A run folder that is a copy of another.

    Args:
        folder: exists.
        where: what a message calls the other end.
    """

    def __init__(self, folder: Path, where: str) -> None:
        self.folder = folder
        self._where = where
        self._same: dict[str, tuple[int, int]] = {}

    def path(self, name: str) -> Path:
        """Where a file goes.

        Raises:
            FarError: somewhere else, or to a place that is not the far side's.
        """
        path = self.folder / name
        inside = Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self.folder))
        if not wire.is_mirrored(name) or not inside or path.is_symlink():
            raise FarError(self._where, f"offers {name!r}, which is no file of a run. Nothing of "
                                        f"it was written.")  # fmt: skip
        return path

    def size(self, name: str) -> int:
        """Bytes that are here of a file; 0 without one."""
        with suppress(OSError):
            return self.path(name).stat().st_size
        return 0

    def has(self, file: wire.File) -> bool:
        """Whether this version of a file is here, or a newer one that people made."""
        path = self.path(file.path)
        try:
            status = path.stat()
        except OSError:
            return False
        if self.is_peoples(file):
            return True
        times = (status.st_size, status.st_mtime_ns)
        wanted = (file.size, file.mtime)
        # Some file systems keep rough times: what this process has put there it knows.
        return wanted in {times, self._same.get(file.path)}

    def is_peoples(self, file: wire.File) -> bool:
        """Whether people have made a newer version of a file here."""
        try:
            newer = self.path(file.path).stat().st_mtime_ns > file.mtime
        except OSError:
            return False
        return newer and file.path.startswith(PEOPLE)

    def append(self, name: str, offset: int, data: bytes) -> None:
        """Add to the end of a file, which is ``offset``.

        Raises:
            UnwritableError: the disk is full or gone.
            FarError: it has been changed here.
        """
        path = self.path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                if file.tell() != offset:
                    raise FarError(self._where, f"{path} was changed here. Move it away.")
                file.write(data)
        except OSError as error:
            raise UnwritableError(path, error) from error

    def part(self, file: wire.File) -> Path:
        """Where a version of a file grows; those of its other versions are removed."""
        path = self.path(file.path)
        part = path.with_name(f".{path.name}.{file.size:x}-{file.mtime:x}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for other in path.parent.glob(f".{glob.escape(path.name)}.*-*.part"):
                if other != part:
                    other.unlink(missing_ok=True)
        except OSError as error:
            raise UnwritableError(path, error) from error
        return part

    def keep(self, file: wire.File, part: Path, sha256: str, mtime: int) -> bool:
        """Put a whole version in its place; False, and nothing is left, if it is damaged."""
        path = self.path(file.path)
        try:
            if sum_of(part) != sha256:
                part.unlink(missing_ok=True)
                return False
            os.utime(part, ns=(mtime, mtime))
            part.replace(path)
        except OSError as error:
            raise UnwritableError(path, error) from error
        self._same[file.path] = (file.size, file.mtime)
        return True

    def forget(self, name: str) -> None:
        """A file is no more at the other end."""
        path = self.path(name)
        with suppress(OSError):
            path.unlink(missing_ok=True)
            path.parent.rmdir()

    def under(self, folder: str) -> list[str]:
        """Names of the files below a folder of the run."""
        found = (self.folder / folder).rglob("*")
        names = [path.relative_to(self.folder).as_posix() for path in found if path.is_file()]
        return sorted(name for name in names if wire.is_mirrored(name))

    def settle(self) -> None:
        """Make the disk have the journal."""
        for name in self.under("journal"):
            with suppress(OSError), self.path(name).open("rb") as file:
                os.fsync(file.fileno())


def sum_of(path: Path, length: int | None = None) -> str:
    """SHA-256 of a file, or of its first bytes; empty where there is none."""
    digest, count = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while data := file.read(1 << 20 if length is None else min(1 << 20, length - count)):
                digest.update(data)
                count += len(data)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()
