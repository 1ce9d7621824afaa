"""Smooth learning curves: local quadratic regression over neighbouring epochs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from analysis.parameters import FloatArray


@lru_cache(maxsize=16)
def smoother(epochs: int) -> FloatArray:
    """The matrix S of shape (epochs, epochs) for which ``curves @ S.T`` are smoothed curves.

    Each epoch takes a quadratic fitted to its nearest neighbours with tricube
    weights. Curves change by the ratio of epochs rather than their difference, so
    epoch e has about 0.3 e neighbours, between 5 and 51. Up to 4 epochs are left as
    they are. A quadratic is reproduced exactly.

    Source: Cleveland and Devlin, Locally weighted regression, JASA 83 (1988).
    """
    if epochs <= 4:
        return np.eye(epochs)
    positions = np.arange(epochs, dtype=np.float64)
    matrix = np.zeros((epochs, epochs))
    for epoch in range(epochs):
        neighbours = min(2 * min(max(round(0.15 * (epoch + 1)), 2), 25) + 1, epochs)
        start = min(max(epoch - neighbours // 2, 0), epochs - neighbours)
        window = slice(start, start + neighbours)
        offset = positions[window] - epoch
        weight = (1 - (np.abs(offset) / (np.abs(offset).max() + 1)) ** 3) ** 3
        design = np.stack([np.ones(neighbours), offset, offset**2])  # (3, neighbours)
        normal = (design * weight) @ design.T
        matrix[epoch, window] = np.linalg.solve(normal, design * weight)[0]
    matrix.flags.writeable = False
    return matrix


def fill_gaps(curves: FloatArray) -> FloatArray:
    """Curves of shape (n, epochs) with missing epochs interpolated linearly.

    The ends take the nearest value; a curve without any value stays NaN.
    """
    filled = curves.copy()
    positions = np.arange(curves.shape[1])
    for row in np.flatnonzero(np.isnan(curves).any(axis=1)):
        known = np.isfinite(curves[row])
        if known.any():
            filled[row] = np.interp(positions, positions[known], curves[row, known])
    return filled
