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
        channels: of images, whose rows are the steps and whose columns, channel by channel,
            are the features; 0 where the data are series.
    """

    features: int
    classes: int
    steps: int
    channels: int = 0

    @property
    def width(self) -> int:
        """Pixels in a row of an image; 0 where the data are series."""
        return self.features // self.channels if self.channels else 0
