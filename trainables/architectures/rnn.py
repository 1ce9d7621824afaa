"""The Elman network: plain recurrent layers without gates."""

from __future__ import annotations

import functools

import torch

from searchspaces.config import Config
from searchspaces.rnn import RnnSpace
from trainables.architectures._recurrent import Cell, Recurrent


class Rnn(Recurrent):
    """Elman layers with tanh or ReLU, dropout between them and a linear head.

    Source: Elman, Cognitive Science 14 (1990).
    """

    space = RnnSpace
    gates = 1

    @staticmethod
    def cell(config: Config) -> Cell:
        """What the layers are made of."""
        return functools.partial(torch.nn.RNN, nonlinearity=config["nonlinearity"])
