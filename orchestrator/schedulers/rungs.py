"""The epochs at which successive halving compares trials, counted in integers."""

from __future__ import annotations


def levels(max_epochs: int, eta: int, min_epochs: int = 1) -> tuple[int, ...]:
    """Epochs ``max_epochs // eta**k`` that are at least ``min_epochs``, ascending.

    ``floor(log(max_epochs) / log(eta))`` in floating point loses a level for
    (243, 3); nothing here is computed in floating point.

    Source: Li et al., Hyperband, JMLR 18 (2018), algorithm 1.
    """
    found = []
    level = max_epochs
    while level >= max(1, min_epochs):
        found.append(level)
        level //= eta
    return tuple(reversed(found))
