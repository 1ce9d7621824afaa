"""The process in which configs are tried; it is started as a file and speaks in lines.

In: an order, a line of JSON, then a few series as safetensors. The parent keeps its end open:
where it closes, the parent is gone, however it ended, and so is this process, whatever it
does. Out: a line of JSON for each thing that happens. What the tried networks print goes to
the standard error, so that it cannot be taken for such a line.

It imports nothing but Python's own until it knows the parent's ``sys.path``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def main() -> None:
    """Try what the parent asks for and say what came of it."""
    order = json.loads(sys.stdin.buffer.readline())
    arrays = sys.stdin.buffer.read(order["bytes"])
    _end_with_parent()
    sys.path[:] = order["path"]
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(kind: str, **facts: Any) -> None:
        said.write(json.dumps({"kind": kind, **facts}) + "\n")
        said.flush()

    from orchestrator.preflight.few import Few
    from orchestrator.preflight.trying import try_all

    try_all(order, Few.unpacked(order["few"], arrays), say)


def _end_with_parent() -> None:
    """Watch the standard input, which what is tried finds empty from now on."""
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(parent, 1)  # nothing more is said: it returns at the end
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
