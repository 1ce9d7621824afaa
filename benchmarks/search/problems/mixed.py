"""What users have: choices with parameters of their own, grids, constraints.

Formulas that behave as trainings of networks do, so that the optimum is known: every term
is a penalty with a zero inside the space, whose place depends on the choices.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from benchmarks.search.problems.base import CurveProblem, Floats, NoTraining, fingerprint, learned
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    DataFacts,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    constraint,
)


class AttentionSpace(SearchSpace):
    """A recurrent network with attention, and its training."""

    cell: ChoiceParam = Choice(("gru", "lstm", "rnn"))
    hidden_size: IntParam = Int(16, 256, log=True, step=4)
    heads: IntParam = Int(1, 16, powers_of=2)
    num_layers: IntParam = Int(1, 4)
    dropout: FloatParam = Float(0.0, 0.5, when={"num_layers": (2, 3, 4)})
    optimizer: ChoiceParam = Choice(("sgd", "adam", "adamw"))
    learning_rate: FloatParam = Float(1e-4, 1.0, log=True)
    momentum: FloatParam = Float(0.0, 0.99, when={"optimizer": ("sgd",)})
    weight_decay: FloatParam = Float(1e-6, 1e-1, log=True, when={"optimizer": ("adamw",)})
    batch_size: IntParam = Int(16, 256, powers_of=2)

    @constraint
    def heads_divide_the_size(self, config: Config, facts: DataFacts | None) -> bool:
        """The hidden size must be a multiple of the number of heads."""
        return bool(config["hidden_size"] % config["heads"] == 0)


class Mixed(CurveProblem):
    """Ten parameters, three of them conditional, one constraint."""

    name = "mixed"
    use = "tuning"
    about = "formula of a recurrent net: conditional, mixed, constrained, 10 parameters"
    noise = 0.01

    def make_space(self) -> JointSpace:
        """An attention network's."""
        return JointSpace(AttentionSpace(), NoTraining())

    @cached_property
    def optimum(self) -> float:
        """Over all that is discrete, with every penalty of the others at its zero."""
        return min(
            _shape(cell, size, heads, layers) + _kind(optimizer, batch)
            for cell, optimizer in itertools.product(("gru", "lstm", "rnn"), _RATES)
            for size, heads, layers in itertools.product(
                range(16, 257, 4), (1, 2, 4, 8, 16), range(1, 5)
            )
            for batch in (16, 32, 64, 128, 256)
            if size % heads == 0
        )

    def curve(self, config: Config) -> Floats:
        """From 2.3 down to the sum of all penalties."""
        cell, size, layers = config["cell"], config["hidden_size"], config["num_layers"]
        optimizer, batch = config["optimizer"], config["batch_size"]
        end = _shape(cell, size, config["heads"], layers) + _kind(optimizer, batch)
        momentum = config.get("momentum", 0.0)
        best_rate = (
            _RATES[optimizer]
            + 0.35 * math.log10(batch / 64)
            - 0.25 * (layers - 1) * (cell != "gru")
            - 1.1 * momentum
        )
        off = math.log10(config["learning_rate"]) - best_rate
        end += (0.35 if off > 0 else 0.16) * off**2
        if optimizer == "sgd":
            end += 0.5 * (momentum - 0.88) ** 2
        if optimizer == "adamw":
            end += 0.018 * (math.log10(config["weight_decay"]) + 3.2) ** 2
        if layers > 1:
            end += 0.9 * (config["dropout"] - 0.08 * layers - 0.05) ** 2
        rate = 6.0 * 10 ** (0.25 * off) * (0.75 if optimizer == "sgd" else 1.0) / layers**0.35
        done = learned(min(max(rate, 0.7), 14.0), self.max_epochs)
        losses: Floats = 2.3 + (min(end, 2.3) - 2.3) * done
        return losses

    def seconds(self, config: Config) -> float:
        """More for wide, deep networks and small batches."""
        work = config["num_layers"] * (0.4 + (config["hidden_size"] / 96) ** 1.3)
        return float(1.0 + work * (64 / config["batch_size"]) ** 0.5)


_RATES = {"sgd": -0.3, "adam": -2.4, "adamw": -2.2}
"""Logarithm of the best learning rate of each optimizer, all else in the middle."""


def _shape(cell: str, size: int, heads: int, layers: int) -> float:
    """What the network can reach at all."""
    best_size = {"gru": 150, "lstm": 110, "rnn": 72}[cell] / (1 + 0.15 * (layers - 1))
    best_layers = {"gru": 2, "lstm": 2, "rnn": 1}[cell]
    return (
        {"gru": 0.12, "lstm": 0.15, "rnn": 0.3}[cell]
        + 0.16 * math.log2(size / best_size) ** 2 / 4
        + 0.015 * (math.log2(heads) - 2) ** 2
        + 0.03 * (layers - best_layers) ** 2
    )


def _kind(optimizer: str, batch: int) -> float:
    """What the way of training adds."""
    best_batch = {"sgd": 32, "adam": 64, "adamw": 64}[optimizer]
    return {"sgd": 0.05, "adam": 0.04, "adamw": 0.0}[optimizer] + 0.012 * math.log2(
        batch / best_batch
    ) ** 2


class Seeded(Mixed):
    """The same, and what a training seed does lasts for the whole training."""

    name = "seeded"
    about = "mixed, where a training seed moves a whole curve by some 20 %"
    shift, wobble = 0.2, 0.05
    """Standard deviations of the logarithm: of a whole curve, and of each of its epochs."""

    def train(self, config: Config, seed: int) -> Iterator[float]:
        """The curve, moved."""
        stream = np.random.default_rng([seed, fingerprint(config), 5])
        moved = self.curve(config) * math.exp(self.shift * stream.standard_normal())
        yield from (moved * np.exp(self.wobble * stream.standard_normal(self.max_epochs))).tolist()


class ConvSpace(SearchSpace):
    """A convolutional network, with choices inside of choices."""

    stem: ChoiceParam = Choice(("plain", "residual", "dense"))
    blocks: IntParam = Int(1, 6)
    channels: IntParam = Int(8, 128, log=True)
    groups: IntParam = Int(1, 8, when={"stem": ("residual",)})
    growth: IntParam = Int(4, 32, step=4, when={"stem": ("dense",)})
    norm: ChoiceParam = Choice(("none", "batch", "layer"))
    norm_decay: FloatParam = Float(0.5, 0.999, when={"norm": ("batch",)})
    schedule: ChoiceParam = Choice(("constant", "cosine", "step"))
    warmup: FloatParam = Float(0.0, 0.3, when={"schedule": ("cosine",)})
    factor: FloatParam = Float(0.05, 0.9, log=True, when={"schedule": ("step",)})
    clip: ChoiceParam = Choice((False, True))
    clip_norm: FloatParam = Float(0.1, 10.0, log=True, when={"clip": (True,)})
    learning_rate: FloatParam = Float(1e-5, 1e-1, log=True)

    @constraint
    def groups_divide_channels(self, config: Config, facts: DataFacts | None) -> bool:
        """The number of channels must be a multiple of the groups."""
        return bool(config["channels"] % config.get("groups", 1) == 0)

    @constraint
    def weights_fit(self, config: Config, facts: DataFacts | None) -> bool:
        """Blocks times channels squared must stay below 40,000."""
        return bool(config["blocks"] * config["channels"] ** 2 < 40_000)


_STEMS = {"plain": (0.42, 2, 48), "residual": (0.30, 4, 64), "dense": (0.33, 3, 40)}
"""What a stem reaches, its best number of blocks and of channels."""
_NORMS = {"none": (0.10, -3.6), "batch": (0.0, -2.3), "layer": (0.02, -2.9)}
"""What a normalisation adds, and logarithm of its best learning rate."""
_SCHEDULES = {"constant": 0.06, "cosine": 0.0, "step": 0.015}


class Nested(CurveProblem):
    """Thirteen parameters, six of them conditional, two constraints."""

    name = "nested"
    use = "tuning"
    about = "formula of a convolutional net: conditional, mixed, constrained, 13 parameters"
    noise = 0.01

    def make_space(self) -> JointSpace:
        """A convolutional network's."""
        return JointSpace(ConvSpace(), NoTraining())

    @cached_property
    def optimum(self) -> float:
        """Over all that is discrete, with every penalty of the others at its zero."""
        return min(
            _net(stem, blocks, channels, groups, growth) + _NORMS[norm][0] + _SCHEDULES[schedule]
            for stem, norm, schedule in itertools.product(_STEMS, _NORMS, _SCHEDULES)
            for blocks, channels in itertools.product(range(1, 7), range(8, 129))
            for groups in (range(1, 9) if stem == "residual" else (1,))
            for growth in (range(4, 33, 4) if stem == "dense" else (12,))
            if channels % groups == 0 and blocks * channels**2 < 40_000
        )

    def curve(self, config: Config) -> Floats:
        """From 1.6 down to the sum of all penalties."""
        stem, norm, schedule = config["stem"], config["norm"], config["schedule"]
        blocks = config["blocks"]
        end = _net(
            stem, blocks, config["channels"], config.get("groups", 1), config.get("growth", 12)
        )
        end += _NORMS[norm][0] + _SCHEDULES[schedule]
        best_rate = _NORMS[norm][1] - 0.12 * (blocks - 1) * (stem == "plain")
        if config["clip"]:
            best_rate += 0.3
            end += 0.02 * (math.log10(config["clip_norm"]) - 0.2) ** 2
        off = math.log10(config["learning_rate"]) - best_rate
        end += (0.30 if off > 0 else 0.12) * off**2
        if norm == "batch":
            end += 0.3 * (config["norm_decay"] - 0.9) ** 2
        if schedule == "cosine":
            end += 1.5 * (config["warmup"] - 0.06) ** 2
        if schedule == "step":
            end += 0.05 * (math.log10(config["factor"]) + 0.6) ** 2
        late = {"constant": 1.3, "cosine": 0.6, "step": 0.8}[schedule]
        rate = 5.0 * late * 10 ** (0.25 * off) * (1.4 if norm == "batch" else 1.0)
        done = learned(min(max(rate, 0.5), 12.0), self.max_epochs)
        losses: Floats = 1.6 + (min(end, 1.6) - 1.6) * done
        return losses

    def seconds(self, config: Config) -> float:
        """More for wide and deep networks."""
        dense = config.get("growth", 0) * config["blocks"] / 40
        return float(1.0 + config["blocks"] * config["channels"] / 48 + dense)


def _net(stem: str, blocks: int, channels: int, groups: int, growth: int) -> float:
    """What the network can reach at all."""
    base, best_blocks, best_channels = _STEMS[stem]
    end = (
        base + 0.02 * (blocks - best_blocks) ** 2 + 0.05 * math.log2(channels / best_channels) ** 2
    )
    if stem == "residual":
        end += 0.01 * (groups - 2) ** 2
    if stem == "dense":
        end += 0.012 * ((growth - 16) / 4) ** 2
    return end


PROBLEMS = (Mixed, Nested, Seeded)
