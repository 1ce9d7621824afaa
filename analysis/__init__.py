"""What a run says: epoch optimum, importance, warnings and figures.

Reads run folders only (``trials.parquet``, ``epochs.parquet``) and imports neither
Ray nor torch nor the orchestrator. Names are imported on first use, so that the
command line pays for polars, scikit-learn and matplotlib only when it analyzes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.comparison.several import SeveralAnalysis, analyze_runs
    from analysis.figures.shown import ShownFigure, figure
    from analysis.frames import TrialView
    from analysis.load import Run, load_run
    from analysis.pipeline import Analysis, analyze

__all__ = [
    "Analysis",
    "Run",
    "SeveralAnalysis",
    "ShownFigure",
    "TrialView",
    "analyze",
    "analyze_runs",
    "figure",
    "load_run",
]

_HOME = {
    "Analysis": "analysis.pipeline",
    "Run": "analysis.load",
    "SeveralAnalysis": "analysis.comparison.several",
    "ShownFigure": "analysis.figures.shown",
    "TrialView": "analysis.frames",
    "analyze": "analysis.pipeline",
    "analyze_runs": "analysis.comparison.several",
    "figure": "analysis.figures.shown",
    "load_run": "analysis.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
