"""The built wheel, in an environment that has never seen the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def needed_by(wheel: Path) -> dict[str, metadata.Distribution]:
    """What pip would install beside the wheel without its extras, as it is installed here."""
    [itself] = metadata.distributions(name="orch_sweep", path=[str(wheel)])
    todo = [(itself, frozenset({""}))]
    found, seen = {}, set()
    while todo:
        distribution, extras = todo.pop()
        for line in distribution.requires or ():
            one = Requirement(line)
            if one.marker and not any(one.marker.evaluate({"extra": extra}) for extra in extras):
                continue
            name, wanted = canonicalize_name(one.name), frozenset({"", *one.extras})
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                found[name] = metadata.distribution(name)
                todo.append((found[name], wanted))
    return found


def linked(distribution: metadata.Distribution, folder: Path) -> None:
    """Let a folder of packages hold an installed distribution, without a copy."""
    here = Path(distribution.locate_file(""))
    for file in distribution.files:
        whole = (here / file.parts[0] / "__init__.py").is_file()  # else others may add to it
        name = file.parts[0] if whole else file
        if ".." not in file.parts and not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(here / name)


def test_the_wheel_gives_a_working_orch_in_an_empty_environment(tmp_path):
    """With what pyproject.toml asks for and nothing else that is installed here."""
    pytest.importorskip("hatchling")
    pip = [sys.executable, "-m", "pip", "--isolated", "--quiet", "--disable-pip-version-check"]
    call(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation",
         "--check-build-dependencies", "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)  # fmt: skip
    [wheel] = tmp_path.glob("orch_sweep-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for package in ("searchspaces", "trainables", "orchestrator", "analysis"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in packed

    venv = tmp_path / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    [packages] = venv.glob("lib/python*/site-packages")
    for distribution in needed_by(wheel).values():
        linked(distribution, packages)
    # pip finds there all that the wheel asks for, in the versions it asks for: it may fetch none.
    call(*pip, "--python", venv / "bin" / "python", "install", "--no-index",
         "-c", ROOT / "constraints.txt", wheel,
         cwd=tmp_path, PIP_CONFIG_FILE=os.devnull)  # fmt: skip

    orch = venv / "bin" / "orch"
    home = {"HOME": str(tmp_path), "ORCH_DATA": str(tmp_path / "data")}
    assert "gru-bohb" in call(orch, "list", cwd=tmp_path, **home)
    call(orch, "sweep", "mlp-asha", "--trials", "3", "--epochs", "3",
         "--concurrency", "1", cwd=tmp_path, **home)  # fmt: skip
    best = call(orch, "best", cwd=tmp_path, **home)
    assert "learning_rate:" in best
    call(orch, "analyze", cwd=tmp_path, **home)
    assert list((tmp_path / "runs").glob("*/figures/*.png"))
