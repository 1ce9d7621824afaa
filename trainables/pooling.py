"""From one vector a step to one vector a series, without ever seeing padding.

Every function takes ``values`` (batch, steps, size), padded on the right, and ``lengths``
(int64, (batch,), from 1 to steps), and gives (batch, size). Padding may hold anything,
even NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch


def padding(lengths: torch.Tensor, steps: int) -> torch.Tensor:
    """Which of ``steps`` lie behind a series' length: bool, (batch, steps, 1)."""
    return (torch.arange(steps, device=lengths.device) >= lengths.unsqueeze(1)).unsqueeze(2)


def last_valid(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The vector at each series' last valid step."""
    rows = torch.arange(len(lengths), device=values.device)
    return values[rows, lengths - 1]


def masked_mean(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The mean over each series' valid steps."""
    total = values.masked_fill(padding(lengths, values.shape[1]), 0.0).sum(dim=1)
    return total / lengths.unsqueeze(1)


def masked_max(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The maximum over each series' valid steps."""
    return values.masked_fill(padding(lengths, values.shape[1]), -math.inf).amax(dim=1)


def masked_min(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The minimum over each series' valid steps."""
    return values.masked_fill(padding(lengths, values.shape[1]), math.inf).amin(dim=1)


def mean_and_max(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Mean and maximum side by side: (batch, 2 * size)."""
    behind = padding(lengths, values.shape[1])
    mean = values.masked_fill(behind, 0.0).sum(dim=1) / lengths.unsqueeze(1)
    return torch.cat([mean, values.masked_fill(behind, -math.inf).amax(dim=1)], dim=1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "last": last_valid,
    "mean": masked_mean,
    "max": masked_max,
    "min": masked_min,
    "mean+max": mean_and_max,
}
"""By the names that spaces use; ``mean+max`` doubles the size."""
