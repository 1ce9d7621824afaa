"""The MLP classifier: a series' mean, maximum or minimum over time through hidden layers."""

from __future__ import annotations

from itertools import pairwise

import torch

from searchspaces.config import Config
from searchspaces.facts import DataFacts
from searchspaces.mlp import MlpSpace
from trainables.architectures.base import Architecture
from trainables.pooling import POOLINGS


class Mlp(Architecture):
    """Multilayer perceptron over the valid steps' mean, maximum or minimum, or two of them.

    ``depth`` hidden layers, the first ``h1`` units wide and each further one ``h2``,
    each followed by ReLU and dropout; then a linear head.
    """

    space = MlpSpace

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        layers: list[torch.nn.Module] = []
        *hidden, last = _widths(config, facts)
        for inputs, outputs in pairwise(hidden):
            layers.append(torch.nn.Linear(inputs, outputs))
            layers.append(torch.nn.ReLU())
            layers.append(torch.nn.Dropout(config.get("dropout", 0.0)))
        self.hidden = torch.nn.Sequential(*layers)
        self.head = torch.nn.Linear(hidden[-1], last)
        self.pooling = config.get("pooling", "mean")

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of ``values`` (batch, steps, features)."""
        logits: torch.Tensor = self.head(self.hidden(POOLINGS[self.pooling](values, lengths)))
        return logits

    @classmethod
    def weights(cls, config: Config, facts: DataFacts) -> int:
        """A matrix and a bias per layer: the sum of ``(inputs + 1) * outputs``."""
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise(_widths(config, facts)))


def _widths(config: Config, facts: DataFacts) -> list[int]:
    further = [config["h2"]] * (config["depth"] - 1) if config["depth"] > 1 else []
    pooled = facts.features * (2 if config.get("pooling", "mean") == "mean+max" else 1)
    return [pooled, config["h1"], *further, facts.classes]
