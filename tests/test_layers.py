"""The table of what may import what, read from the code itself and seen in fresh processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "searchspaces": {"ray", "torch", "trainables", "orchestrator", "analysis"},
    "trainables": {"orchestrator", "analysis"},
    "orchestrator": {"analysis"},
    "analysis": {"ray", "torch", "orchestrator", "trainables"},
    "orchestrator/searchers": {"ray", "torch", "trainables"},
    "orchestrator/schedulers": {"ray", "torch", "trainables"},
}
ALLOWED = {  # where the command line calls it
    ("orchestrator/cli/analyze.py", "analysis"),
    ("orchestrator/cli/dashboard.py", "analysis"),
}


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_what_its_folder_must_not(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in imported(path) & FORBIDDEN[folder]
    }
    assert found - ALLOWED == set()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("searchspaces", {"ray", "torch", "pandas"}),
        ("trainables", {"ray", "torch", "pandas", "sklearn"}),
        ("trainables.data", {"ray", "torch", "pandas", "sklearn"}),
        ("analysis", {"ray", "torch", "pandas", "sklearn", "matplotlib"}),
        ("orchestrator", {"ray", "torch", "pandas", "polars"}),
        ("orchestrator.spec", {"ray", "torch", "pandas", "polars", "hyperopt"}),
        ("orchestrator.runs.letters", {"ray", "torch", "pandas", "polars"}),
        ("orchestrator.schedulers", {"ray", "torch", "pandas"}),
        ("orchestrator.searchers", {"ray", "torch", "pandas", "hyperopt", "optuna", "cmaes"}),
        ("orchestrator.searchers.auto", {"scipy", "polars"}),
        ("orchestrator.planning", {"ray", "torch", "pandas"}),
        ("orchestrator.engine.actors", {"ray.tune", "torch", "pandas"}),
        ("orchestrator.engine.controller", {"ray.tune", "torch", "pandas"}),
        ("trainables.architecture_trial", {"ray", "pandas"}),
        ("trainables.several", {"ray", "pandas"}),
        ("orchestrator.cli.main", {"ray", "torch", "pandas", "numpy", "pydantic", "rich"}),
    ],
)
def test_importing_a_package_stays_light(module, heavy):
    code = f"import sys, {module}; print(*sorted({sorted(heavy)!r} & sys.modules.keys()))"
    code = code.replace(f"{sorted(heavy)!r}", f"set({sorted(heavy)!r})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_module_is_longer_than_a_reader_can_hold():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("searchspaces", "trainables", "orchestrator", "analysis")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert long == {}
