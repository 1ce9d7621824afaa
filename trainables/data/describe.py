"""What a person wants to know about a data set before training on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainables.data.catalog import Status, source_of, status_of
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
        status: ``embedded`` or ``present``.
        folder: where it lies.
        bytes: size of everything there, cache included.
        features: values at each step.
        classes: class names.
        group_noun: what a group is, in the plural.
        split: how the validation part is held out, in words.
        parts: ``train``, ``valid`` and ``test``.
    """

    name: str
    summary: str
    homepage: str
    url: str
    status: Status
    folder: Path
    bytes: int
    features: int
    classes: tuple[str, ...]
    group_noun: str
    split: str
    parts: dict[str, PartInfo]


def info(name: str, *, seed: int = 0) -> DatasetInfo:
    """Describe a data set, with the split that ``seed`` gives.

    Of the test part only counts and lengths are told.

    Raises:
        UnknownNameError: no such data set.
        MissingDataError: it was not fetched yet.
        DamagedDataError: a file is not as published.
    """
    return source_info(source_of(name), data_folder(), seed=seed)


def source_info(source: DatasetSource, folder: Path, *, seed: int = 0) -> DatasetInfo:
    """As :func:`info`, for a source object and a data folder."""
    published = published_part(source, folder, "train")
    test = published_part(source, folder, "test")
    split = source.split(published, seed)
    own = folder / source.name
    parts = {"train": published.take(split.train), "valid": published.take(split.valid)}
    return DatasetInfo(
        name=source.name,
        summary=source.summary,
        homepage=source.homepage,
        url=source.url,
        status=status_of(source, folder),
        folder=own,
        bytes=sum(path.stat().st_size for path in own.rglob("*") if path.is_file()),
        features=published.values.shape[2],
        classes=source.classes,
        group_noun=source.group_noun,
        split=split.description,
        parts={
            part: _counts(values, len(source.classes))
            for part, values in {**parts, "test": test}.items()
        },
    )


def _counts(part: Part, classes: int) -> PartInfo:
    lengths = part.lengths
    return PartInfo(
        series=len(part),
        steps=(int(lengths.min()), float(np.median(lengths)), int(lengths.max())),
        groups=len(np.unique(part.groups[part.groups >= 0])),
        balance=tuple(np.bincount(part.labels, minlength=classes).tolist()),
    )
