"""Where data sets lie on this machine, and how a message writes a path."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder of all data sets: ``ORCH_DATA``, else ``orch/data`` in the user's cache."""
    chosen = os.environ.get("ORCH_DATA", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("orch") / "data"


def shown(path: Path) -> str:
    """``path`` as a person writes it, with ``~`` for the home folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):  # not below the home folder, or there is none
        return str(path)
