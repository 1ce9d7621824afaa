"""What W&B has of a run already, as its files say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.engine.trial import FINAL
from orchestrator.tracking.wandb_files import begun, is_offline, marker, mend, read_fragment
from orchestrator.tracking.wandb_layout import STATE


@dataclass(frozen=True)
class Known:
    """A W&B run as its fragments have it.

    Attributes:
        paths: of its fragments.
        steps: that they hold.
        over: they say how it ended, and nothing can follow.
        waits: it has fragments that were written offline, and that no server has yet; what
            follows joins them, so that one upload brings all in order.
        unsure: a fragment was begun to be uploaded, and nothing says that it was finished:
            only the server knows what it has.
        summary: of the last one that has any.
    """

    paths: tuple[Path, ...] = ()
    steps: frozenset[int] = frozenset()
    over: bool = False
    waits: bool = False
    unsure: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)


def known(paths: list[Path]) -> Known:
    """What the fragments of one W&B run say; torn ones are mended on the way.

    Raises:
        OSError: one cannot be read or mended.
    """
    steps: set[int] = set()
    over = waits = unsure = False
    summary: Mapping[str, Any] = {}
    for path in paths:
        fragment = read_fragment(path)
        if fragment.torn:
            mend(path)
        steps |= fragment.rows.keys()
        summary = fragment.summary or summary
        if fragment.exit_code is not None:
            over = over or fragment.summary.get(STATE) in FINAL
        empty = not fragment.rows and STATE not in fragment.summary
        if marker(path).exists() or (empty and not is_offline(path)):
            continue
        unsure = unsure or begun(path) or not is_offline(path)
        waits = True
    return Known(tuple(paths), frozenset(steps), over, waits, unsure, summary)


def mark(paths: Iterable[Path]) -> None:
    """Note that the server has all that these files have."""
    for path in paths:
        marker(path).touch()
