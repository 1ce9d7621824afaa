"""Run folders as the far side of a mirror sees them: listed, read and summed, never followed out.

Nothing but Python's own is imported: the far side has to answer at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from orchestrator.cluster import wire

LOCK = "owner.lock"
BUSY_BYTES = 1 << 26
"""After so many bytes of a checksum a sign of life goes out."""
ASK_SECONDS = 5.0
"""Between two attempts at a lock of which the system's list says nothing."""
_asked: dict[Path, tuple[float, bool]] = {}
_ORDER = {"spec.yaml": 0, "journal": 1}


class GoneError(Exception):
    """There is no such file."""


class RefusedError(Exception):
    """What nobody has a right to; says what in one line."""


def runs_in(runs: Path) -> list[str]:
    """Ids of the runs in a folder, sorted."""
    return sorted(
        path.name
        for path in runs.iterdir()
        if wire.is_run(path.name) and (path / "spec.yaml").is_file()
    )


def run_folder(runs: Path, run: str) -> Path:
    """The folder of a run; need not exist.

    Raises:
        RefusedError: it would lie elsewhere.
    """
    if not wire.is_run(run):
        raise RefusedError(f"{run!r} is no run's id")
    return _confined(runs, runs / run)


def _confined(folder: Path, path: Path) -> Path:
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(folder):
        raise RefusedError(f"{path.name!r} lies outside {folder}")
    return real


def _file(run: Path, path: str) -> Path:
    if not wire.is_mirrored(path):
        raise RefusedError(f"{path!r} is no file to be fetched")
    return _confined(run, run / path)


def live(run: Path) -> list[wire.File]:
    """What changes while a sweep runs: files at the top, the journal, figures.

    The names come before the sizes: where there is a next segment, this one is complete.
    """
    names = [name for folder in ("", "journal", "figures") for name in _names(run, folder)]
    return _files(run, names)


def everything(run: Path) -> list[wire.File]:
    """All files of a run."""
    names: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        names += _names(run, folder)
        folders += _names(run, folder, folders=True)
    return _files(run, names)


def _names(run: Path, folder: str, *, folders: bool = False) -> list[str]:
    """Paths of the files, or the folders, in a folder of a run; links are neither."""
    found = []
    with suppress(OSError), os.scandir(run / folder) as entries:
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            wanted = entry.is_dir if folders else entry.is_file
            if wanted(follow_symlinks=False) and wire.is_mirrored(path):
                found.append(path)
    return found


def _files(run: Path, names: list[str]) -> list[wire.File]:
    def place(path: str) -> tuple[int, str]:
        return _ORDER.get(path.partition("/")[0], 2), path

    found = []
    for path in sorted(names, key=place):
        with suppress(OSError):
            status = os.lstat(run / path)
            found.append(wire.File(path, status.st_size, status.st_mtime_ns))
    return found


def token_of(files: list[wire.File], *, exists: bool, alive: bool) -> str:
    """Another text for another state; a log that trackers write is no news by itself."""
    told = [(file.path, file.size, file.mtime) for file in files if file.path != "tracking.log"]
    return f"{zlib.crc32(repr(told).encode()):08x}{len(told):x}{exists:d}{alive:d}"


def free(runs: Path) -> int:
    """Bytes left on the disk."""
    return shutil.disk_usage(runs).free


def reading(run: Path, request: wire.Read) -> Iterator[tuple[wire.Bytes, bytes]]:
    """A part of a file, piece by piece.

    Raises:
        GoneError: there is none.
        RefusedError: it is none of this run.
    """
    with _opened(_file(run, request.path)) as file:
        status = os.fstat(file.fileno())
        left = max(0, min(request.length, status.st_size - request.offset))
        file.seek(request.offset)
        while True:
            data = file.read(min(left, wire.CHUNK))
            left -= len(data)
            if left <= 0 or not data:
                break
            yield wire.Bytes(status.st_size, status.st_mtime_ns, last=False), data
        sha256 = ""
        if request.checked:
            file.seek(0)
            for found in _digest(file, None):
                if found.done:
                    sha256 = found.sha256
                else:
                    yield wire.Bytes(status.st_size, status.st_mtime_ns, last=False), b""
        yield wire.Bytes(status.st_size, status.st_mtime_ns, last=True, sha256=sha256), data


def summing(run: Path, path: str, length: int | None) -> Iterator[wire.Sum]:
    """The checksum of a file, or of its first ``length`` bytes; the last is the answer.

    Raises:
        RefusedError: it is none of this run.
    """
    try:
        with _opened(_file(run, path)) as file:
            yield from _digest(file, length)
    except GoneError:
        yield wire.Sum()


def _digest(file: BinaryIO, length: int | None) -> Iterator[wire.Sum]:
    """The checksum of what follows in a file, after a sign of life now and then."""
    digest, count = hashlib.sha256(), 0
    while data := file.read(1 << 20 if length is None else min(1 << 20, length - count)):
        digest.update(data)
        count += len(data)
        if count % BUSY_BYTES == 0:
            yield wire.Sum(done=False)
    yield wire.Sum(digest.hexdigest(), count)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise GoneError from error


def deliver(run: Path, name: str, content: bytes) -> None:
    """Put a letter into the inbox, once, however often and from how many ends it comes.

    The letter and a receipt are two names of one file. Where both the receipt and the
    half-written name are there, the letter was not put in yet; where only the receipt is, it was.

    Raises:
        RefusedError: it is none.
    """
    import fcntl

    if not wire.is_letter(name) or len(content) > 1 << 20:
        raise RefusedError(f"{name!r} is no letter")
    inbox = run / "inbox"
    inbox.mkdir(exist_ok=True)
    receipt, part = inbox / f".{name}.receipt", inbox / f".{name}.part"
    with (inbox / ".letters.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not receipt.exists():
            part.unlink(missing_ok=True)
            part.write_bytes(content)
            receipt.hardlink_to(part)
        with suppress(FileNotFoundError):
            part.rename(inbox / f"{name}.json")


def is_owned(run: Path) -> bool:
    """Whether a process has the run's lock.

    The system's list of locks says so without a touch. What is not in it may still be locked,
    as where file systems lie over each other: only then, and seldom, it is tried whether the
    lock could be had, in a way in which other lookers do not meet.
    """
    path = run / LOCK
    try:
        status = path.stat()
    except OSError:
        return False
    if _listed(status):
        return True
    asked, owned = _asked.get(path, (-ASK_SECONDS, False))
    now = time.monotonic()
    if now - asked >= ASK_SECONDS:
        owned = _refused(path)
        _asked[path] = now, owned
    return owned


def _listed(status: os.stat_result) -> bool:
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        with open("/proc/locks", encoding="ascii") as locks:  # noqa: PTH123  # no Path for a name of the system's
            return any(device in line.split() for line in locks)
    except OSError:
        return False


def _refused(path: Path) -> bool:
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
