"""The second process; it is started as a file and speaks through a socket.

It imports nothing but Python's own until it knows the first process's ``sys.path``.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from multiprocessing.connection import Connection


def main() -> None:
    """Answer until the first process is gone."""
    pipe = Connection(int(sys.argv[1]))
    with suppress(EOFError):
        sys.path[:] = pipe.recv()
        from orchestrator.dashboard.worker import serve

        serve(pipe, pipe.recv())


if __name__ == "__main__":
    main()
