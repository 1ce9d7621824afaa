"""Searchers: which config comes next. Nothing here knows Ray or torch."""

from __future__ import annotations

from orchestrator.searchers.base import Observation, Searcher
from searchspaces.registry import Registry

searchers: Registry[Searcher] = Registry(
    "searcher",
    package="orchestrator.searchers",
    group="orch.searchers",
    base="orchestrator.searchers.base:Searcher",
    skip=(
        "extra",
        "fresh",
        "furthest",
        "gp",
        "kde",
        "known",
        "lattice",
        "parzen",
        "priors",
        "random_spaces",
        "testing",
        "warping",
    ),
)
"""Every searcher by its ``kind``."""

__all__ = ["Observation", "Searcher", "searchers"]
