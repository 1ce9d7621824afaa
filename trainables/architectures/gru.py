"""The GRU classifier: gated recurrent layers, read out at the last valid step."""

from __future__ import annotations

import torch

from searchspaces.config import Config
from searchspaces.gru import GruSpace
from trainables.architectures._recurrent import BothWays, Cell, Recurrent
from trainables.packed_gru import Packing, packed_gru
from trainables.pooling import POOLINGS


class Gru(Recurrent):
    """GRU layers with dropout between them and a linear head.

    On the CPU, layers of one direction compute valid steps only; see
    :mod:`trainables.packed_gru`.

    Source: Cho et al., EMNLP 2014, in the variant of torch (reset gate after the product).
    """

    space = GruSpace
    gates = 3

    @staticmethod
    def cell(config: Config) -> Cell:  # noqa: ARG004  # always the same
        """What the layers are made of."""
        return torch.nn.GRU

    def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of ``values`` (batch, steps, features)."""
        layers = self.recurrent
        plain = values.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if not plain or isinstance(layers, BothWays):
            return super().forward(values, lengths)
        packing = Packing.of(lengths, values.shape[1])
        rows = packed_gru(layers, values, packing, training=self.training)
        if self.readout == "last":
            summary = rows[packing.last]
        else:
            summary = POOLINGS[self.readout](packing.padded(rows, values.shape[1]), lengths)
        logits: torch.Tensor = self.head(summary)
        return logits
