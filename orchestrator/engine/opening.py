"""The record with which a process takes a run over: where it is, with what, on which data."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestrator.engine.records import Opened

if TYPE_CHECKING:
    from searchspaces import DataFacts


def opened(
    facts: DataFacts | None,
    *,
    split: str = "",
    warning: str = "",
    fingerprint: str = "",
    asked: bool = False,
) -> Opened:
    """The record of this process, now.

    Args:
        facts: of the data; None where nothing is known of them.
        split: how validation data were held out, in words.
        warning: why scores are to be taken with care; empty where they are honest.
        fingerprint: checksum of the data; empty where none was taken.
        asked: the process asks for trials and trains them itself.
    """
    return Opened(
        at=time.time(),
        host=platform.node(),
        pid=os.getpid(),
        versions=versions(),
        split=split,
        facts={} if facts is None else asdict(facts),
        warning=warning,
        fingerprint=fingerprint,
        asked=asked,
    )


def versions() -> dict[str, str]:
    """Of Python, orch and what computes."""
    names = ("orch-sweep", "ray", "torch", "numpy")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }
