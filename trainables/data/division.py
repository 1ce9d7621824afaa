"""Splits by name: which series train and which validate, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from searchspaces.errors import ConfigurationError, UnknownNameError
from trainables.data.part import Part
from trainables.data.source import DatasetSource
from trainables.data.split import Split, deal, hold_out

SplitName = Literal["group", "stratified", "published"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


@dataclass(frozen=True, eq=False)
class Division:
    """A data set divided for a sweep, unnormalised.

    Attributes:
        train: to learn from.
        valid: to score on.
        name: of the split.
        description: the split in words, such as ``group: 13 of 66 speakers held out``.
        warning: why its scores are optimistic, in a line; empty where they are not.
        test_is_seen: series of the test part are among ``train`` or ``valid``.
    """

    train: Part
    valid: Part
    name: SplitName
    description: str
    warning: str = ""
    test_is_seen: bool = False


def default_split(train: Part) -> SplitName:
    """``group`` where series have owners, else ``stratified``."""
    return "group" if (train.groups >= 0).any() else "stratified"


def checked_split(source: DatasetSource, train: Part, split: str | None) -> SplitName:
    """The split that is meant, if this data set has it.

    Args:
        source: the data set.
        train: its training part.
        split: a name; None for the data set's own way.

    Raises:
        UnknownNameError: no split of that name.
        ConfigurationError: the data set has no groups, or no published split.
    """
    own = default_split(train)
    if split is None:
        return own
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    problem = ""
    if split == "group" and own != "group":
        problem = "has no groups to hold out"
    elif split == "published" and not source.reported:
        problem = "has no published split"
    if problem:
        raise ConfigurationError(
            f"data set {source.known_as or source.name!r} {problem}. Give {own}.", place="split"
        )
    return next(name for name in SPLITS if name == split)


def divide(
    source: DatasetSource, train: Part, test: Callable[[], Part], *, seed: int, split: str | None
) -> Division:
    """Divide what ``parse`` calls the training part, or with ``published`` what the reports used.

    Args:
        source: the data set.
        train: its training part, unnormalised.
        test: gives its test part; only called for ``published``.
        seed: 0 or more; chooses what validates.
        split: a name; None for the data set's own way.

    Raises:
        UnknownNameError: no split of that name.
        ConfigurationError: the data set has no such split, or too little to hold out.
    """
    name = checked_split(source, train, split)
    if name == "published":
        return _published(source, train, test(), seed)
    parted = _parts_groups(name, train)
    if parted:
        drawn = hold_out(train, fraction=source.valid_fraction, seed=seed, whole_groups=False)
    else:
        drawn = source.split(train, seed)
    description, warning = _in_words(source, train, drawn, parted=parted)
    return Division(
        train=train.take(drawn.train),
        valid=train.take(drawn.valid),
        name=name,
        description=description,
        warning=warning,
    )


def folded(
    source: DatasetSource, train: Part, *, folds: int, seed: int, split: str | None
) -> tuple[tuple[Split, ...], str, str]:
    """Deal what ``parse`` calls the training part into folds.

    Args:
        source: the data set.
        train: its training part.
        folds: 2 or more.
        seed: 0 or more; chooses who is in which.
        split: a name; None for the data set's own way.

    Returns:
        the folds, the split in words, and why scores are optimistic, empty where they are not.

    Raises:
        UnknownNameError: no split of that name.
        ConfigurationError: the data set has no such split or folds, or too little for so many.
    """
    name = checked_split(source, train, split)
    if name == "published":
        raise ConfigurationError(
            f"split published has one validation part, that of the reports. "
            f"Give split {default_split(train)}, or leave folds out.",
            place="folds",
        )
    parted = _parts_groups(name, train)
    if parted:
        found = deal(train, folds=folds, seed=seed, whole_groups=False)
    else:
        found = source.folds(train, folds, seed)
    return found, *_in_words(source, train, found[0], parted=parted)


def cut_words(found: int, published: int) -> str:
    """``3,615 of the published 60,000``; empty where nothing is missing."""
    return f"{found:,} of the published {published:,}" if found < published else ""


def _parts_groups(name: SplitName, train: Part) -> bool:
    """Whether a split puts series of one group on both sides."""
    return name == "stratified" and default_split(train) == "group"


def _in_words(source: DatasetSource, train: Part, drawn: Split, *, parted: bool) -> tuple[str, str]:
    """A split in words, and why its scores are to be taken with care."""
    noun = source.group_noun
    shared = f", {noun} shared" if parted else ""
    warning = f"scores are optimistic: the same {noun} train and validate" if parted else ""
    cut = _cut(len(train), source.published_series.get("train", 0))
    return f"{drawn.description}{shared}{cut}", _joined(warning, source.caution)


def _published(source: DatasetSource, train: Part, test: Part, seed: int) -> Division:
    training, valid = source.published(train, test, seed)
    total = sum(source.published_series.values())
    owners = np.intersect1d(training.groups[training.groups >= 0], valid.groups)
    shared = f"the same {source.group_noun} train and validate, " if owners.size else ""
    return Division(
        train=training,
        valid=valid,
        name="published",
        description=f"published: {source.reported}; its score is optimistic"
        + _cut(len(train) + len(test), total),
        warning=_joined(
            f"scores are optimistic: {shared}configs are chosen on what reports test on, "
            f"and no test part is left",
            source.caution,
        ),
        test_is_seen=True,
    )


def _cut(found: int, published: int) -> str:
    words = cut_words(found, published)
    return f"; a part, {words} series" if words else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
