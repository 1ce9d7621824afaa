"""A plain ``torch.nn.Module`` as an architecture, without a base class of orch's."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

import torch

from searchspaces.config import Config
from searchspaces.errors import ConfigurationError
from searchspaces.facts import DataFacts
from trainables.architectures.base import Architecture
from trainables.programs.find import own_space


def adapt(cls: type) -> type[Architecture]:
    """The architecture that a network class from outside makes.

    The class has an attribute ``space``, takes ``(config, facts)`` and computes logits in
    ``forward(values, lengths)``, as :class:`Architecture` describes. The same class gives
    the same architecture.

    Raises:
        ConfigurationError: it is no network, or has no space.
    """
    name = f"{cls.__module__}:{cls.__qualname__}"
    if not issubclass(cls, torch.nn.Module):
        raise ConfigurationError(
            f"{name} is no network. Give a class of torch.nn.Module or LightningModule, or a "
            f"function that yields a dict of metrics per epoch.",
            place="architecture",
        )
    own_space(name, cls, required=True)
    return _adapted(cls)  # type: ignore[arg-type]  # classes are hashable


@lru_cache(maxsize=64)
def _adapted(cls: type[Any]) -> type[Architecture]:
    class Adapted(Architecture):
        __doc__ = cls.__doc__
        space = cls.space

        def __init__(self, config: Config, facts: DataFacts) -> None:
            super().__init__(config, facts)
            self.network = _built(cls, config, facts)

        def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            logits = self.network(values, lengths)
            expected = (len(values), self.facts.classes)
            if not isinstance(logits, torch.Tensor):
                raise ConfigurationError(
                    f"{cls.__name__} gives a {type(logits).__name__}. "
                    f"Return logits alone, a tensor of shape (batch, classes)."
                )
            if tuple(logits.shape) != expected:
                raise ConfigurationError(
                    f"{cls.__name__} gives logits of shape {tuple(logits.shape)}, and a batch of "
                    f"{expected[0]} series of {expected[1]} classes needs {expected}."
                )
            return logits

        @classmethod
        def weights(cls, config: Config, facts: DataFacts) -> int:
            """Counted on a network that is built without memory for its weights."""
            with torch.device("meta"):
                return sum(weight.numel() for weight in cls(config, facts).parameters())

    Adapted.__name__ = cls.__name__
    Adapted.__qualname__ = cls.__qualname__
    return Adapted


def _built(cls: type[Any], config: Config, facts: DataFacts) -> torch.nn.Module:
    """The network; a class that takes other arguments is told so in a line."""
    try:
        inspect.signature(cls).bind(config, facts)
    except TypeError as error:
        raise ConfigurationError(
            f"{cls.__name__} cannot be made: {error}. Write __init__(self, config, facts)."
        ) from error
    made: torch.nn.Module = cls(config, facts)
    return made
