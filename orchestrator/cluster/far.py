"""The far side of a mirror: ``python -m orchestrator.cluster.far RUNS``.

It answers on its standard output what comes in by its standard input, and ends with that. It is
started by ssh: no port is open, and who may log in may ask. Nothing outside RUNS is read or
written. See :mod:`orchestrator.cluster.wire` for what is asked, and
:mod:`orchestrator.cluster.mirror` for who asks.
"""

from __future__ import annotations

import os
import platform
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

from orchestrator.cluster import shelf, wire

LOOK_SECONDS = 0.05
"""Between two looks at a folder of which somebody waits to hear."""
ALIVE_SECONDS = 1.0
"""Between two looks at who owns it."""
IDLE_SECONDS = 900.0
"""Nobody has asked anything for so long: the connection is gone, and nobody has told."""


class Far:
    """Answers requests about the runs of a folder.

    Args:
        runs: the folder.
        source: descriptor that requests come from.
        sink: descriptor that answers go to.
    """

    def __init__(self, runs: Path, source: int, sink: int) -> None:
        self._runs = runs
        self._source = source
        self._sink = sink
        self._unpacker = wire.Unpacker(wire.Request)
        self._queue: list[tuple[wire.Request, bytes]] = []
        self._alive: dict[str, tuple[float, bool]] = {}

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        os.write(self._sink, wire.MARK)
        self._say(wire.Hello(wire.PROTOCOL, platform.node(), str(self._runs)))
        while self._queue or self._heard(IDLE_SECONDS):
            if not self._queue:
                continue  # half a frame
            request, body = self._queue.pop(0)
            try:
                self._answer(request, body)
            except shelf.GoneError:
                self._say(wire.Gone())
            except shelf.RefusedError as error:
                self._say(wire.Refused(str(error)))
            except BrokenPipeError:
                return
            except OSError as error:
                self._say(wire.Refused(f"{error.strerror or error}"))

    def _answer(self, request: wire.Request, body: bytes) -> None:
        if isinstance(request, wire.Runs):
            self._say(wire.Names(shelf.runs_in(self._runs)))
            return
        run = shelf.run_folder(self._runs, request.run)
        match request:
            case wire.Look():
                self._say(self._look(request, run))
            case wire.Everything():
                self._say(self._seen(run, shelf.everything(run)))
            case wire.Read():
                for reply, data in shelf.reading(run, request):
                    self._say(reply, data)
            case wire.Sums():
                lengths: list[int | None] = [*request.lengths] or [None] * len(request.paths)
                for path, length in zip(request.paths, lengths, strict=False):
                    for found in shelf.summing(run, path, length):
                        self._say(found)
            case wire.Letter():
                shelf.deliver(run, request.name, body)
                self._say(wire.Done())

    def _look(self, request: wire.Look, run: Path) -> wire.Seen:
        """What there is, as soon as that is another thing than what is known."""
        until = time.monotonic() + request.seconds
        while True:
            seen = self._seen(run, shelf.live(run))
            left = until - time.monotonic()
            if seen.token != request.known or left <= 0 or self._queue:
                return seen
            self._heard(min(LOOK_SECONDS, left))

    def _seen(self, run: Path, files: list[wire.File]) -> wire.Seen:
        exists, alive = (run / "spec.yaml").is_file(), self._is_alive(run)
        token = shelf.token_of(files, exists=exists, alive=alive)
        return wire.Seen(token, exists, alive, shelf.free(self._runs), files)

    def _is_alive(self, run: Path) -> bool:
        now = time.monotonic()
        asked, alive = self._alive.get(run.name, (-ALIVE_SECONDS, False))
        if now - asked >= ALIVE_SECONDS:
            alive = shelf.is_owned(run)
            self._alive[run.name] = now, alive
        return alive

    def _heard(self, seconds: float) -> bool:
        """Take in what comes in that time; whether anything did.

        Raises:
            SystemExit: nothing can come any more.
        """
        if not select.select([self._source], [], [], seconds)[0]:
            return False
        data = os.read(self._source, 1 << 16)
        if not data:
            raise SystemExit(0)
        self._queue += self._unpacker.feed(data)
        return True

    def _say(self, reply: wire.Reply, body: bytes = b"") -> None:
        data = memoryview(wire.pack(reply, body))
        while data:
            data = data[os.write(self._sink, data) :]


def main(words: list[str]) -> int:
    """Serve the folder that is named; the exit code."""
    if len(words) != 1:
        print("usage: python -m orchestrator.cluster.far RUNS", file=sys.stderr)
        return 2
    sink = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed must not come between the frames
    runs = Path(words[0]).expanduser()
    with suppress(BrokenPipeError):
        try:
            runs.mkdir(parents=True, exist_ok=True)
            Far(runs.resolve(), 0, sink).serve()
        except wire.WireError as error:
            print(f"orch: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(f"orch: {runs}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
