"""The built wheel, in an environment that has never seen the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def call(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def test_the_wheel_gives_a_working_orch_in_an_empty_environment(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    call(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)
    [wheel] = tmp_path.glob("orch_sweep-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for package in ("searchspaces", "trainables", "orchestrator", "analysis"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in packed

    venv = tmp_path / "venv"
    call(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    inside = venv / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    call(inside, *pip[1:], "install", "--only-binary", ":all:", "-c", constraints, wheel,
         cwd=tmp_path)  # fmt: skip

    orch = venv / "bin" / "orch"
    home = {"HOME": str(tmp_path), "ORCH_DATA": str(tmp_path / "data")}
    assert "gru-bohb" in call(orch, "list", cwd=tmp_path, **home)
    call(orch, "sweep", "mlp-asha", "--trials", "3", "--epochs", "3", cwd=tmp_path, **home)
    best = call(orch, "best", cwd=tmp_path, **home)
    assert "learning_rate:" in best
    call(orch, "analyze", cwd=tmp_path, **home)
    assert list((tmp_path / "runs").glob("*/figures/*.png"))
