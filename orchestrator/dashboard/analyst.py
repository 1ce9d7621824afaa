"""What the dashboard is handed: pages, and what is worked out about runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Analyst:
    """Functions of a module, since another process calls them by name.

    Folders are those of runs, or of stand-ins with the same tables. Whatever is returned is
    plain JSON values. An :class:`searchspaces.errors.OrchError` says in one line why there is
    nothing; :class:`searchspaces.errors.UsageError` that there is nothing yet.

    Attributes:
        warm: imports what the others need.
        report: everything that a run's page shows.
        curve: how the best of a run improved, for the page of all runs.
        compare: several runs side by side.
    """

    warm: Callable[[], None]
    report: Callable[[Path], dict[str, Any]]
    curve: Callable[[Path], dict[str, Any]]
    compare: Callable[[Sequence[Path]], dict[str, Any]]


@dataclass(frozen=True)
class Pages:
    """What a browser is sent before any data.

    Attributes:
        shell: the page of a kind (``home``, ``run``, ``compare``) under a title.
        asset: a file that the pages name, with its media type; None if there is none.
    """

    shell: Callable[[str, str], str]
    asset: Callable[[str], tuple[str, str] | None]
