"""From a data set's name to the parts that a sweep or a final training sees."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts
from trainables.data.catalog import source_of
from trainables.data.checks import check_file, checked_part, sha256_of
from trainables.data.division import Division, default_split, divide
from trainables.data.errors import DamagedDataError, MissingDataError
from trainables.data.fingerprint import fingerprint
from trainables.data.folder import data_folder
from trainables.data.part import Part, SweepData
from trainables.data.scale import Scale
from trainables.data.source import DatasetSource, PartName
from trainables.data.tensors import read_part, write_part

_FORMAT = 1


def load_sweep_data(name: str, *, seed: int = 0, split: str | None = None) -> SweepData:
    """Training and validation part of a data set.

    The test part is not even opened, but with the split ``published``, whose validation
    part it is: that split is for comparison with reports.

    Args:
        name: a registered data set, a file of one's own such as ``npz:FILE``, or
            ``module:attribute``.
        seed: 0 or more; chooses what validates.
        split: ``group``, ``stratified`` or ``published``; None for ``group`` where the data
            set has groups and ``stratified`` where it has none.

    Raises:
        UnknownNameError: no such data set, or no such split.
        ConfigurationError: the data set has no such split, or one's own data cannot be used.
        MissingDataError: it was not fetched yet.
        DamagedDataError: a file is not as published.
    """
    return sweep_data(source_of(name), data_folder(), seed=seed, split=split)


def load_test_part(name: str, *, seed: int = 0, split: str | None = None) -> Part:
    """The test part, normalised as :func:`load_sweep_data` normalises with the same arguments.

    For the one look at the end; a sweep never calls it. Under the split ``published`` there
    is none: what would be tested on has been trained or validated on already.

    Raises:
        ConfigurationError: ``split`` is ``published``. Else as :func:`load_sweep_data`.
    """
    source, folder = source_of(name), data_folder()
    division = _divided(source, folder, seed=seed, split=split)
    if division.test_is_seen:
        raise ConfigurationError(
            f"with split published the sweep has seen the test part of {name!r}, so nothing is "
            f"left to test on. Sweep with split {default_split(division.train)}.",
            place="split",
        )
    test = published_part(source, folder, "test")
    return Scale.of(division.train).applied(test.take(np.arange(len(test))))


def sweep_data(
    source: DatasetSource, folder: Path, *, seed: int, split: str | None = None
) -> SweepData:
    """As :func:`load_sweep_data`, for a source object and a data folder."""
    division = _divided(source, folder, seed=seed, split=split)
    scale = Scale.of(division.train)
    return SweepData(
        train=scale.applied(division.train),
        valid=scale.applied(division.valid),
        facts=facts_of(source, division.train, division.valid),
        name=source.name,
        split=division.description,
        labels=source.classes,
        warning=division.warning,
        fingerprint=fingerprint(division.train, division.valid),
    )


def facts_of(source: DatasetSource, *parts: Part) -> DataFacts:
    """Sizes of a data set, by the parts of it that a sweep sees."""
    return DataFacts(
        features=parts[0].values.shape[2],
        classes=len(source.classes),
        steps=max(part.values.shape[1] for part in parts),
        channels=source.channels,
    )


def _divided(source: DatasetSource, folder: Path, *, seed: int, split: str | None) -> Division:
    return divide(
        source,
        published_part(source, folder, "train"),
        lambda: published_part(source, folder, "test"),
        seed=seed,
        split=split,
    )


def published_part(source: DatasetSource, folder: Path, part: PartName) -> Part:
    """One part as its source publishes it, from the cache; parsed first if need be.

    Two processes may call this at once: one parses, the other waits. The cache is made
    anew when the parser's version or a file's content has changed. Where the data folder
    cannot be written, the part is parsed each time.

    Raises:
        MissingDataError: a file of this part is not there.
        DamagedDataError: a file is not as published.
    """
    own = folder / source.name
    if not source.cached:
        return checked_part(source.parse(own, part), source)
    if not all((own / file.name).is_file() for file in source.files_of(part)):
        raise MissingDataError(source.known_as or source.name, own)
    cache = own / "parsed" / f"{part}.safetensors"
    found = _cached(cache, source, own, part)
    if found is not None:
        return found
    lock = FileLock(cache.with_suffix(".lock"))
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:  # a folder that only others may write to; parsing again costs a second
        return _parsed(source, own, part)[0]
    try:
        found = _cached(cache, source, own, part)
        if found is None:
            found, origin = _parsed(source, own, part)
            for abandoned in cache.parent.glob(f".{cache.name}.*.tmp"):
                abandoned.unlink(missing_ok=True)
            with suppress(OSError):  # a full disk costs time, not the sweep
                write_part(cache, found, origin)
        return found
    finally:
        lock.release()


def _cached(cache: Path, source: DatasetSource, own: Path, part: PartName) -> Part | None:
    read = read_part(cache)
    if read is None:
        return None
    found, origin = read
    if (origin.get("format"), origin.get("version")) != (_FORMAT, source.version):
        return None
    known = origin.get("files", {})
    if set(known) != {file.name for file in source.files_of(part)}:
        return None
    for name, stamp in known.items():
        # Size and time answer in microseconds; only a touched or copied file is read again.
        same = _stamp(own / name) == [stamp["size"], stamp["time"]]
        if not same and sha256_of(own / name) != stamp["sha256"]:
            return None
    return found


def _parsed(source: DatasetSource, own: Path, part: PartName) -> tuple[Part, dict[str, Any]]:
    files = {}
    try:
        for file in source.files_of(part):
            size, time = _stamp(own / file.name)  # before reading: a later change must show
            sha256 = check_file(source, own, file) if file.sha256 else sha256_of(own / file.name)
            files[file.name] = {"size": size, "time": time, "sha256": sha256}
        found = checked_part(source.parse(own, part), source)
    except DamagedDataError as error:
        raise error.told(f"Run: orch data fetch {source.known_as or source.name}") from error
    return found, {"format": _FORMAT, "version": source.version, "files": files}


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]
