"""What can be wrong with data before anything is trained on them."""

from __future__ import annotations

import math

import numpy as np

from searchspaces.errors import ConfigurationError
from trainables.data import AnyData, FoldedData, Part, SweepData


def one_split(data: AnyData) -> SweepData:
    """The data, or of folds the first: what a check tries stands for each of them."""
    return data.fold(0) if isinstance(data, FoldedData) else data


def findings(data: AnyData) -> tuple[str, list[str]]:
    """The data in a line, and what to look out for beside ``data.warning``, a line each.

    Raises:
        ConfigurationError: a label without a class, a length without steps, or a value that
            is not finite: nothing can be trained on that.
    """
    line, warnings = _of_one(one_split(data))
    if not isinstance(data, FoldedData):
        return line, warnings
    return f"{line}, in the first of {len(data.folds)} folds", [*warnings, *_lost(data)]


def _lost(data: FoldedData) -> list[str]:
    """Classes that only one fold has; of the first fold's the findings of its split tell."""
    labels = data.whole.labels
    lost = [
        (data.labels[index], fold)
        for fold, rows in list(enumerate(data.folds, 1))[1:]
        for index in np.setdiff1d(labels, labels[rows.train])
    ]
    warnings = [
        f"data: all series of {label} validate in fold {fold}, so there it cannot be learned"
        for label, fold in lost[:3]
    ]
    more = len(lost) - 3
    return [*warnings, *([f"data: and {more:,} classes more"] if more > 0 else [])]


def _of_one(data: SweepData) -> tuple[str, list[str]]:
    for name, part in (("training", data.train), ("validation", data.valid)):
        _check(name, part, data)
    groups = np.unique(data.train.groups[data.train.groups >= 0])
    held_out = np.unique(data.valid.groups[data.valid.groups >= 0])
    shared = np.intersect1d(groups, held_out)
    everybody = len(np.union1d(groups, held_out))
    line = f"{len(data.train):,} series to train, {len(data.valid):,} to validate"
    warnings: list[str] = []
    if everybody and not len(shared):
        line += f", none of {everybody:,} groups in both"
    elif everybody and not data.warning:
        warnings.append(
            f"data: {len(shared):,} of {everybody:,} groups (speakers, users) are in training and "
            f"validation, so scores are too good for new ones. Hold whole groups out: --split group"
        )
    return line, [*warnings, *_missing("training", data.train, data)]


def _check(name: str, part: Part, data: SweepData) -> None:
    classes = data.facts.classes
    if not len(part):
        raise _bad(f"the {name} part has no series")
    least, most = int(part.labels.min()), int(part.labels.max())
    if least < 0 or most >= classes:
        wrong = least if least < 0 else most
        raise _bad(f"label {wrong} in the {name} part is none of the {classes} classes, 0 to "
                   f"{classes - 1}")  # fmt: skip
    if int(part.lengths.min()) < 1:
        raise _bad(f"a series of the {name} part has no steps")
    # The least and the greatest are nan or infinite if any value is; both need no copy.
    if not math.isfinite(part.values.min()) or not math.isfinite(part.values.max()):
        raise _bad(f"the {name} part has values that are not finite")


def _missing(name: str, part: Part, data: SweepData) -> list[str]:
    absent = np.setdiff1d(np.arange(data.facts.classes), part.labels)
    if not len(absent):
        return []
    shown = ", ".join(str(data.labels[index]) for index in absent[:5])
    more = f" and {len(absent) - 5:,} more" if len(absent) > 5 else ""
    return [f"data: no {name} series of {shown}{more}, so they cannot be learned"]


def _bad(problem: str) -> ConfigurationError:
    return ConfigurationError(f"{problem}. Mend the data.", place="dataset")
