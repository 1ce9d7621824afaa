"""The second process: it reads and analyzes, so that the first one answers at once.

It gives way to the sweep: what nobody waits for runs at a lower priority, and all of it on one
core. It ends with the first process, however that ends, and removes what it has made.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from orchestrator.dashboard.analyst import Analyst
from orchestrator.dashboard.known import Known
from orchestrator.dashboard.room import Job, Reply, Room, UnknownRunError
from searchspaces.errors import OrchError, raised

_CHILD = Path(__file__).with_name("child.py")
_NICE = 5
_ENDING = 2.0
_ONE_CORE = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerError(OrchError):
    """There is no answer: the process died of the question, or says why."""


@dataclass(frozen=True)
class Settings:
    """What the process is started with.

    Attributes:
        known: the runs.
        folder: of the dashboard, for tables made from journals; the process removes it at its
            end, in case there is nobody else to do so.
        analyst: what is worked out.
        debug: leave its standard error open.
    """

    known: Known
    folder: Path
    analyst: Analyst
    debug: bool = False


class Worker:
    """The second process, seen from the first; it is started again when it has died.

    Args:
        settings: of the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, "dashboard")
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, which imports what it needs while nobody waits."""
        here, there = multiprocessing.Pipe()
        self._process = subprocess.Popen(  # noqa: S603  # our own file, by our own interpreter
            # -P: a file of the present folder must not stand in for one of Python's own.
            [sys.executable, "-P", str(_CHILD), str(there.fileno())],
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what imported code prints is not for our terminal
            stderr=None if self._settings.debug else subprocess.DEVNULL,
            env={**os.environ, **dict.fromkeys(_ONE_CORE, "1")},
            process_group=0,  # Ctrl-C is for the first process
        )
        there.close()  # where the process dies, the end of this side says so
        here.send(sys.path)
        here.send(self._settings)
        self._pipe = here

    async def ask(self, job: Job, version: str, *, urgent: bool) -> tuple[Reply, float]:
        """An answer, and the seconds of processor time that it took; one job at a time.

        Args:
            job: what to do.
            version: of the answer that is known; empty for none.
            urgent: somebody waits for it.

        Raises:
            OrchError: as the job did, or the process died.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._exchange, job, version, urgent)

    def close(self) -> None:
        """End the process at once, whatever it does."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._pipe is not None:
            self._pipe.close()
        shutil.rmtree(self._settings.folder, ignore_errors=True)

    def _exchange(self, job: Job, version: str, urgent: bool) -> tuple[Reply, float]:
        if self._closed:
            raise WorkerError("the dashboard has ended")
        if self._pipe is not None and self._pipe.poll():  # nothing was asked: it is the end
            self._pipe.close()
            self._pipe = None
        if self._pipe is None:
            self.start()
        if self._process is None or self._pipe is None:
            raise RuntimeError("the process was not started")
        try:
            self._pipe.send((job, version, urgent))
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDING)
            code = self._process.returncode
            how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
            self._pipe.close()
            self._pipe = None
            raise WorkerError(f"the process that analyzes ended {how}") from error
        if isinstance(answer, Exception):
            raise answer
        reply: tuple[Reply, float] = answer
        return reply


def serve(pipe: Connection, settings: Settings) -> None:
    """Answer what comes through the pipe until its other end is closed."""
    if not settings.debug:
        warnings.simplefilter("ignore")
    room = Room(settings.known, settings.folder / "tables", settings.analyst)
    warming = threading.Thread(target=settings.analyst.warm, daemon=True)
    warming.start()
    # What nobody waits for has a thread of its own: a priority once lowered is never raised.
    calm = ThreadPoolExecutor(1, initializer=_give_way)
    try:
        with suppress(EOFError, OSError):  # the first process is gone
            while True:
                job, version, urgent = pipe.recv()
                # What is imported meanwhile is no part of what an answer costs.
                clock = time.thread_time if warming.is_alive() else time.process_time
                work = (room, job, version, clock)
                pipe.send(_answer(*work) if urgent else calm.submit(_answer, *work).result())
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)


def _answer(
    room: Room, job: Job, version: str, clock: Callable[[], float]
) -> tuple[Reply, float] | Exception:
    began = clock()
    name, *rest = job
    try:
        reply: Reply = getattr(room, name)(version, *rest)
    except UnknownRunError as error:
        return error
    except OrchError as error:  # others need not survive the way to another process
        return WorkerError(raised(error))
    except Exception as error:  # noqa: BLE001  # told on the page; the process goes on
        return WorkerError(raised(error))
    return reply, clock() - began


def _give_way() -> None:
    """Lower the priority of this thread; where threads have none of their own, of the process."""
    with suppress(OSError, AttributeError):
        who = threading.get_native_id() if sys.platform == "linux" else 0
        now = os.getpriority(os.PRIO_PROCESS, who)
        os.setpriority(os.PRIO_PROCESS, who, min(19, now + _NICE))
