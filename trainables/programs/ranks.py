"""A trial's processes as the trial sees them: orders go out, and all of them answer."""

from __future__ import annotations

from typing import Any

from searchspaces.errors import OrchError
from trainables.outcomes import WorkersLostError
from trainables.programs.relay import Answer, Gone, Order

PROBE_SECONDS = 10.0
"""For a process to say that it lives, when another has failed."""
LOOK_SECONDS = 5.0
"""Between two looks at whether all processes live, while an epoch lasts."""


class RankError(OrchError):
    """A rank raised, or the ranks do not agree.

    Attributes:
        detail: the traceback, if something was raised.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


class Ranks:
    """All processes of a group; waits until they stand, for as long as there is no room.

    Args:
        relay: of the group.

    Attributes:
        node: name of the machine that rank 0 runs on.

    Raises:
        OrchError: one of them cannot load the user's function.
        WorkersLostError: they ended.
    """

    def __init__(self, relay: Any) -> None:
        import ray

        self._relay = relay
        self._handles: dict[int, Any] = {}
        answers = self._heard(relay.collect.remote())
        for answer in answers:
            if answer.failure:
                raise OrchError(answer.failure)
        self._handles = {answer.rank: ray.get(answer.value[0][0]) for answer in answers}
        self.node: str = answers[0].value[1]

    def ask(self, order: Order) -> list[Answer]:
        """What every rank answers, by rank.

        Raises:
            RankError: one of them raised, or has come to its end and another has not.
            WorkersLostError: a process or its machine is gone.
        """
        answers = self._heard(self._relay.ask.remote(order))
        missing = set(self._handles) - {answer.rank for answer in answers}
        wrong = next((answer for answer in answers if answer.failure), None)
        if wrong is not None:
            # Of a process that died, others know only that it does not answer.
            self._probe(missing, strict=True)
            raise RankError(f"rank {wrong.rank}: {wrong.failure}", wrong.detail)
        ends = {answer.rank for answer in answers if answer.ends}
        goes_on = missing | {answer.rank for answer in answers if not answer.ends}
        if ends and goes_on:
            raise RankError(
                f"rank {min(ends)} has returned and rank {min(goes_on)} has not. All ranks have "
                f"to yield as often."
            )
        return answers

    def _heard(self, said: Any) -> list[Answer]:
        import ray
        from ray.exceptions import RayError

        try:
            while not ray.wait([said], timeout=LOOK_SECONDS)[0]:
                self._probe(set(self._handles))
            found: list[Answer] | Gone = ray.get(said)
        except RayError as error:
            raise WorkersLostError("the processes of the trial are gone") from error
        if isinstance(found, Gone):
            raise WorkersLostError(found.reason)
        return sorted(found, key=lambda answer: answer.rank)

    def _probe(self, ranks: set[int], *, strict: bool = False) -> None:
        """See whether these processes live.

        Raises:
            WorkersLostError: one does not, or does not say so in time where this is strict.
        """
        import ray
        from ray.exceptions import GetTimeoutError, RayError

        asked = {rank: self._handles[rank].__ray_ready__.remote() for rank in ranks}
        for rank, said in asked.items():
            try:
                ray.get(said, timeout=PROBE_SECONDS)
            except GetTimeoutError as error:
                if strict:
                    raise WorkersLostError(gone(rank, error)) from error
            except RayError as error:
                raise WorkersLostError(gone(rank, error)) from error


def gone(rank: int, error: BaseException) -> str:
    """Why the process of a rank is no more, as far as Ray knows."""
    text = str(error)
    if "running low on memory" in text:
        return f"the node of rank {rank} was low on memory, and Ray ended its process"
    if "node was terminated" in text or "node has been marked dead" in text:
        return f"the node of rank {rank} is gone"
    return f"the process of rank {rank} ended"
