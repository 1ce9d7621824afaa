"""From one vector a step to one vector a series, without ever seeing padding."""

from __future__ import annotations

import torch


def last_valid(outputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The vector at each series' last valid step.

    Args:
        outputs: (batch, steps, size).
        lengths: int64, (batch,), from 1 to steps.

    Returns:
        (batch, size).
    """
    rows = torch.arange(len(lengths), device=outputs.device)
    return outputs[rows, lengths - 1]


def masked_mean(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The mean over each series' valid steps; padding may hold anything, even NaN.

    Args:
        values: (batch, steps, size).
        lengths: int64, (batch,), from 1 to steps.

    Returns:
        (batch, size).
    """
    steps = torch.arange(values.shape[1], device=values.device)
    padding = steps >= lengths.unsqueeze(1)  # (batch, steps)
    total = values.masked_fill(padding.unsqueeze(2), 0.0).sum(dim=1)
    return total / lengths.unsqueeze(1)
