from __future__ import annotations

import subprocess
import sys

BANNED = {"ray", "torch", "orchestrator", "trainables", "hyperopt", "optuna"}


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_whole_analysis_imports_neither_ray_nor_torch_nor_the_orchestrator(make_run):
    folder = make_run()
    loaded = modules_after(f"from analysis import analyze\nanalyze({str(folder)!r})")
    assert {"matplotlib", "sklearn", "polars"} <= loaded
    assert not loaded & BANNED
    assert "matplotlib.pyplot" not in loaded  # its state is everyone's


def test_the_package_itself_costs_nothing_heavy():
    loaded = modules_after("import analysis")
    assert not loaded & (BANNED | {"matplotlib", "sklearn", "polars", "numpy", "pydantic"})


def test_loading_a_run_needs_no_figures_and_no_forest(make_run):
    folder = make_run(trials=4)
    loaded = modules_after(f"from analysis import load_run\nload_run({str(folder)!r})")
    assert not loaded & (BANNED | {"matplotlib", "sklearn"})
