"""Cross-validation inside the training part: one array, and who validates in which fold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchspaces.facts import DataFacts
from trainables.data.catalog import source_of
from trainables.data.division import folded
from trainables.data.fingerprint import folded_fingerprint
from trainables.data.folder import data_folder
from trainables.data.load import facts_of, published_part
from trainables.data.part import Part, SweepData
from trainables.data.scale import Scale
from trainables.data.source import DatasetSource


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: which series are learnt from and which validate.

    Attributes:
        train: rows of the whole part, (series,), ascending.
        valid: the other rows.
        scale: mean and deviation of ``train``.
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    scale: Scale


@dataclass(frozen=True, eq=False)
class FoldedData:
    """What a sweep in folds may see of a data set: its training part, never the test part.

    Attributes:
        whole: the training part, unnormalised: each fold has statistics of its own.
        folds: two or more; every series validates in one of them.
        facts: features, classes and longest series.
        name: the data set's name.
        split: how the folds were dealt, in words, such as ``group, 5 folds: each of 66
            speakers validates once``.
        labels: class names; ``labels[i]`` names class ``i``.
        warning: why scores are to be taken with care, in a line; empty where they are honest.
        fingerprint: of the series, their labels and groups, and of who is in which fold, in hex.
    """

    whole: Part
    folds: tuple[Fold, ...]
    facts: DataFacts
    name: str
    split: str
    labels: tuple[str, ...]
    warning: str = ""
    fingerprint: str = ""

    def fold(self, index: int) -> SweepData:
        """Training and validation part of one fold, as of a sweep without folds; copies them."""
        fold = self.folds[index]
        return SweepData(
            train=fold.scale.applied(self.whole.take(fold.train)),
            valid=fold.scale.applied(self.whole.take(fold.valid)),
            facts=self.facts,
            name=self.name,
            split=self.split,
            labels=self.labels,
            warning=self.warning,
            fingerprint=self.fingerprint,
        )


AnyData = SweepData | FoldedData
"""What trials train on: one split, or folds."""


def load_folded_data(
    name: str, *, folds: int, seed: int = 0, split: str | None = None
) -> FoldedData:
    """The training part of a data set in folds; the test part is not even opened.

    Args:
        name: as of :func:`trainables.data.load.load_sweep_data`.
        folds: 2 or more.
        seed: 0 or more; chooses who is in which fold.
        split: ``group`` or ``stratified``; None for ``group`` where the data set has groups and
            ``stratified`` where it has none.

    Raises:
        ConfigurationError: the data set has no such split or folds, or too little for so many.
            Else as :func:`trainables.data.load.load_sweep_data`.
    """
    return folded_data(source_of(name), data_folder(), folds=folds, seed=seed, split=split)


def folded_data(
    source: DatasetSource, folder: Path, *, folds: int, seed: int, split: str | None = None
) -> FoldedData:
    """As :func:`load_folded_data`, for a source object and a data folder."""
    whole = published_part(source, folder, "train")
    splits, words, warning = folded(source, whole, folds=folds, seed=seed, split=split)
    return FoldedData(
        whole=whole,
        folds=tuple(
            Fold(each.train, each.valid, Scale.of(whole.take(each.train))) for each in splits
        ),
        facts=facts_of(source, whole),
        name=source.name,
        split=words,
        labels=source.classes,
        warning=warning,
        fingerprint=folded_fingerprint(whole, (each.valid for each in splits)),
    )
