"""A package outside this repository, installed beside orch and swept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

PLUGIN = Path(__file__).parent / "assets" / "plugin"

pytestmark = pytest.mark.timeout(600)


def call(*command: str | Path, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
        cwd=more.get("HOME"),
    )
    assert done.returncode == code, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path in which the package is installed as pip installs it."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PLUGIN, folder / "source")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--no-build-isolation", "--no-index", "--target", folder / "site", source],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def home(site: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path), "PYTHONPATH": str(site), "ORCH_DATA": str(tmp_path / "data"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip


ORCH = (sys.executable, "-m", "orchestrator")


def test_what_a_package_brings_is_listed_and_what_is_broken_is_named(home: dict[str, str]) -> None:
    listed = json.loads(call(*ORCH, "list", "--json", **home).stdout)
    architectures = {row["name"]: row for row in listed["architectures"]}
    assert architectures["swing"]["space"] == (
        "width 4..32 log, depth 1..2, dropout 0..0.5 if depth = 2"
    )
    assert architectures["broken-swing"]["summary"] == (
        "architecture 'broken-swing' does not load: libswing.so.3: cannot open shared object file "
        "(broken.py:3)"
    )
    assert {"gru", "mlp", "plain-swing"} <= set(architectures)
    assert "swings" in {row["name"] for row in listed["datasets"]}
    done = call(*ORCH, "sweep", "broken-swing", code=2, **home)
    assert done.stderr.count("\n") == 1
    assert "does not load: libswing.so.3" in done.stderr


def test_a_package_s_network_is_swept_on_its_data_by_its_searcher_and_scheduler(
    home: dict[str, str], tmp_path: Path
) -> None:
    call(
        *ORCH, "sweep", "swing", "--dataset", "swings", "--trials", "4", "--epochs", "4",
        "--set", "searcher=middle", "--set", "scheduler=halfway", "--concurrency", "2", **home,
    )  # fmt: skip
    [run] = (tmp_path / "runs").iterdir()
    trials = pl.read_parquet(run / "trials.parquet").sort("number")
    assert trials["epochs"].to_list() == [4, 2, 4, 2]
    assert trials["state"].to_list() == ["completed", "pruned"] * 2
    # The middle of the space; its weights by hand, of 2 features and 3 classes.
    width, depth = trials["config.width"][0], trials["config.depth"][0]
    assert (width, trials["config.learning_rate"][0]) == (11, pytest.approx(10**-2.5))
    count = 5 * width + (depth - 1) * (width + 1) * width + 3 * (width + 1)
    assert trials["weights"][0] == count
    meta = json.loads(pl.read_parquet_metadata(run / "trials.parquet")["orch"])
    assert "pendulums" in meta["split"]


def test_the_same_network_with_and_without_orch_s_base_class_trains_alike(
    home: dict[str, str],
) -> None:
    done = [
        call(*ORCH, "try", name, "--dataset", "swings", "--epochs", "2", "--json", **home)
        for name in ("swing", "plain-swing")
    ]
    first, second = (json.loads(one.stdout)["epochs"] for one in done)
    same = ("train_loss", "valid_loss", "accuracy", "weights")
    assert len(first) == len(second) == 2
    for one, other in zip(first, second, strict=True):
        assert [one[key] for key in same] == [other[key] for key in same]


def test_a_second_package_of_the_same_name_is_an_error(
    home: dict[str, str], site: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "orch_other-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: orch-other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[orch.architectures]\nswing = other:Swing\n")
    path = f"{home['PYTHONPATH']}{os.pathsep}{other.parent}"
    done = call(*ORCH, "list", "architectures", code=2, **{**home, "PYTHONPATH": path})
    assert done.stderr.count("\n") == 1
    assert "two plug-ins are called 'swing': orch_swing.network:Swing and other:Swing." in (
        done.stderr
    )
