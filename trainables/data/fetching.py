"""Bring a data set to this machine: from its source, or from a file or folder at hand.

Files are gathered and checked in a folder of their own beside the target and then renamed,
one by one, so whatever kills a fetch, only whole and checked files ever have their names.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from searchspaces.errors import ConfigurationError, OrchError, UsageError
from trainables.data.catalog import source_of, status_of
from trainables.data.checks import check_file, sha256_of
from trainables.data.download import address, downloaded
from trainables.data.errors import DamagedDataError
from trainables.data.folder import data_folder, shown
from trainables.data.gathering import gather
from trainables.data.load import published_part
from trainables.data.source import DatasetSource

_LEFTOVER = ".fetch-"


@dataclass(frozen=True)
class Fetched:
    """What a fetch did.

    Attributes:
        name: the data set.
        outcome: ``fetched`` now, ``present`` already, or ``embedded`` in a library.
        folder: where it lies.
        origin: the address, file or folder it came from; empty unless fetched.
        bytes: size of its files.
        series: number of series in the published training and test part.
        published: how many its source publishes in both, where the files may be cut; else 0.
        seconds: time to parse them, or to read the cache where they were parsed before.
    """

    name: str
    outcome: Literal["fetched", "present", "embedded"]
    folder: Path
    origin: str
    bytes: int
    series: tuple[int, int]
    published: tuple[int, int]
    seconds: float


def fetch(name: str, *, given: Path | None = None, progress: bool = False) -> Fetched:
    """Fetch a data set by name and parse it; nothing is done twice.

    Args:
        name: a registered data set, or ``module:attribute``.
        given: the source's archive, one of its files, or a folder with either; then no
            network is used and files that are already there are replaced.
        progress: draw a progress bar on standard error.

    Raises:
        UnknownNameError: no such data set.
        UsageError: ``given`` does not exist or holds no such files, the data set has no address,
            or it is one's own.
        DamagedDataError: the files are not as published. What was there before stays.
        DownloadError: the address cannot be reached.
    """
    return fetch_source(source_of(name), data_folder(), given=given, progress=progress)


def fetch_source(
    source: DatasetSource, folder: Path, *, given: Path | None = None, progress: bool = False
) -> Fetched:
    """As :func:`fetch`, for a source object and a data folder."""
    if not source.cached:
        raise UsageError(
            f"{source.name!r} is data of your own, read where it lies. "
            f"Run: orch data info {source.name}"
        )
    own = folder / source.name
    origin = ""
    outcome: Literal["fetched", "present", "embedded"] = "embedded"
    if source.files:
        with _locked(own):
            outcome = "present"
            if given is not None or not _is_whole(source, folder):
                outcome = "fetched"
                try:
                    origin = _fetched(source, own, given, progress=progress)
                except OSError as error:
                    place = shown(Path(error.filename or own))
                    problem = error.strerror or str(error)
                    raise OrchError(f"cannot fetch {source.name!r}: {place}: {problem}") from error
    started = time.perf_counter()
    series = (
        len(published_part(source, folder, "train")),
        len(published_part(source, folder, "test")),
    )
    seconds = time.perf_counter() - started
    size = sum((own / file.name).stat().st_size for file in source.files)
    whole = source.published_series
    published = (whole.get("train", 0), whole.get("test", 0))
    return Fetched(source.name, outcome, own, origin, size, series, published, seconds)


@contextmanager
def _locked(own: Path) -> Iterator[None]:
    """Two fetches of one data set follow each other."""
    lock = FileLock(own / ".lock")
    try:
        own.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written: {error.strerror}. Set ORCH_DATA to a folder of yours.",
            place=shown(own),
        ) from error
    try:
        yield
    finally:
        lock.release()


def _is_whole(source: DatasetSource, folder: Path) -> bool:
    if status_of(source, folder) != "present":
        return False
    own = folder / source.name
    return all(file.sha256 in {None, sha256_of(own / file.name)} for file in source.files)


def _fetched(source: DatasetSource, own: Path, given: Path | None, *, progress: bool) -> str:
    for leftover in own.glob(f"{_LEFTOVER}*"):  # of a fetch that was killed; we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=own, prefix=_LEFTOVER) as work:
        new = Path(work) / "new"
        new.mkdir()
        if given is None:
            archive = downloaded(source, Path(work), progress=progress)
            origin, way_out = address(source), f"Try again, or see {source.homepage}"
        else:
            archive = given.expanduser().absolute()
            origin, way_out = str(archive), "Give it as its source publishes it"
        try:
            named = gather(source, archive, new)
        except DamagedDataError as error:
            raise error.told(f"{way_out}.") from error
        for file in source.files:
            try:
                check_file(source, new, file)
            except DamagedDataError as error:
                if given is None:
                    named = {name: Path(name) for name in named}
                raise error.told(f"{way_out}.", file=_place(error.file, new, named)) from error
        for file in source.files:
            (new / file.name).replace(own / file.name)
    return origin


def _place(file: Path, new: Path, named: dict[str, Path]) -> Path:
    """What the person calls ``file``, one of those in ``new`` or inside one of them."""
    if not file.is_relative_to(new):
        return file
    name, *inside = file.relative_to(new).parts
    return named[name].joinpath(*inside)
