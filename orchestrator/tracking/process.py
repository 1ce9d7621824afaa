"""The tracking process; it is started as a file, beside the process that runs the sweep.

In: an order, a line of JSON. The other process keeps its end of the pipe open: where that
closes, it is gone, however it ended; what the journal has then is told, and this one ends.

It imports nothing but Python's own until it knows the other's ``sys.path``.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
import threading
from pathlib import Path

PATIENCE_SECONDS = 3.0


def main() -> None:
    """Follow the run that the order names."""
    order = json.loads(sys.stdin.buffer.readline())
    # A sweep needs the cores most while it starts; a short one is told of when it has ended.
    select.select([sys.stdin], [], [], PATIENCE_SECONDS)
    sys.path[:] = order["path"]

    from orchestrator.tracking.niceness import step_back
    from orchestrator.tracking.telling import alone, tell

    step_back()
    gone = _watched()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("orchestrator.tracking").setLevel(logging.INFO)
    folder = Path(order["folder"])
    with alone(folder):
        tell(folder, order["tracking"], gone)
    logging.shutdown()
    os._exit(0)  # a thread that is stuck in somebody's code must not keep the process


def _watched() -> threading.Event:
    """Set when the process that runs the sweep is gone, or this one is asked to end."""
    gone = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: gone.set())

    def watch() -> None:
        sys.stdin.buffer.read()  # nothing more is said: it returns at the end
        gone.set()

    threading.Thread(target=watch, name="watch", daemon=True).start()
    return gone


if __name__ == "__main__":
    main()
