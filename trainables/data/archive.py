"""Take the wanted files out of a zip, and nothing else, and nowhere else; or read them in it."""

from __future__ import annotations

import errno
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from trainables.data.errors import DamagedDataError
from trainables.data.source import DataFile

_CHUNK = 1 << 20
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted; its subclass NotImplementedError: an unknown compression
)


def holds(archive: Path, files: Sequence[DataFile]) -> bool:
    """Whether ``archive`` is a zip with a member for each of ``files``."""
    try:
        with zipfile.ZipFile(archive) as opened:
            inside = {_plain_name(member) for member in opened.infolist()}
    except (OSError, *BROKEN_ZIP):
        return False
    return all(inside & set(file.names) for file in files)


def has_members(archive: Path, file: DataFile) -> bool:
    """Whether ``archive`` is a zip with any of the ``members`` of ``file``."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return any(_inside(member, file.members) for member in opened.infolist())
    except (OSError, *BROKEN_ZIP):
        return False


def extract(archive: Path, files: Sequence[DataFile], into: Path) -> None:
    """Write each of ``files`` from ``archive`` into the folder ``into``.

    The path inside the archive chooses only what is read: each file is written to
    ``into / file.name``, so no member can land elsewhere. Other members are not touched.

    Raises:
        DamagedDataError: no zip, a wanted member is missing, double, a link, on a path that
            leaves the archive, encrypted, damaged or larger than ``max_bytes``.
    """
    with _opened(archive) as opened:
        for file in files:
            member = _member(opened, archive, file)
            with opened.open(member) as stream:
                copy_capped(stream, into / file.name, file, origin=archive / file.name)


def read_members(archive: Path, file: DataFile) -> Iterator[tuple[re.Match[str], bytes]]:
    """The end of each path in ``archive`` that matches ``file.members``, sorted, with its content.

    Nothing is written. Other members are not touched.

    Raises:
        DamagedDataError: no zip; a wanted member is damaged, encrypted or double, or all of
            them together are larger than ``max_bytes``.
    """
    with _opened(archive) as opened:
        found: dict[str, tuple[re.Match[str], zipfile.ZipInfo]] = {}
        for member in opened.infolist():
            match = _inside(member, file.members)
            if match is None:
                continue
            if match[0] in found:
                raise DamagedDataError(archive, f"{match[0]} is in the zip twice")
            found[match[0]] = (match, member)
        room = file.max_bytes
        for _, (match, member) in sorted(found.items()):
            with opened.open(member) as stream:
                content = stream.read(room + 1)  # a zip's header may claim any size
            room -= len(content)
            if room < 0:
                raise DamagedDataError(archive, f"holds more than {file.max_bytes:,} bytes")
            yield match, content


def copy_capped(stream: IO[bytes], target: Path, file: DataFile, *, origin: Path) -> None:
    """Copy ``stream`` to ``target``, and stop at the file's ``max_bytes``.

    Raises:
        DamagedDataError: there is more; names ``origin``.
    """
    written = 0
    with target.open("xb") as output:
        while chunk := stream.read(_CHUNK):  # counted, since a zip's header may claim any size
            written += len(chunk)
            if written > file.max_bytes:
                raise DamagedDataError(origin, f"is larger than {file.max_bytes:,} bytes")
            output.write(chunk)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except BROKEN_ZIP as error:
        raise DamagedDataError(archive, f"the zip cannot be read: {error}") from error
    except OSError as error:
        if error.errno not in {None, errno.EINVAL}:  # those come from offsets that are nonsense
            raise
        raise DamagedDataError(archive, "the zip cannot be read: it is damaged") from error


def _member(opened: zipfile.ZipFile, archive: Path, file: DataFile) -> zipfile.ZipInfo:
    found = [member for member in opened.infolist() if _plain_name(member) in file.names]
    if len(found) != 1:
        many = "is not in the zip" if not found else f"is in the zip {len(found)} times"
        raise DamagedDataError(archive, f"{file.name} {many}")
    member = found[0]
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise DamagedDataError(archive, f"{member.filename!r} leads out of the archive")
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise DamagedDataError(archive, f"{member.filename!r} is a link, not a file")
    return member


def _plain_name(member: zipfile.ZipInfo) -> str:
    return "" if member.is_dir() else PurePosixPath(member.filename.replace("\\", "/")).name


def _inside(member: zipfile.ZipInfo, pattern: str) -> re.Match[str] | None:
    """The end of the member's path that matches, from the start of a folder's name on."""
    path = "" if member.is_dir() else member.filename.replace("\\", "/")
    return re.search(rf"(?:(?<=/)|^){pattern}\Z", path)
