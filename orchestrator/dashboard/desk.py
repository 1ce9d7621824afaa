"""Answers that were given, given again at once, and made anew behind them while somebody asks.

Nothing happens unless a page asks. What changes is looked at every two seconds at most, and
rarer the more it costs: all of it together takes no more than a fifth of a core.
"""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from orchestrator.dashboard.room import Job, Reply
from searchspaces.errors import OrchError

Ask = Callable[..., Awaitable[tuple[Reply, float]]]

LOOK_SECONDS = 2.0
REST = 5.0
"""Seconds of rest for each second of processor time."""
_AFTER_FAILURE = 10.0
_PATIENCE = 3.0
"""Seconds for which a page waits for news, at most: a browser has few connections."""
_MOST = 32
_SMALL = 2_000
"""Bytes below which nothing is compressed."""


@dataclass(frozen=True)
class Answer:
    """What a page is told.

    Attributes:
        body: JSON.
        packed: the same, compressed.
        tag: tells this answer from others.
    """

    body: bytes
    packed: bytes
    tag: str


@dataclass
class _Entry:
    task: asyncio.Task[None] | None = None
    answer: Answer | None = None
    error: OrchError | None = None
    more: bool = False
    due: float = 0.0


class Desk:
    """Answers by job.

    Args:
        ask: has a job done: ``ask(job, version, urgent=...)``.
        clock: seconds that only grow.
        sleep: lets them pass.
    """

    def __init__(
        self,
        ask: Ask,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._sleep = sleep
        self._entries: dict[Job, _Entry] = {}
        self._queue = asyncio.Lock()
        self._rest_until = 0.0
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Let go whoever waits."""
        self._ended.set()

    async def answer(self, job: Job, known: str = "") -> Answer:
        """The newest answer that there is; where that is known, or there is none, the next.

        Args:
            job: what to answer.
            known: tag of the answer that whoever asks has.

        Raises:
            OrchError: there is none, or the last attempt at a newer one failed.
        """
        entry = self._entries.pop(job, None) or _Entry()
        self._entries[job] = entry  # the last one asked for stands last
        for old in list(self._entries)[:-_MOST]:
            del self._entries[old]
        if entry.task is None and self._clock() >= entry.due:
            entry.task = asyncio.create_task(self._renew(job, entry))
        task = entry.task
        if task is not None and (entry.answer is None or entry.answer.tag == known):
            await self._wait(task, None if entry.answer is None else _PATIENCE)
            if task.done() and (error := task.exception()):
                raise error
        if entry.error is not None:
            raise entry.error
        if entry.answer is None:
            raise OrchError("the dashboard has ended")
        return entry.answer

    async def _wait(self, task: asyncio.Task[None], seconds: float | None) -> None:
        """Until a task is done, the time is up, or all of it ends."""
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({task, ended}, timeout=seconds, return_when="FIRST_COMPLETED")
        finally:
            ended.cancel()

    async def _renew(self, job: Job, entry: _Entry) -> None:
        """Make an answer; a first one, or the rest of it, is urgent."""
        tag = entry.answer.tag if entry.answer else ""
        pause = LOOK_SECONDS
        try:
            if entry.more or not tag:
                reply, _ = await self._ask(job, tag, urgent=True)
            else:
                reply, spent = await self._calmly(job, tag)
                pause = max(pause, REST * spent)
            entry.error, entry.more = None, reply.more
            if reply.body is not None:
                packed = reply.body
                if len(packed) > _SMALL:
                    packed = await asyncio.to_thread(gzip.compress, reply.body, 1)
                entry.answer = Answer(reply.body, packed, reply.version)
            pause = 0.0 if reply.more else pause
        except OrchError as error:
            entry.error = error
            pause = 0.0 if entry.answer is None else _AFTER_FAILURE
        finally:
            entry.due = self._clock() + pause
            entry.task = None

    async def _calmly(self, job: Job, tag: str) -> tuple[Reply, float]:
        """One after the other, each after the rest that the one before has earned."""
        async with self._queue:
            await self._sleep(max(0.0, self._rest_until - self._clock()))
            reply, spent = await self._ask(job, tag, urgent=False)
            self._rest_until = self._clock() + REST * spent
        return reply, spent
