"""What a person wants to know about a data set before training on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainables.data.catalog import Status, source_of, status_of
from trainables.data.division import cut_words, divide
from trainables.data.download import address
from trainables.data.fingerprint import fingerprint
from trainables.data.folder import data_folder
from trainables.data.load import published_part
from trainables.data.part import Part
from trainables.data.source import DatasetSource


@dataclass(frozen=True)
class PartInfo:
    """Counts of one part.

    Attributes:
        series: number of series.
        steps: shortest, median and longest length, in time steps.
        groups: number of groups; 0 where the data set has none.
        balance: series of each class, in the order of the class names.
    """

    series: int
    steps: tuple[int, float, int]
    groups: int
    balance: tuple[int, ...]


@dataclass(frozen=True)
class DatasetInfo:
    """Everything ``orch data info`` tells.

    Attributes:
        name: the data set.
        summary: what it is, in a line.
        homepage: page that describes it.
        url: where ``orch data fetch`` gets it; empty if embedded.
        status: ``embedded``, ``present``, or one's ``own``.
        folder: where it lies.
        bytes: size of everything there, cache included.
        features: values at each step.
        channels: of images, whose rows are the steps; 0 for series.
        feature_names: of the features; empty where they have none.
        classes: class names.
        group_noun: what a group is, in the plural.
        split: how the validation part is held out, in words.
        warning: why scores are to be taken with care; may be empty.
        cut: what is missing of the published data, in words; empty if nothing is.
        fingerprint: of training and validation part, as a sweep records it.
        parts: ``train``, ``valid`` and ``test``; no ``test`` where the split leaves none.
    """

    name: str
    summary: str
    homepage: str
    url: str
    status: Status
    folder: Path
    bytes: int
    features: int
    channels: int
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    group_noun: str
    split: str
    warning: str
    cut: str
    fingerprint: str
    parts: dict[str, PartInfo]


def info(name: str, *, seed: int = 0, split: str | None = None) -> DatasetInfo:
    """Describe a data set, with the split that ``split`` and ``seed`` give.

    Of the test part only counts and lengths are told.

    Raises:
        UnknownNameError: no such data set, or no such split.
        ConfigurationError: the data set has no such split, or one's own data cannot be used.
        MissingDataError: it was not fetched yet.
        DamagedDataError: a file is not as published.
    """
    return source_info(source_of(name), data_folder(), seed=seed, split=split)


def source_info(
    source: DatasetSource, folder: Path, *, seed: int = 0, split: str | None = None
) -> DatasetInfo:
    """As :func:`info`, for a source object and a data folder."""
    train = published_part(source, folder, "train")
    test = published_part(source, folder, "test")
    division = divide(source, train, lambda: test, seed=seed, split=split)
    path = source.place(folder)
    parts = {"train": division.train, "valid": division.valid}
    if not division.test_is_seen:
        parts["test"] = test
    published = source.published_series
    cut = {
        "train": cut_words(len(train), published.get("train", 0)),
        "test": cut_words(len(test), published.get("test", 0)),
    }
    return DatasetInfo(
        name=source.name,
        summary=source.summary,
        homepage=source.homepage,
        url=address(source),
        status=status_of(source, folder),
        folder=path,
        bytes=_size(path),
        features=train.values.shape[2],
        channels=source.channels,
        feature_names=source.feature_names,
        classes=source.classes,
        group_noun=source.group_noun,
        split=division.description,
        warning=division.warning,
        cut=" and ".join(f"{words} {part} series" for part, words in cut.items() if words),
        fingerprint=fingerprint(division.train, division.valid),
        parts={name: _counts(part, len(source.classes)) for name, part in parts.items()},
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of everything in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _counts(part: Part, classes: int) -> PartInfo:
    lengths = part.lengths
    return PartInfo(
        series=len(part),
        steps=(int(lengths.min()), float(np.median(lengths)), int(lengths.max())),
        groups=len(np.unique(part.groups[part.groups >= 0])),
        balance=tuple(np.bincount(part.labels, minlength=classes).tolist()),
    )
