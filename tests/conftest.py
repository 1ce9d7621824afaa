"""The order of files: those that take longest come first, so that none is alone at the end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

LONGEST = (
    "orchestrator/cluster/test_launch.py",
    "orchestrator/engine/test_autoscaler.py",
    "orchestrator/engine/test_together.py",
    "orchestrator/test_kill.py",
    "orchestrator/tracking/test_tracked.py",
    "orchestrator/dashboard/test_dashboard_browser.py",
    "orchestrator/tracking/test_wandb_online.py",
    "orchestrator/tracking/test_wandb_offline.py",
    "orchestrator/engine/test_nodes.py",
    "test_plugin.py",
    "benchmarks/test_search.py",
    "orchestrator/test_programs.py",
    "test_wheel.py",
    "orchestrator/cli/test_check_command.py",
    "orchestrator/cluster/test_mirror.py",
    "orchestrator/preflight/test_check_lightning.py",
    "orchestrator/preflight/test_check.py",
    "analysis/test_notebook.py",
    "analysis/test_analyze.py",
    "orchestrator/cli/test_piped_sweep.py",
    "orchestrator/cli/test_steer.py",
    "orchestrator/preflight/test_process.py",
    "orchestrator/test_sweep.py",
    "orchestrator/engine/test_session.py",
    "analysis/figures/test_figures.py",
    "test_docs.py",
    "orchestrator/dashboard/test_dashboard_data.py",
    "orchestrator/tracking/test_mlflow.py",
    "orchestrator/test_nested_sweep.py",
    "orchestrator/test_several.py",
    "orchestrator/test_outcomes.py",
)
"""Below this folder, by the seconds that they take; all others take less than 15."""


WRITES_NONE = sys.dont_write_bytecode
sys.dont_write_bytecode = False  # pytest keeps the tests as it rewrote them: half of collecting


def pytest_collection_finish() -> None:
    sys.dont_write_bytecode = WRITES_NONE


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest would give a folder that is named after its own files as a whole, so sort here."""
    here = Path(__file__).parent
    place = {here / name: number for number, name in enumerate(LONGEST)}
    if gone := [str(path) for path in place if not path.is_file()]:
        raise pytest.UsageError(f"{__file__} names what is not there: {', '.join(gone)}")
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))
