"""The process in which configs are tried; it is started as a file and speaks in lines.

In: an order, a line of JSON, then a few series as safetensors. Out: a line of JSON for each
thing that happens. What the tried networks print goes to the standard error, so that it
cannot be taken for such a line.

It imports nothing but Python's own until it knows the parent's ``sys.path``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    """Try what the parent asks for and say what came of it."""
    order = json.loads(sys.stdin.buffer.readline())
    arrays = sys.stdin.buffer.read()
    sys.path[:] = order["path"]
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(kind: str, **facts: Any) -> None:
        said.write(json.dumps({"kind": kind, **facts}) + "\n")
        said.flush()

    from orchestrator.preflight.few import Few
    from orchestrator.preflight.trying import try_all

    try_all(order, Few.unpacked(order["few"], arrays), say)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
