"""What a run says: epoch optimum, importance, warnings and figures.

Reads run folders only (``trials.parquet``, ``epochs.parquet``) and imports neither
Ray nor torch nor the orchestrator. Names are imported on first use, so that the
command line pays for polars, scikit-learn and matplotlib only when it analyzes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.load import Run, load_run
    from analysis.pipeline import Analysis, analyze

__all__ = ["Analysis", "Run", "analyze", "load_run"]

_HOME = {
    "Analysis": "analysis.pipeline",
    "Run": "analysis.load",
    "analyze": "analysis.pipeline",
    "load_run": "analysis.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
