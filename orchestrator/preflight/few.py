"""A few series that stand for a whole data set, and how much of an epoch they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchspaces import DataFacts
from trainables.data import Part, SweepData

BATCHES = 8
"""Training batches of the largest size that a check can take at once."""
VALID_STEPS = 16_384
"""Padded steps of validation series: about one batch."""
MOST_BYTES = 64 * 2**20
"""Of the training series of a check, whatever a batch needs."""
MIXING = 0.2
"""Noise on the lengths that batches are sorted by, as a share of the longest series."""
BACKWARD = 3.0
"""What a step costs in training, in units of a step in validation."""
_PARTS = ("train", "valid")
_ARRAYS = ("values", "lengths", "labels", "groups")


@dataclass(frozen=True, eq=False)
class Few:
    """What a check trains on.

    Attributes:
        data: evenly spaced series of each part in the order of their lengths, at least a
            training batch of them where there are as many.
        train: lengths of all training series, (series,).
        valid: lengths of all validation series, (series,).
    """

    data: SweepData
    train: NDArray[np.int32]
    valid: NDArray[np.int32]

    def batches(self, size: int, count: int) -> SweepData:
        """Data with so many training batches, all lengths in each, or as many as there are.

        Of the validation series it is as large a part, so that a batch's cost shows.
        """
        train, valid = self.data.train, self.data.valid
        rows = min(size * count, len(train))
        share = max(1, round(len(self.valid) * rows / len(self.train)))
        return replace(
            self.data,
            train=_spaced(train, rows),
            valid=_spaced(valid, min(share, len(valid))),
        )

    def share(self, data: SweepData, size: int) -> float:
        """The work of a whole epoch in units of one on ``data``, with batches of ``size``."""

        def work(train: NDArray[np.int32], valid: NDArray[np.int32]) -> float:
            return BACKWARD * padded_steps(train, size) + float(valid.sum())

        return work(self.train, self.valid) / work(data.train.lengths, data.valid.lengths)

    def packed(self) -> tuple[dict[str, Any], bytes]:
        """Plain values and bytes (safetensors) for another process; no pickle."""
        from safetensors.numpy import save

        arrays = {
            f"{part}.{name}": np.ascontiguousarray(getattr(getattr(self.data, part), name))
            for part in _PARTS
            for name in _ARRAYS
        }
        lengths = {"train": self.train, "valid": self.valid}
        words = {"name": self.data.name, "split": self.data.split, "labels": self.data.labels}
        return {**words, "facts": asdict(self.data.facts)}, save({**arrays, **lengths})

    @classmethod
    def unpacked(cls, words: Mapping[str, Any], content: bytes) -> Few:
        """What :meth:`packed` packed."""
        from safetensors.numpy import load

        arrays = load(content)
        train, valid = (
            Part(**{name: arrays[f"{part}.{name}"] for name in _ARRAYS}) for part in _PARTS
        )
        data = SweepData(
            train=train,
            valid=valid,
            facts=DataFacts(**words["facts"]),
            name=words["name"],
            split=words["split"],
            labels=tuple(words["labels"]),
        )
        return cls(data, arrays["train"], arrays["valid"])


def few(data: SweepData, batch_size: int) -> Few:
    """A few series of ``data`` for batches of up to ``batch_size``; copies them."""
    train = data.train
    bytes_each = max(1, train.values[:1].nbytes)
    rows = max(batch_size, min(BATCHES * batch_size, MOST_BYTES // bytes_each))
    longest = int(data.valid.lengths.max())
    return Few(
        replace(
            data,
            train=_spaced(train, min(rows, len(train))),
            valid=_spaced(data.valid, min(max(1, VALID_STEPS // longest), len(data.valid))),
        ),
        train.lengths,
        data.valid.lengths,
    )


def padded_steps(lengths: NDArray[np.int32], size: int) -> float:
    """Steps of an epoch with padding: series of like length in batches of ``size``."""
    noise = np.random.default_rng(0).uniform(0.0, MIXING * int(lengths.max()), len(lengths))
    sorted_ = lengths[np.argsort(lengths + noise)]
    starts = np.arange(0, len(lengths), size)
    counts = np.diff([*starts, len(lengths)])
    return float((np.maximum.reduceat(sorted_, starts) * counts).sum())


def _spaced(part: Part, count: int) -> Part:
    """``count`` series of a part, evenly spaced in the order of their lengths, the longest too."""
    order = np.argsort(part.lengths, kind="stable")
    places = len(order) - 1 - np.linspace(0, len(order) - 1, count).round().astype(np.intp)
    return part.take(np.sort(order[places]))
