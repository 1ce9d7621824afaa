"""Libraries that some searchers need and a plain install has not."""

from __future__ import annotations

from importlib.util import find_spec

from searchspaces.errors import UsageError


def need(library: str, kind: str, *, extra: str = "optuna") -> None:
    """Say what to install if a library is missing; it is looked for, not imported.

    Args:
        library: the name it is imported under.
        kind: of the searcher.
        extra: of ``orch-sweep``, which brings it.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec(library) is None:
        raise UsageError(
            f"searcher {kind} needs {library}. Install it: pip install 'orch-sweep[{extra}]'"
        )
