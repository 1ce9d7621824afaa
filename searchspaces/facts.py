"""What a network and a constraint may know about the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataFacts:
    """Sizes of a data set, known before any trial starts.

    Attributes:
        features: number of values at each time step.
        classes: number of labels.
        steps: length of the longest series, in time steps.
    """

    features: int
    classes: int
    steps: int
