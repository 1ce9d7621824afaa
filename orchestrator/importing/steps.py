"""Epochs counted 1, 2, 3, ... of whatever steps somebody counted in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 10_000
"""Epochs at most; steps beyond are numbered by their order, so that curves fit in memory."""

DENSE = 3
"""Different steps from which on a common factor means that every so many are an epoch."""


@dataclass(frozen=True)
class Steps:
    """How steps became epochs.

    Attributes:
        epochs: the epoch of every step that occurs.
        words: what was done to them; empty if they were epochs already.
    """

    epochs: dict[float, int]
    words: str


def epochs_of(steps: Iterable[float]) -> Steps:
    """The epoch of each of ``steps``, in the same order and from 1.

    Steps from 0 are shifted. A common factor is divided out where that leaves few gaps: 0, 50,
    100 become 1, 2, 3, but 9 and 27 stay, for they may be the ends of trials. Fractions, and
    what would be more than 10,000 epochs, are numbered in their order.
    """
    found = sorted(set(steps))
    if not found:
        return Steps({}, "")
    if all(float(step).is_integer() for step in found):
        first = int(found[0])
        whole = [int(step) - min(0, first) for step in found]
        base = 1 if first <= 0 else 0
        factor = math.gcd(*whole) or 1
        if len(whole) < DENSE or 2 * len(whole) < whole[-1] // factor + base:
            factor = 1
        epochs = [step // factor + base for step in whole]
        if epochs[-1] <= LONGEST:
            words = [f"every {factor:,} steps are an epoch"] if factor > 1 else []
            words += [f"the first step, {first}, is epoch 1"] if base else []
            return Steps(dict(zip(found, epochs, strict=True)), "; ".join(words))
    numbered = {step: index for index, step in enumerate(found, 1)}
    return Steps(numbered, f"the {len(found):,} different steps are numbered in their order")
