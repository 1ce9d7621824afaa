"""The files of a sweep's data set, for a machine that has none of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from orchestrator.spec import SweepSpec
from searchspaces.registry import load_object
from trainables.data.catalog import datasets
from trainables.data.errors import MissingDataError
from trainables.data.folder import data_folder
from trainables.data.own.files import existing
from trainables.data.own.source import own_kind
from trainables.data.source import DatasetSource, PartName


@dataclass(frozen=True)
class DataFiles:
    """The files of a data set.

    Attributes:
        files: those here, by their path in the folder of all data sets there.
        own: ``npz``, ``csv`` or ``parquet`` where they are one's own; else empty.
        place: of one's own file or folder, in the folder of all data sets there.
    """

    files: dict[str, Path]
    own: str = ""
    place: str = ""


def data_files(spec: SweepSpec, folder: Path | None = None) -> DataFiles:
    """The files that a sweep reads: not those of the test part, unless its split needs them.

    They are the published ones, not what was parsed from them, without which they would be
    of no use: parsing takes seconds, once.

    Args:
        spec: the sweep.
        folder: of all data sets here; the usual one by default.

    Raises:
        MissingDataError: they were not fetched yet.
        UsageError: there is no such file of one's own.
    """
    if not spec.dataset:
        return DataFiles({})
    if kind := own_kind(spec.dataset):
        return _own(kind, spec.dataset.partition(":")[2])
    source = _source(spec.dataset)
    if source is None or not source.cached or not source.files:
        return DataFiles({})
    parts: tuple[PartName, ...] = ("train", "test") if spec.split == "published" else ("train",)
    names = {file.name for part in parts for file in source.files_of(part)}
    here = (folder or data_folder()) / source.name
    files = {f"{source.name}/{name}": here / name for name in sorted(names)}
    if not all(path.is_file() for path in files.values()):
        raise MissingDataError(spec.dataset, here)
    return DataFiles(files)


def _source(name: str) -> DatasetSource | None:
    """The source of a name; None for a function, whose data are its own affair."""
    if ":" not in name:
        return datasets.get(name)()
    found = load_object(datasets.kind, name, name)
    if isinstance(found, type) and issubclass(found, DatasetSource):
        return found()
    return None


def _own(kind: str, given: str) -> DataFiles:
    """A file of one's own, under a name that says where it lay here."""
    path = existing(kind, given).resolve()
    folder = f"own/{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    place = f"{folder}/{path.name}"
    if path.is_file():
        return DataFiles({place: path}, kind, place)
    files = {f"{place}/{file.name}": file for file in sorted(path.glob("*.parquet"))}
    return DataFiles(files, kind, place)
