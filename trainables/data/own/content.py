"""From series as their owner wrote them to parts that can be trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchspaces.errors import ConfigurationError
from trainables.data.own.labels import class_indices, text
from trainables.data.part import Part
from trainables.data.split import hold_out

_TEST_SEED = 0
_TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Raw:
    """Series before any check, and how a message finds one of them.

    Attributes:
        values: float, (series, steps, features), padded with anything.
        lengths: (series,) valid steps of each.
        label: (series,) numbers or text.
        group: (series,) numbers or text: who a series comes from; None where nobody says.
        part: (series,) ``train`` or ``test``; None where nobody says.
        classes: names of the labels 0, 1, ...; None to take the labels themselves.
        channels: of images; 0 for series.
        features: their names; empty where they have none.
        place: the file or function, for messages.
        where: names a series, such as ``row 3``.
        step: names a step of a series; by default ``step 2 (from 0)``.
    """

    values: NDArray[Any]
    lengths: NDArray[np.integer]
    label: NDArray[Any]
    group: NDArray[Any] | None
    part: NDArray[Any] | None
    place: str
    where: Callable[[int], str]
    classes: tuple[str, ...] | None = None
    channels: int = 0
    features: tuple[str, ...] = ()
    step: Callable[[int, int], str] | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """Data of one's own, checked, in a training and a test part.

    Attributes:
        train: what a sweep divides.
        test: for the one look at the end.
        classes: class names.
        channels: of images; 0 for series.
        features: names of the features; may be empty.
        test_given: the owner said which series test; otherwise a fifth is held back.
        caution: what a person must know before believing a score; may be empty.
    """

    train: Part
    test: Part
    classes: tuple[str, ...]
    channels: int
    features: tuple[str, ...]
    test_given: bool
    caution: str = ""


def content_of(raw: Raw) -> Content:
    """Check series and divide them into a training and a test part.

    Where nothing says which series test, a fifth is held back, by group if there are groups,
    by class otherwise; always the same fifth.

    Raises:
        ConfigurationError: names the place, the series, what is wrong and how to mend it.
    """
    everything, classes = _part_of(raw)
    if raw.part is None:
        if raw.group is not None and (everything.groups == 0).all():
            raise ConfigurationError(
                f"every series has group {raw.group[0]!s}, so none can be held out. "
                f"Leave group out, or say with part which series test.",
                place=raw.place,
            )
        drawn = hold_out(everything, fraction=_TEST_SHARE, seed=_TEST_SEED)
        train, test, caution = everything.take(drawn.train), everything.take(drawn.valid), ""
    else:
        is_test = _is_test(raw, raw.part)
        train = everything.take(np.flatnonzero(~is_test))
        test = everything.take(np.flatnonzero(is_test))
        both = np.intersect1d(train.groups[train.groups >= 0], test.groups).size
        groups = "1 group has" if both == 1 else f"{both} groups have"
        caution = f"{groups} series in the training and in the test part" if both else ""
    unseen = np.setdiff1d(test.labels, train.labels)
    if unseen.size:
        raise ConfigurationError(
            f"class {classes[unseen[0]]!r} is in the test part only. "
            f"Give series of it to train, or leave it out.",
            place=raw.place,
        )
    return Content(train, test, classes, raw.channels, raw.features, raw.part is not None, caution)


def _part_of(raw: Raw) -> tuple[Part, tuple[str, ...]]:
    count = len(raw.lengths)
    if not count or not raw.values.shape[2]:
        what = "series" if not count else "features"
        raise ConfigurationError(f"there are no {what}.", place=raw.place)
    classes, labels = class_indices(raw.label, raw.classes, raw.place, raw.where)
    groups = np.full(count, -1, dtype=np.int64)
    if raw.group is not None:
        names = [text(value, "group", raw.place, raw.where(i)) for i, value in enumerate(raw.group)]
        groups = np.unique(names, return_inverse=True)[1].astype(np.int64)
    part = Part(
        values=_finite(raw),
        lengths=raw.lengths.astype(np.int32),
        labels=labels,
        groups=groups,
    )
    return part, classes


def _finite(raw: Raw) -> NDArray[np.float32]:
    """The values as float32, 0 beyond each length."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = raw.values.astype(np.float32)
    steps = values.shape[1]
    wrong = np.flatnonzero((raw.lengths < 1) | (raw.lengths > steps))
    if wrong.size:
        raise ConfigurationError(
            f"{raw.where(int(wrong[0]))} has a length of {raw.lengths[wrong[0]]}, "
            f"not 1 to {steps}.",
            place=raw.place,
        )
    values[np.arange(steps) >= raw.lengths[:, None]] = 0.0
    if not np.isfinite(values).all():
        series, step, feature = (int(at) for at in np.argwhere(~np.isfinite(values))[0])
        where = f"{raw.where(series)}, step {step}"
        if raw.step is not None:
            where = raw.step(series, step)
        name = raw.features[feature] if raw.features else str(feature)
        count = int((~np.isfinite(values)).any(axis=(1, 2)).sum())
        more = f" It is not the only one: {count} series have such values." if count > 1 else ""
        raise ConfigurationError(
            f"{where}, feature {name}: {raw.values[series, step, feature]} is not a finite "
            f"number. Mend it, or leave it out; padding lies beyond a series' length.{more}",
            place=raw.place,
        )
    return values


def _is_test(raw: Raw, part: NDArray[Any]) -> NDArray[np.bool_]:
    names = [str(value) for value in part]
    for row, name in enumerate(names):
        if name not in {"train", "test"}:
            raise ConfigurationError(
                f"{raw.where(row)} has part {name!r}. Give train or test; "
                f"what validates is held out of train.",
                place=raw.place,
            )
    found = np.array([name == "test" for name in names])
    if found.all() or not found.any():
        raise ConfigurationError(
            f"every part is {names[0]!r}. Leave part out, and a fifth is held back as the test "
            f"part.",
            place=raw.place,
        )
    return found
