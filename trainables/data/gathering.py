"""Find the files of a data set in what a person gave: a zip, a folder, or one of the files."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from searchspaces.errors import UsageError
from trainables.data.archive import copy_capped, extract, has_members, holds
from trainables.data.errors import DamagedDataError
from trainables.data.folder import shown
from trainables.data.source import DataFile, DatasetSource


def gather(source: DatasetSource, given: Path, into: Path) -> dict[str, Path]:
    """Copy the files of ``source`` from ``given`` to ``into``, under their own names.

    Args:
        source: the data set.
        given: its archive, one of its files with the others beside it, or a folder with
            either; of an archive that is kept as it is also the folder it unpacks to.
        into: an empty folder.

    Returns:
        Where each file was found, for messages.

    Raises:
        UsageError: ``given`` does not exist, or a file is not there.
        DamagedDataError: it is no archive, or one that cannot be read.
    """
    if not given.exists():
        raise UsageError(f"no such file or folder: {shown(given)}")
    kept = [file for file in source.files if file.members]
    if kept:
        (file,) = source.files
        return {file.name: _kept(file, given, into)}
    known = {name for file in source.files for name in file.names}
    if given.is_file() and given.name not in known:
        if not holds(given, source.files[:1]):
            raise DamagedDataError(given, f"is no zip that holds {source.files[0].name}")
        extract(given, source.files, into)
        return {file.name: given / file.name for file in source.files}
    return _from_folder(source, given if given.is_dir() else given.parent, given, into)


def _from_folder(source: DatasetSource, folder: Path, given: Path, into: Path) -> dict[str, Path]:
    found = {}
    for file in source.files:
        there = [folder / name for name in file.names if (folder / name).is_file()]
        if there:
            found[file.name] = there[0]
            continue
        zips = [path for path in sorted(folder.glob("*.zip")) if holds(path, source.files)]
        if len(zips) == 1 and given.is_dir():
            return gather(source, zips[0], into)
        raise UsageError(
            f"{shown(folder)} has no {file.name}. "
            f"Give a folder with {_listed(source)}, or a zip of them."
        )
    for file in source.files:
        _copy(found[file.name], file, into)
    return found


def _kept(file: DataFile, given: Path, into: Path) -> Path:
    """An archive that is parsed in place: copied, or packed from the folder it unpacks to."""
    if given.is_file():
        if not has_members(given, file):
            raise DamagedDataError(given, f"is no zip with files such as {file.name} holds")
        return _copy(given, file, into)
    zips = [path for path in sorted(given.glob("*.zip")) if has_members(path, file)]
    named = [path for path in zips if path.name == file.name]
    if named or len(zips) == 1:
        return _copy((named or zips)[0], file, into)
    pattern = re.compile(rf"(?:.*/)?{file.members}")
    paths = [
        path
        for path in sorted(given.rglob("*"))
        if pattern.fullmatch(path.as_posix()) and path.is_file()
    ]
    if not paths:
        raise UsageError(f"{shown(given)} holds neither {file.name} nor what it unpacks to.")
    target = into / file.name
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
        for path in paths:
            made.write(path, path.relative_to(given.parent).as_posix())
    return given


def _copy(found: Path, file: DataFile, into: Path) -> Path:
    with found.open("rb") as stream:
        copy_capped(stream, into / file.name, file, origin=found)
    return found


def _listed(source: DatasetSource) -> str:
    names = [file.name for file in source.files]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others"
