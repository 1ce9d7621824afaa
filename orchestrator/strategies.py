"""Strategies: a searcher and a scheduler under one name, with good defaults.

``gru-bohb`` is architecture ``gru`` with strategy ``bohb``. This module also reads
searchers and schedulers as files declare them: a ``kind`` and its settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.declared import declare
from orchestrator.schedulers import Scheduler, schedulers
from orchestrator.searchers import Searcher, searchers
from searchspaces.errors import ConfigurationError, UnknownNameError
from searchspaces.registry import Registry

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Strategy:
    """A way to search.

    Attributes:
        name: what people type after the architecture's name.
        summary: one line for ``orch list``.
        searcher: ``kind`` and settings of the searcher.
        scheduler: ``kind`` and settings of the scheduler.
    """

    name: str
    summary: str
    searcher: Mapping[str, Any] = field(hash=False)
    scheduler: Mapping[str, Any] = field(hash=False)

    def make(self) -> tuple[Searcher, Scheduler]:
        """A searcher and a scheduler of its own for one sweep."""
        return searcher_from(self.searcher), scheduler_from(self.scheduler)


def _strategy(
    name: str, searcher: str, scheduler: str, summary: str, **settings: Any
) -> tuple[str, Strategy]:
    """A strategy; the settings are the scheduler's."""
    return name, Strategy(name, summary, {"kind": searcher}, {"kind": scheduler, **settings})


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    dict(
        [
            _strategy(
                "auto",
                "auto",
                "async-hyperband",
                "a model of all epochs; one turn of halving",
                form="promotion",
                cap=True,
                turns=1,
            ),
            _strategy(
                "auto-stopping",
                "auto",
                "async-hyperband",
                "as auto, for what cannot pause",
                cap=True,
                turns=1,
            ),
            _strategy("random", "random", "fifo", "random configs, each trained to the end"),
            _strategy("grid", "grid", "fifo", "every combination once, each trained to the end"),
            _strategy("asha", "random", "asha", "random configs, the worse two thirds stop early"),
            _strategy(
                "asha-promotion",
                "random",
                "asha",
                "as asha, but what waits may go on later",
                form="promotion",
                cap=True,
            ),
            _strategy("hyperband", "random", "hyperband", "random configs in halving brackets"),
            _strategy(
                "async-hyperband",
                "random",
                "async-hyperband",
                "as hyperband, and no bracket waits for another trial",
            ),
            _strategy("median", "random", "median", "random configs, the worse half stop early"),
            _strategy("pbt", "random", "pbt", "bad trials go on from good ones, varied"),
            _strategy("hyperopt", "hyperopt", "asha", "HyperOpt's TPE model, stopping early"),
            _strategy("bohb", "bohb", "hyperband", "densities of good configs, halving brackets"),
            _strategy(
                "bohb-asha",
                "bohb",
                "asha",
                "densities of good configs, nobody waits",
                form="promotion",
                cap=True,
            ),
        ]
    )
)
"""Every strategy by name."""

DEFAULT_STRATEGY = "auto"
"""What a bare architecture name takes."""

STOPPING_STRATEGY = "auto-stopping"
"""What a function or a program takes that cannot be paused."""


def strategy(name: str) -> tuple[Searcher, Scheduler]:
    """A fresh searcher and scheduler of the strategy of that name.

    Raises:
        UnknownNameError: no such strategy.
    """
    if name not in STRATEGIES:
        raise UnknownNameError("strategy", name, STRATEGIES)
    return STRATEGIES[name].make()


def searcher_from(declared: Searcher | Mapping[str, Any] | str) -> Searcher:
    """The searcher that a file or a program declares.

    Args:
        declared: an instance, which is given back; a mapping with ``kind`` and settings;
            or a kind alone.

    Raises:
        UnknownNameError: no such kind.
        ConfigurationError: no kind, an unknown setting or a setting out of range.
    """
    return declared if isinstance(declared, Searcher) else _made(searchers, declared)


def scheduler_from(declared: Scheduler | Mapping[str, Any] | str) -> Scheduler:
    """The scheduler that a file or a program declares; see :func:`searcher_from`."""
    if isinstance(declared, Mapping) and declared.get("doubts") is False:
        # Older run folders say of asha that a setting is off which is no more.
        declared = {name: value for name, value in declared.items() if name != "doubts"}
    return declared if isinstance(declared, Scheduler) else _made(schedulers, declared)


def _made(registry: Registry[T], declared: object) -> T:
    """The thing of a kind alone, or of a mapping with a kind."""
    settings = {"kind": declared} if isinstance(declared, str) else declared
    if not isinstance(settings, Mapping):
        raise ConfigurationError(
            f"{settings!r} is no {registry.kind}. Give a mapping with a kind, such as "
            f"kind: {registry.names()[0]}.",
            place=registry.kind,
        )
    kind = settings.get("kind")
    if not isinstance(kind, str):
        problem = "the kind is missing." if kind is None else f"{kind!r} is no name."
        raise ConfigurationError(
            f"{problem} Give one of {', '.join(registry.names())}.", place=f"{registry.kind}.kind"
        )
    return declare(registry.get(kind), settings, place=registry.kind)
