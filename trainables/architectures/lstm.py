"""The LSTM classifier: recurrent layers with a memory cell."""

from __future__ import annotations

import torch

from searchspaces.config import Config
from searchspaces.lstm import LstmSpace
from trainables.architectures._recurrent import Cell, Recurrent


class Lstm(Recurrent):
    """LSTM layers, in one or both directions, with dropout between them and a linear head.

    Source: Hochreiter and Schmidhuber, Neural Computation 9 (1997), with the forget gate of
    Gers et al., Neural Computation 12 (2000).
    """

    space = LstmSpace
    gates = 4

    @staticmethod
    def cell(config: Config) -> Cell:  # noqa: ARG004  # always the same
        """What the layers are made of."""
        return torch.nn.LSTM
