"""Normalise features with the statistics of the training part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainables.data.part import Part

_PIECE = 8192


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and standard deviation of each feature over valid steps, (features,) float64."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, part: Part) -> Scale:
        """Statistics of ``part``; padding does not count. A constant feature gets deviation 1."""
        count = int(part.lengths.sum())
        mean = sum(steps.sum(axis=0) for steps in _in_pieces(part)) / count
        squares = sum(((steps - mean) ** 2).sum(axis=0) for steps in _in_pieces(part))
        deviation = np.sqrt(squares / count)
        # Of a constant feature rounding may leave a deviation that is tiny but not 0.
        constant = deviation <= np.finfo(np.float32).eps * np.maximum(np.abs(mean), 1e-30)
        deviation[constant] = 1.0
        return cls(mean, deviation)

    def applied(self, part: Part) -> Part:
        """``part`` with ``(values - mean) / deviation`` at valid steps and exactly 0 beyond."""
        values = part.values - self.mean.astype(np.float32)
        values /= self.deviation.astype(np.float32)
        if (part.lengths < values.shape[1]).any():
            values[~_valid(part)] = 0.0
        return replace(part, values=values)


def _in_pieces(part: Part) -> Iterator[NDArray[np.float64]]:
    """Valid steps, (steps, features), of some series at a time: doubles of all take much room."""
    valid = _valid(part)
    for start in range(0, len(part), _PIECE):
        piece = slice(start, start + _PIECE)
        yield part.values[piece][valid[piece]].astype(np.float64)


def _valid(part: Part) -> NDArray[np.bool_]:
    """(series, steps), True up to each series' length."""
    return np.arange(part.values.shape[1]) < part.lengths[:, None]
