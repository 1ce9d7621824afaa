"""One part of a data set: padded series with their lengths, labels and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchspaces.facts import DataFacts


@dataclass(frozen=True, eq=False)
class Part:
    """Labelled series of different lengths, padded with zeros to the longest.

    Attributes:
        values: float32, (series, steps, features); exactly 0 from a series' length on.
        lengths: int32, (series,); valid steps of each series, at least 1.
        labels: int64, (series,); index into the data set's class names.
        groups: int64, (series,); who the series comes from (speaker, user), -1 where unknown.
    """

    values: NDArray[np.float32]
    lengths: NDArray[np.int32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.intp]) -> Part:
        """The series at ``rows``, in that order, as a copy of equal padding."""
        return Part(
            values=np.asarray(self.values[rows]),
            lengths=np.asarray(self.lengths[rows]),
            labels=np.asarray(self.labels[rows]),
            groups=np.asarray(self.groups[rows]),
        )

    def joined(self, other: Part) -> Part:
        """This part's series, then those of ``other``, padded to the longest of both."""
        steps = max(self.values.shape[1], other.values.shape[1])
        values = np.zeros((len(self) + len(other), steps, self.values.shape[2]), dtype=np.float32)
        values[: len(self), : self.values.shape[1]] = self.values
        values[len(self) :, : other.values.shape[1]] = other.values
        return Part(
            values=values,
            lengths=np.concatenate([self.lengths, other.lengths]),
            labels=np.concatenate([self.labels, other.labels]),
            groups=np.concatenate([self.groups, other.groups]),
        )

    @staticmethod
    def from_series(
        series: Sequence[NDArray[np.floating]],
        labels: Sequence[int] | NDArray[np.integer],
        groups: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> Part:
        """Pad ``series``, each (steps, features) of its own length, into one part.

        Args:
            series: at least one array; all with the same number of features.
            labels: (series,) class indices.
            groups: (series,) speakers or users; None where there are none.
        """
        lengths = np.array([len(one) for one in series], dtype=np.int32)
        features = series[0].shape[1]
        values = np.zeros((len(series), int(lengths.max()), features), dtype=np.float32)
        for row, one in enumerate(series):
            values[row, : len(one)] = one
        known = np.full(len(series), -1) if groups is None else np.asarray(groups)
        return Part(
            values=values,
            lengths=lengths,
            labels=np.asarray(labels).astype(np.int64),
            groups=known.astype(np.int64),
        )


@dataclass(frozen=True, eq=False)
class SweepData:
    """What a sweep may see of a data set: a training and a validation part, never the test part.

    Attributes:
        train: normalised with its own mean and standard deviation.
        valid: normalised with those of ``train``.
        facts: features, classes and longest series.
        name: the data set's name.
        split: how ``valid`` was held out, in words.
        labels: class names; ``labels[i]`` names class ``i``.
        warning: why scores are to be taken with care, in a line; empty where they are honest.
        fingerprint: of the series, their labels and groups, and which of them validate, in
            hex; equal on every machine, so a sweep that is resumed knows changed data.
    """

    train: Part
    valid: Part
    facts: DataFacts
    name: str
    split: str
    labels: tuple[str, ...]
    warning: str = ""
    fingerprint: str = ""
