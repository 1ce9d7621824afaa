"""The image classifier: convolutions that halve the image, then the mean of what is left."""

from __future__ import annotations

import torch
from torch.nn.functional import max_pool2d

from searchspaces.cnn import CnnSpace
from searchspaces.config import Config
from searchspaces.facts import DataFacts
from trainables.architectures.base import Architecture


class Cnn(Architecture):
    """Blocks of convolution, 2 x 2 max pooling, ReLU and dropout; a mean and a linear head.

    An image's rows are the steps of a series and its columns, channel by channel, the
    features. All images have all their rows: lengths are not looked at, and what lies behind
    the last row is cut off.
    """

    space = CnnSpace

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        filters, width = config["filters"], config["kernel_size"]
        inputs = [facts.channels] + [filters] * (config["depth"] - 1)
        self.blocks = torch.nn.ModuleList(
            torch.nn.Conv2d(size, filters, width, padding=width // 2) for size in inputs
        )
        self.drop = torch.nn.Dropout(config["dropout"])
        self.head = torch.nn.Linear(filters, facts.classes)

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:  # noqa: ARG002  # see above
        """Logits (batch, classes) of ``values`` (batch, rows, columns * channels)."""
        rows, channels = self.facts.steps, self.facts.channels
        pixels = values[:, :rows].reshape(len(values), rows, self.facts.width, channels)
        maps = pixels.permute(0, 3, 1, 2)  # (batch, channels, rows, columns)
        for convolution in self.blocks:
            # ReLU keeps the order of values: after pooling it has a quarter of them to do.
            maps = self.drop(max_pool2d(convolution(maps), 2).relu())
        logits: torch.Tensor = self.head(maps.mean(dim=(2, 3)))
        return logits

    @classmethod
    def weights(cls, config: Config, facts: DataFacts) -> int:
        """Each block ``filters`` kernels over its channels with a bias each; the head."""
        filters, kernel = config["filters"], config["kernel_size"] ** 2
        inputs = [facts.channels] + [filters] * (config["depth"] - 1)
        blocks = sum(filters * (kernel * size + 1) for size in inputs)
        return int(blocks + (filters + 1) * facts.classes)
