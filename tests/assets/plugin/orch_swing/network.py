"""Two networks: one of orch's base class, one of torch's alone."""

from itertools import pairwise

import torch

from orch_swing.space import SwingSpace
from trainables import Architecture


class PlainSwing(torch.nn.Module):
    """The mean of a series and of its steps, through hidden layers."""

    space = SwingSpace

    def __init__(self, config, facts):
        super().__init__()
        widths = [2 * facts.features] + [config["width"]] * config["depth"]
        layers = []
        for inputs, outputs in pairwise(widths):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
            layers += [torch.nn.Dropout(config.get("dropout", 0.0))]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], facts.classes))

    def forward(self, values, lengths):
        steps = (values[:, 1:] - values[:, :-1]).abs()
        valid = torch.arange(1, values.shape[1]) < lengths[:, None]
        mean = values.sum(dim=1) / lengths[:, None]
        moved = (steps * valid[..., None]).sum(dim=1) / lengths[:, None]
        return self.layers(torch.cat([mean, moved], dim=1))


class Swing(Architecture):
    """The same as an architecture, with its weights counted by hand."""

    space = SwingSpace

    def __init__(self, config, facts):
        super().__init__(config, facts)
        self.inner = PlainSwing(config, facts)

    def forward(self, values, lengths):
        return self.inner(values, lengths)

    @classmethod
    def weights(cls, config, facts):
        width, depth = config["width"], config["depth"]
        first = (2 * facts.features + 1) * width
        return first + (depth - 1) * (width + 1) * width + (width + 1) * facts.classes
