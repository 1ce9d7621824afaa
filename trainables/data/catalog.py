"""Which data sets there are, and which of them lie on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from searchspaces.errors import ConfigurationError, UsageError, did_you_mean
from searchspaces.registry import Registry, load_object
from trainables.data.folder import data_folder
from trainables.data.own.files import KINDS
from trainables.data.own.source import check_own_file, own_file, own_function, own_kind
from trainables.data.source import DatasetSource

Status = Literal["embedded", "present", "fetchable", "own"]

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
        status: ``embedded`` in a library, ``present`` here, ``fetchable``, or one's ``own``.
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
    """The source of a registered name, of a file of one's own, or of ``module:attribute``.

    The attribute is a :class:`DatasetSource`, or a function that returns data. Data of one's
    own are read here.

    Raises:
        UnknownNameError: no such data set; lists the known ones, nearest first.
        UsageError: no such file.
        ConfigurationError: one's own data cannot be read or cannot be used.
    """
    if own_kind(name):
        return own_file(name)
    member = _member(name)
    if isinstance(member, type) and issubclass(member, DatasetSource):
        source = member()
        source.known_as = name
        return source
    return own_function(name, member)


def check_dataset_name(name: str) -> None:
    """Raise where :func:`source_of` would for a wrong name; reads no data.

    Raises:
        UnknownNameError: no such data set.
        UsageError: no such file.
        ConfigurationError: ``module:attribute`` cannot be imported, or is of another kind.
    """
    if own_kind(name):
        check_own_file(name)
    else:
        _member(name)


def _member(name: str) -> type[DatasetSource] | Callable[[], Any]:
    if name in datasets.names():
        return datasets.get(name)
    if ":" not in name:
        kind = Path(name).suffix.lstrip(".").lower()
        if kind in KINDS:
            raise UsageError(f"unknown data set {name!r}. Write {kind}:{name} for the file.")
        return datasets.get(name)
    try:
        found = load_object(datasets.kind, name, name)
    except ConfigurationError as error:
        kind, _, file = name.partition(":")
        close = did_you_mean(kind.lower(), KINDS)
        if close is None or not Path(file).suffix:
            raise
        meant = f"{close}:{file}"
        raise UsageError(f"unknown data set {name!r}. Did you mean {meant!r}?") from error
    if not callable(found):
        raise ConfigurationError(
            f"data set {name!r} is neither a DatasetSource nor a function that returns data"
        )
    if isinstance(found, type) and not issubclass(found, DatasetSource):
        raise ConfigurationError(f"data set {name!r} is no subclass of DatasetSource")
    return found


def status_of(source: DatasetSource, folder: Path) -> Status:
    """Whether ``source`` can be loaded from ``folder`` at once."""
    if not source.cached:
        return "own"
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
