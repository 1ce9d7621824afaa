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
from urllib.parse import unquote_plus, urlsplit

from filelock import FileLock

from searchspaces.errors import ConfigurationError, OrchError, UsageError
from trainables.data.archive import copy_capped, extract, holds
from trainables.data.catalog import source_of, status_of
from trainables.data.checks import check_file, sha256_of
from trainables.data.errors import DamagedDataError, DownloadError
from trainables.data.folder import data_folder, shown
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
        seconds: time to parse them, or to read the cache where they were parsed before.
    """

    name: str
    outcome: Literal["fetched", "present", "embedded"]
    folder: Path
    origin: str
    bytes: int
    series: tuple[int, int]
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
        UsageError: ``given`` does not exist or holds no such files, or the data set has no address.
        DamagedDataError: the files are not as published. What was there before stays.
        DownloadError: the address cannot be reached.
    """
    return fetch_source(source_of(name), data_folder(), given=given, progress=progress)


def fetch_source(
    source: DatasetSource, folder: Path, *, given: Path | None = None, progress: bool = False
) -> Fetched:
    """As :func:`fetch`, for a source object and a data folder."""
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
    return Fetched(source.name, outcome, own, origin, size, series, seconds)


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
            archive = _downloaded(source, Path(work), progress=progress)
            origin, way_out = source.url, f"Try again, or see {source.homepage}"
        else:
            archive = given.expanduser().absolute()
            origin, way_out = str(archive), "Give it as its source publishes it"
        try:
            named = _gather(source, archive, new)
        except DamagedDataError as error:
            raise error.told(f"{way_out}.") from error
        for file in source.files:
            try:
                check_file(source, new, file)
            except DamagedDataError as error:
                place = named[file.name] if given is not None else Path(file.name)
                raise error.told(f"{way_out}.", file=place) from error
        for file in source.files:
            (new / file.name).replace(own / file.name)
    return origin


def _gather(source: DatasetSource, given: Path, into: Path) -> dict[str, Path]:
    """Copy the files from ``given`` to ``into``; returns where each was, for messages."""
    names = [file.name for file in source.files]
    listed = " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} others"
    if not given.exists():
        raise UsageError(f"no such file or folder: {shown(given)}")
    if given.is_file() and given.name not in names:
        if not holds(given, source.files[:1]):
            raise DamagedDataError(given, f"is no zip that holds {names[0]}")
        extract(given, source.files, into)
        return {name: given / name for name in names}
    beside = given if given.is_dir() else given.parent
    missing = [name for name in names if not (beside / name).is_file()]
    if missing:
        zips = [path for path in sorted(beside.glob("*.zip")) if holds(path, source.files)]
        if len(zips) == 1 and given.is_dir():
            return _gather(source, zips[0], into)
        raise UsageError(
            f"{shown(beside)} has no {missing[0]}. Give a folder with {listed}, or a zip of them."
        )
    for file in source.files:
        with (beside / file.name).open("rb") as stream:
            copy_capped(stream, into / file.name, file, origin=beside / file.name)
    return {name: beside / name for name in names}


def _downloaded(source: DatasetSource, work: Path, *, progress: bool) -> Path:
    if not source.url:
        raise UsageError(
            f"{source.name!r} has no address to download from. "
            f"Run: orch data fetch {source.known_as or source.name} --from FILE"
        )
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # it would announce the address and the checksum
    name = Path(unquote_plus(urlsplit(source.url).path)).name or "download"
    try:
        # No checksum of the archive: sources pack the same files anew; the files are checked.
        # An archive under way lies in our work folder, so nothing of it counts as present.
        found = pooch.retrieve(
            source.url,
            known_hash=None,
            fname=name,
            path=work / "download",
            downloader=pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=30),
        )
    except requests.exceptions.RequestException as error:
        raise DownloadError(source.known_as or source.name, source.url, _reason(error)) from error
    return Path(found)


def _reason(error: Exception) -> str:
    import requests.exceptions as known

    if isinstance(error, known.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, known.Timeout):
        return "no answer within 30 s"
    if isinstance(error, known.ConnectionError):
        return "no connection"
    if isinstance(error, known.ChunkedEncodingError):
        return "the connection broke half-way"
    return " ".join(str(error).split())
