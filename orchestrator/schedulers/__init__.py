"""Schedulers: how far each trial runs. Nothing here knows Ray, torch or a space."""

from __future__ import annotations

from orchestrator.schedulers.base import Scheduler
from orchestrator.schedulers.decisions import (
    Clone,
    Continue,
    Decision,
    Pause,
    Place,
    Proposal,
    Prune,
    Resume,
    Rung,
    Start,
    Stop,
    Variation,
)
from searchspaces.registry import Registry

schedulers: Registry[Scheduler] = Registry(
    "scheduler",
    package="orchestrator.schedulers",
    group="orch.schedulers",
    base="orchestrator.schedulers.base:Scheduler",
    skip=("bracket", "decisions", "halving", "places", "rungs", "testing"),
)
"""Every scheduler by its ``kind``."""

__all__ = [
    "Clone",
    "Continue",
    "Decision",
    "Pause",
    "Place",
    "Proposal",
    "Prune",
    "Resume",
    "Rung",
    "Scheduler",
    "Start",
    "Stop",
    "Variation",
    "schedulers",
]
