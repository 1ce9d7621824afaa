"""What every parsed part must satisfy, and whether files are as published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from searchspaces.errors import ConfigurationError
from trainables.data.errors import DamagedDataError
from trainables.data.part import Part
from trainables.data.source import DataFile, DatasetSource, PartName


def checked_part(part: Part, source: DatasetSource) -> Part:
    """``part`` itself, if a network can be trained on it.

    Raises:
        ConfigurationError: names the data set and what its parser got wrong.
    """
    problem = _problem(part, len(source.classes))
    if problem:
        raise ConfigurationError(f"{problem}. Mend its parse().", place=f"data set {source.name!r}")
    return part


def _problem(part: Part, classes: int) -> str | None:
    wanted = {"values": "float32", "lengths": "int32", "labels": "int64", "groups": "int64"}
    for name, dtype in wanted.items():
        array = getattr(part, name)
        if array.dtype != dtype:
            return f"{name} are {array.dtype}, not {dtype}"
        if array.ndim != (3 if name == "values" else 1) or len(array) != len(part.lengths):
            return f"{name} have the shape {array.shape}"
    if not part.values.size:
        return "there are no series"
    bad = np.flatnonzero((part.lengths < 1) | (part.lengths > part.values.shape[1]))
    if bad.size:
        return f"series {bad[0]} has a length of {part.lengths[bad[0]]}"
    bad = np.flatnonzero((part.labels < 0) | (part.labels >= classes))
    if bad.size:
        return f"series {bad[0]} has label {part.labels[bad[0]]} of {classes} classes"
    if not np.isfinite(part.values).all():
        return "a value is not finite"
    if part.values[np.arange(part.values.shape[1]) >= part.lengths[:, None]].any():
        return "padding is not 0"
    return None


def sha256_of(file: Path) -> str:
    """Checksum of a file's content, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_file(source: DatasetSource, folder: Path, file: DataFile) -> str:
    """The checksum of ``file``, if its content is as published.

    A file without a published checksum is parsed instead; so is one that differs, since
    the parser can name the place.

    Raises:
        DamagedDataError: the content differs.
    """
    found = sha256_of(folder / file.name)
    if found != file.sha256:
        parts: tuple[PartName, ...] = ("train", "test") if file.part is None else (file.part,)
        for part in parts:
            checked_part(source.parse(folder, part), source)
    if file.sha256 is not None and found != file.sha256:
        raise DamagedDataError(
            folder / file.name,
            f"the file is not as published: sha256 {found[:12]}, not {file.sha256[:12]}",
        )
    return found
