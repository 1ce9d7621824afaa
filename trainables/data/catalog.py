"""Which data sets there are, and which of them lie on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from searchspaces.registry import Registry
from trainables.data.folder import data_folder
from trainables.data.source import DatasetSource

Status = Literal["embedded", "present", "fetchable"]

datasets: Registry[DatasetSource] = Registry(
    "data set",
    package="trainables.data.sources",
    group="orch.datasets",
    base="trainables.data.source:DatasetSource",
)


@dataclass(frozen=True)
class Listing:
    """A row of ``orch data list``.

    Attributes:
        name: the data set.
        status: ``embedded`` in a library, ``present`` here, or ``fetchable``.
        classes: number of classes.
        summary: what it is, in a line.
        homepage: page that describes it.
    """

    name: str
    status: Status
    classes: int
    summary: str
    homepage: str


def source_of(name: str) -> DatasetSource:
    """The source of a registered name, or of ``module:attribute``.

    Raises:
        UnknownNameError: no such data set; lists the known ones, nearest first.
    """
    source = datasets.get(name)()
    source.known_as = name
    return source


def status_of(source: DatasetSource, folder: Path) -> Status:
    """Whether ``source`` can be loaded from ``folder`` at once."""
    if not source.files:
        return "embedded"
    own = folder / source.name
    return "present" if all((own / file.name).is_file() for file in source.files) else "fetchable"


def listings() -> list[Listing]:
    """Every data set in alphabetical order; a plug-in that does not load is warned of."""
    folder = data_folder()
    rows = []
    for name, member in datasets.members().items():
        source = member()
        rows.append(
            Listing(
                name=name,
                status=status_of(source, folder),
                classes=len(source.classes),
                summary=source.summary,
                homepage=source.homepage,
            )
        )
    return rows
