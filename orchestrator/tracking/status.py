"""How far tracking has come, as the tracking process writes it down for others."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE = "tracking.json"
SECONDS = 1.0
"""Between two writings, unless something has ended."""


class Status:
    """``tracking.json`` of a run.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._sinks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._written = 0.0
        self.beat = time.monotonic()

    def note(self, sink: str, **facts: Any) -> None:
        """What there is to say of a sink now; ``done=True`` says that nothing follows."""
        with self._lock:
            self.beat = time.monotonic()
            self._sinks[sink] = facts
            if facts.get("done") or self.beat - self._written > SECONDS:
                self._written = self.beat
                self._write()

    def alive(self) -> None:
        """Something was told; who waits for an end knows that it goes on."""
        self.beat = time.monotonic()

    def _write(self) -> None:
        document = {"pid": os.getpid(), "at": time.time(), "sinks": self._sinks}
        part = self._path.with_name(f".{FILE}.part")
        with suppress(OSError):  # what is told counts for more than what is said of it
            part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
            part.replace(self._path)


def read_status(folder: Path) -> dict[str, dict[str, Any]]:
    """What the tracking process last said of each sink; empty where there was none."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))["sinks"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
