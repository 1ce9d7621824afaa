"""What every architecture is: a network that knows its space and its size."""

from __future__ import annotations

from typing import ClassVar

import torch

from searchspaces.config import Config
from searchspaces.errors import UsageError
from searchspaces.facts import DataFacts
from searchspaces.space import SearchSpace


class Architecture(torch.nn.Module):
    """A classifier of series of different lengths, built from a config.

    A subclass names its search space, builds its layers in ``__init__`` after
    calling this one, and computes logits in ``forward``. It draws random numbers
    from torch's global CPU generator only (initialisation, dropout), because that is
    the one the learner seeds for every epoch.

    Args:
        config: made by a space; inactive parameters are absent, hence ``config.get``.
        facts: sizes of the data.

    Attributes:
        space: the class of its search space.

    Raises:
        UsageError: ``config`` was not made by a space.
    """

    space: ClassVar[type[SearchSpace]]

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__()
        if not isinstance(config, Config):
            raise UsageError(
                f"{type(self).__name__} takes a config made by a space, not a "
                f"{type(config).__name__}. Call space.validate(values)."
            )
        self.facts = facts

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits of a batch; what lies behind a series' length must not change them.

        Args:
            values: float32, (batch, steps, features), padded on the right.
            lengths: int64, (batch,), valid steps of each series, at least 1.

        Returns:
            float32, (batch, classes), before any softmax.
        """
        raise NotImplementedError

    @classmethod
    def weights(cls, config: Config, facts: DataFacts) -> int:
        """Number of trainable weights in closed form, without building the network."""
        raise NotImplementedError
