"""One process of a trial that runs in several: the user's function, told its rank."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from searchspaces.errors import raised
from trainables.outcomes import EpochDone, Outcome
from trainables.programs.function import FunctionTrial, State
from trainables.programs.relay import Answer, Order

if TYPE_CHECKING:
    from trainables.data.part import SweepData


class RankTrial(FunctionTrial):
    """A training function's trial in one of its processes."""

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        target: str,
        epochs: int,
        rank: int,
        workers: int,
        data: SweepData | None = None,
    ) -> None:
        """Import the function.

        Args:
            target: ``module:attribute``.
            epochs: of a trial that is never stopped.
            rank: of this process.
            workers: processes of the trial.
            data: handed to the function as ``state.data``.
        """
        super().prepare(target=target, epochs=epochs, data=data)
        self._rank, self._workers = rank, workers

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Be ready to call the function."""
        super().start(config, seed=seed)
        self._state = State(
            epochs=self._epochs,
            seed=seed,
            data=self._data,
            rank=self._rank,
            workers=self._workers,
        )


class AloneTrial(RankTrial):
    """A function that asks for several processes, in this one alone: for debugging.

    Its process group has one member, so that what the function does together with others
    works.
    """

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self, *, target: str, epochs: int, data: SweepData | None = None
    ) -> None:
        """Import the function, and be the one rank."""
        super().prepare(target=target, epochs=epochs, rank=0, workers=1, data=data)
        from torch import distributed

        if not distributed.is_initialized():
            store = distributed.HashStore()  # type: ignore[attr-defined]  # documented as this
            distributed.init_process_group("gloo", store=store, rank=0, world_size=1)


class _Rank:
    """Does what it is told."""

    def __init__(self, settings: Mapping[str, Any], rank: int) -> None:
        import ray

        [data] = settings["data"]
        self._rank = rank
        self._held = RankTrial.bare(
            target=settings["target"],
            epochs=settings["epochs"],
            rank=rank,
            workers=settings["workers"],
            data=ray.get(data),
        )

    def obey(self, order: Order) -> Answer:
        """Follow an order; whatever the user's function raises is an answer."""
        try:
            value = getattr(self, order.what)(*order.arguments)
        except BaseException as error:  # noqa: BLE001  # a user's function may raise anything
            return failed(self._rank, error)
        ends = order.what == "let_go"
        if order.what == "run_epoch":
            ends = not isinstance(value[0], EpochDone)
        return Answer(self._rank, value, ends=ends)

    def hold(self, config: Mapping[str, Any], seed: int, state: list[Any]) -> int:
        """Hold a trial, from a state if there is one; the epoch it is at."""
        import ray

        self._held.let_go()
        self._held.start(config, seed=seed)
        return self._held.thaw(ray.get(state[0])) if state else 0

    def run_epoch(self) -> tuple[Outcome, int]:
        """How the epoch ended, and the one after which the state was kept last."""
        outcome = self._held.run_epoch()
        return outcome, self._held.frozen_epoch(0)

    def freeze(self) -> list[Any]:
        """A reference to the state, from rank 0."""
        import ray

        return [ray.put(self._held.freeze())] if self._rank == 0 else []

    def let_go(self) -> None:
        """Close the generator."""
        self._held.let_go()


def serve(settings: Mapping[str, Any]) -> None:
    """What Ray Train runs in each process: follow the relay's orders until the process ends.

    Args:
        settings: ``relay``, ``path``, ``threads``, and the arguments of :class:`RankTrial`.
    """
    import ray
    import ray.train
    import torch
    from ray.util import get_current_placement_group

    sys.path += [folder for folder in settings["path"] if folder not in sys.path]
    rank = ray.train.get_context().get_world_rank()
    torch.set_num_threads(settings["threads"])
    one: _Rank | None = None
    try:
        one = _Rank(settings, rank)
        # In a reference, so that the relay need not import Ray Train to hand it on.
        me = [ray.put(ray.get_runtime_context().current_actor)]
        answer = Answer(rank, (me, platform.node()))
    except Exception as error:  # noqa: BLE001  # to be told where the sweep runs
        answer = failed(rank, error)
    answer = replace(answer, room=get_current_placement_group())
    order = ray.get(settings["relay"].answered.remote(answer, first=True))
    while one is not None:
        order = ray.get(settings["relay"].answered.remote(one.obey(order)))


def failed(rank: int, error: BaseException) -> Answer:
    """The answer of a rank that raised."""
    detail = "".join(traceback.format_exception(error))
    return Answer(rank, failure=raised(error), detail=detail)
