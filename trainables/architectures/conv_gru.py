"""The convolutional GRU: filters over time, maxima of neighbouring steps, then GRU layers."""

from __future__ import annotations

import torch

from searchspaces.config import Config
from searchspaces.conv_gru import ConvGruSpace
from searchspaces.facts import DataFacts
from trainables.architectures._recurrent import Cell, Recurrent
from trainables.pooling import padding


class ConvGru(Recurrent):
    """A convolution with ReLU, max pooling over time and GRU layers with a linear head.

    The kernel is centred on each step and sees zeros beyond both ends of a series, so it may
    be wider than the series. Pooling takes the maximum of every ``pooling`` steps, of the
    rest at the end too: a series of ``n`` steps leaves ``ceil(n / pooling)``.
    """

    space = ConvGruSpace
    gates = 3

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        width = config["kernel_size"]
        self.pooling = config["pooling"]
        self.convolution = torch.nn.Conv1d(
            facts.features, config["filters"], width, padding=width // 2
        )

    @staticmethod
    def cell(config: Config) -> Cell:  # noqa: ARG004  # always the same
        """What the layers are made of."""
        return torch.nn.GRU

    @staticmethod
    def inputs(config: Config, facts: DataFacts) -> int:  # noqa: ARG004  # the base's signature
        """The layers read the filters' outputs."""
        return int(config["filters"])

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of ``values`` (batch, steps, features)."""
        behind = padding(lengths, values.shape[1])  # (batch, steps, 1)
        filtered = self.convolution(values.masked_fill(behind, 0.0).transpose(1, 2)).relu()
        if self.pooling > 1:
            # A step behind the end sees the series' last ones; 0 is never above a ReLU.
            filtered = torch.nn.functional.max_pool1d(
                filtered.masked_fill(behind.transpose(1, 2), 0.0), self.pooling, ceil_mode=True
            )
            lengths = (lengths + self.pooling - 1) // self.pooling
        return super().forward(filtered.transpose(1, 2), lengths)

    @classmethod
    def weights(cls, config: Config, facts: DataFacts) -> int:
        """``filters`` kernels over all features with a bias each; the GRU and its head."""
        filters = config["filters"] * (config["kernel_size"] * facts.features + 1)
        return int(filters) + super().weights(config, facts)
