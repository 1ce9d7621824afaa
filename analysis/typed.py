"""What a person types to see more of a run, or to go on with it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def show(folder: Path) -> str:
    """The command that shows the run in that folder."""
    return f"orch show {shlex.quote(_run(folder))}"


def resume(folder: Path, raw: Mapping[str, Any]) -> str:
    """What goes on with a run: a command, or a call where a program asks for its trials.

    A limit that stopped it is taken away, but for the time, which begins anew.

    Args:
        folder: of the run.
        raw: what its tables say about it; nothing where they are missing.
    """
    run, limit = _run(folder), str(raw.get("limit") or "")
    past = limit not in {"", "max_time"}
    if asked(raw):
        return f"Study.resume({run!r}" + (f", {limit}='none')" if past else ")")
    return f"orch resume {shlex.quote(run)}" + f" --{limit.replace('_', '-')} none" * past


def asked(raw: Mapping[str, Any]) -> bool:
    """Whether a program of the user's asked for the trials and trained them itself."""
    return bool(raw.get("asked")) or raw.get("architecture") == "ask"


def _run(folder: Path) -> str:
    """Its id where commands look for it, in ``./runs``; else its path."""
    return folder.name if folder.parent.resolve() == Path("runs").resolve() else str(folder)
