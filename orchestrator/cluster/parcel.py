"""What a cluster's head must have to run a sweep: orch, modules of one's own, data.

A parcel is a list of files, each with its checksum and its place below one folder there
(``~/orch``): ``lib/<sha256>/`` for orch, ``work/<checksum of all>/`` for one's own files,
``data/`` for data sets. What is called by its checksum never changes, so nothing is sent twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cluster.copying import sum_of
from orchestrator.cluster.dataset import DataFiles, data_files
from orchestrator.cluster.project import Project, project_of
from orchestrator.cluster.wheel import Wheel, made_wheel
from orchestrator.spec import SweepSpec
from searchspaces.errors import OrchError


@dataclass(frozen=True)
class Item:
    """A file of a parcel.

    Attributes:
        path: there, below the folder of all parcels.
        source: the file here, or its bytes.
        size: bytes.
        sha256: of its bytes.
        mode: of the file there.
        mtime: when it was changed, in nanoseconds; 0 where that is of no interest.
    """

    path: str
    source: Path | bytes
    size: int
    sha256: str
    mode: int = 0o644
    mtime: int = 0

    def read(self, offset: int, length: int) -> bytes:
        """A part of its bytes."""
        if isinstance(self.source, bytes):
            return self.source[offset : offset + length]
        with self.source.open("rb") as file:
            file.seek(offset)
            return file.read(length)


@dataclass(frozen=True)
class Parcel:
    """Everything that a head must have.

    Attributes:
        items: the files.
        wheel: place of orch's wheel there.
        library: folder that it is unpacked in, to be searched for modules first.
        modules: folders that are searched for modules after everything that is installed.
        runs_in: folder that the sweep's commands run in; empty where it has none.
        dataset: what the sweep's data set is called there; empty where it is called as here. It
            begins with ``npz:`` or so, and goes on with a path below the folder of all parcels.
        words: what it holds, in a line for people.
    """

    items: tuple[Item, ...]
    wheel: str
    library: str
    modules: tuple[str, ...]
    runs_in: str
    dataset: str
    words: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(item.size for item in self.items)

    @property
    def manifest(self) -> bytes:
        """What the far side verifies: JSON, the same for the same files."""
        fields = ("path", "size", "sha256", "mode", "mtime")
        items: list[Mapping[str, Any]] = [
            {field: getattr(item, field) for field in fields} for item in self.items
        ]
        wheels = [{"path": self.wheel, "folder": self.library}]
        return json.dumps({"version": 1, "items": items, "wheels": wheels}, sort_keys=True).encode()

    @property
    def listing(self) -> list[str]:
        """Places of the files there, for whoever wants to see what leaves this machine."""
        return [item.path for item in self.items]


def parcel_of(spec: SweepSpec, folder: Path | None = None) -> Parcel:
    """The parcel of a sweep.

    Args:
        spec: the sweep; what it names can be imported here.
        folder: in which it was started; the present one by default.

    Raises:
        ShadowingError: a module of one's own would be taken for a package that orch needs.
        MissingDataError: the data set was not fetched yet.
        UsageError: there is too much of one's own, or a path that only this machine has.
        OrchError: a file cannot be read.
    """
    project, data, wheel = project_of(spec, folder), data_files(spec), made_wheel()
    library = f"lib/{wheel.sha256}"
    place = f"{library}.whl"
    try:
        own, tops = _own_items(project)
        of_data = [_item(f"data/{name}", path, timed=True) for name, path in data.files.items()]
    except OSError as error:
        raise OrchError(f"{error.filename}: cannot be read: {error.strerror}.") from error
    return Parcel(
        items=(Item(place, wheel.content, len(wheel.content), wheel.sha256), *own, *of_data),
        wheel=place,
        library=library,
        modules=tuple(top for top, root in zip(tops, project.roots, strict=True) if root.modules),
        runs_in=tops[project.roots.index(project.runs_in)] if project.runs_in else "",
        dataset=f"{data.own}:data/{data.place}" if data.own else "",
        words=_words(wheel, project, data, spec.dataset, sum(item.size for item in of_data)),
    )


def _own_items(project: Project) -> tuple[list[Item], list[str]]:
    """One's own files, and the place of each root, in a folder named by all they hold."""
    found: list[tuple[int, Item]] = []
    for number, root in enumerate(project.roots):
        for file in root.files:
            found.append((number, _item(file, root.folder / file)))  # noqa: PERF401  # two loops
    told = [(number, item.path, item.sha256, item.mode) for number, item in found]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
    tops = [f"work/{key}/{number}" for number in range(len(project.roots))]
    placed = [
        Item(f"{tops[number]}/{item.path}", item.source, item.size, item.sha256, item.mode)
        for number, item in found
    ]
    return placed, tops


def _item(place: str, path: Path, *, timed: bool = False) -> Item:
    status = path.stat()
    mode = 0o755 if status.st_mode & 0o100 and not timed else 0o644
    mtime = status.st_mtime_ns if timed else 0
    return Item(place, path, status.st_size, sum_of(path), mode, mtime)


def _words(wheel: Wheel, project: Project, data: DataFiles, dataset: str, size: int) -> str:
    said = [f"orch {wheel.version} ({_amount(len(wheel.content))})"]
    count = sum(len(root.files) for root in project.roots)
    if count:
        own = _amount(sum(root.size for root in project.roots))
        said.append(f"{count:,} file{'s' * (count != 1)} of your own ({own})")
    if data.files:
        said.append(f"{dataset} ({_amount(size)})")
    return ", ".join(said)


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
