"""Sweeps: what to try, how far, where, and what came of it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.ask_tell import Study
    from orchestrator.asked import Asked
    from orchestrator.result import Result
    from orchestrator.schedulers import Continue, Pause, Stop
    from orchestrator.spec import SweepSpec
    from orchestrator.sweep import Sweep, resume, run

__all__ = [
    "Asked",
    "Continue",
    "Pause",
    "Result",
    "Stop",
    "Study",
    "Sweep",
    "SweepSpec",
    "resume",
    "run",
]

_HOMES = {
    "Asked": "orchestrator.asked",
    "Continue": "orchestrator.schedulers",
    "Pause": "orchestrator.schedulers",
    "Result": "orchestrator.result",
    "Stop": "orchestrator.schedulers",
    "Study": "orchestrator.ask_tell",
    "Sweep": "orchestrator.sweep",
    "SweepSpec": "orchestrator.spec",
    "resume": "orchestrator.sweep",
    "run": "orchestrator.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'orchestrator' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
