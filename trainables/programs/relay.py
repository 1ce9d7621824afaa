"""Between a trial and its ranks: orders go out to all of them, answers come back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Order:
    """What every rank is to do next.

    Attributes:
        what: method of :class:`trainables.programs.rank.RankTrial`.
        arguments: of it.
    """

    what: Literal["hold", "run_epoch", "freeze", "let_go"]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one rank did.

    Attributes:
        rank: which one.
        value: what the method returned.
        failure: what it raised, in one line; empty if nothing.
        detail: its traceback.
        ends: the rank has nothing left to run.
        room: the placement group that all processes lie in, with the first answer.
    """

    rank: int
    value: Any = None
    failure: str = ""
    detail: str = ""
    ends: bool = False
    room: Any = None


@dataclass(frozen=True)
class Gone:
    """There are no ranks any more.

    Attributes:
        reason: one line.
    """

    reason: str


class Relay:
    """An actor that holds one order and its answers at a time.

    Ranks wait in :meth:`answered` for the next order, so that an order needs no looking.

    Args:
        ranks: how many there are.
        patience: seconds that others have, after one of them has come to its end.
    """

    def __init__(self, ranks: int, patience: float) -> None:
        self._ranks, self._patience = ranks, patience
        self._answers: dict[int, Answer] = {}
        self._gone: Gone | None = None
        self._order: Order | None = None
        self._given, self._news = asyncio.Event(), asyncio.Event()
        self._met: set[int] = set()
        self._ended = False
        self._room: Any = None
        self._controller: Any = None

    async def answered(self, answer: Answer, *, first: bool = False) -> Order:
        """Take a rank's answer; what it is to do next, as soon as that is known."""
        if first and answer.rank in self._met:  # Ray Train has begun again: other processes
            self._lose("the process of a rank ended")
        self._met.add(answer.rank)
        if first:
            self._room = answer.room
            await self._free()
        self._answers[answer.rank] = answer
        self._news.set()
        await self._given.wait()
        if self._order is None:
            raise RuntimeError("what is given is an order")
        return self._order

    async def collect(self) -> list[Answer] | Gone:
        """The answers to the last order, or to none: ranks introduce themselves.

        All of them; or fewer, as soon as one tells a failure, or if some have not come to an
        end in the time that they have after others.
        """
        until: float | None = None
        while self._gone is None:
            found = list(self._answers.values())
            if len(found) == self._ranks or any(answer.failure for answer in found):
                return found
            if until is None and any(answer.ends for answer in found):
                until = asyncio.get_running_loop().time() + self._patience
            self._news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
            except TimeoutError:
                return list(self._answers.values())
        return self._gone

    async def ask(self, order: Order) -> list[Answer] | Gone:
        """Give an order to all ranks, each of which waits for one; their answers."""
        given, self._given = self._given, asyncio.Event()
        self._order, self._answers = order, {}
        given.set()
        return await self.collect()

    async def meet(self, controller: list[Any]) -> None:
        """Know Ray Train's controller, by a reference to its handle."""
        [self._controller] = controller
        await self._free()

    async def end(self, reason: str = "the processes of the trial were ended") -> None:
        """End the ranks and give their room back, now or as soon as they are known."""
        self._lose(reason)
        self._ended = True
        await self._free()

    async def _free(self) -> None:
        if not self._ended:
            return
        if self._room is not None:
            from ray.util.placement_group import remove_placement_group

            remove_placement_group(self._room)  # and whatever runs in it
        elif self._controller is not None:
            controller = await self._controller
            controller.abort.remote()

    def _lose(self, reason: str) -> None:
        self._gone = self._gone or Gone(reason)
        self._news.set()
