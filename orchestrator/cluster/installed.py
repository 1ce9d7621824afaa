"""Files of the Ray that is installed; it is found, not imported, which would take a second."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def file_of_ray(name: str) -> Path | None:
    """A file of its package, such as ``autoscaler/ray-schema.json``; None if it is not there."""
    ray = importlib.util.find_spec("ray")
    for folder in (ray.submodule_search_locations or ()) if ray else ():
        path = Path(folder, name)
        if path.is_file():
            return path
    return None
