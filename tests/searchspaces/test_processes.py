"""What importing the package costs, and draws in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

import searchspaces
from searchspaces import GruSpace, JointSpace, Training

DRAW = """
import json
import numpy as np
from searchspaces import GruSpace, JointSpace, Training
space = JointSpace(GruSpace(), Training())
rng = np.random.default_rng([7, 3])
print(json.dumps([dict(space.sample(rng)) for _ in range(20)]))
"""

EVERYTHING = """
import sys
import searchspaces
for name in searchspaces.__all__:
    getattr(searchspaces, name)
searchspaces.space_of("gru")
print(sorted({"ray", "torch", "pandas", "polars", "scipy"} & set(sys.modules)))
"""

ERRORS = """
import sys
import searchspaces.errors, searchspaces.registry
print(sorted({"ray", "torch", "numpy", "pydantic"} & set(sys.modules)))
"""


def run(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_another_process_draws_the_same_configs() -> None:
    space = JointSpace(GruSpace(), Training())
    rng = np.random.default_rng([7, 3])
    expected = [dict(space.sample(rng)) for _ in range(20)]
    for hash_seed in ("1", "2"):
        assert json.loads(run(DRAW, PYTHONHASHSEED=hash_seed)) == expected


def test_the_package_imports_neither_ray_nor_torch() -> None:
    assert run(EVERYTHING).strip() == "[]"


def test_errors_and_registries_cost_neither_numpy_nor_pydantic() -> None:
    assert run(ERRORS).strip() == "[]"


def test_every_exported_name_is_there() -> None:
    assert sorted(searchspaces.__all__) == dir(searchspaces)
    for name in searchspaces.__all__:
        assert getattr(searchspaces, name) is not None
