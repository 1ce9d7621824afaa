"""Training functions that ask for several processes a trial: ``train.workers = 2``.

The processes are kept from trial to trial. Each runs the same function; what rank 0 yields
and saves counts. After a failure they cannot be used again, since some may wait for others for
ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from trainables.outcomes import EpochFailed, Outcome, WorkersLostError
from trainables.programs.ranks import RankError, Ranks
from trainables.programs.relay import Answer, Order
from trainables.trial import Trial


class TogetherTrial(Trial):
    """Holds trials that run in several processes, and passes on what these say."""

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self, *, relay: Any, **_: Any
    ) -> None:
        """Wait for the processes, which have the function and the data.

        Args:
            relay: of their :class:`trainables.programs.group.Group`.

        Raises:
            OrchError: the function does not load.
        """
        self._ranks: Ranks | None = Ranks(relay)
        self.node = self._ranks.node
        self._begun, self._kept_epoch = False, 0

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Note what to run; the ranks are told with its first epoch, or with its state."""
        self._trial = dict(config), seed
        self._begun, self._kept_epoch = False, 0

    def thaw(self, state: bytes) -> int:
        """Have the state ready for the function to ask for, in every rank."""
        import ray

        self._kept_epoch = self._tell([ray.put(state)])
        return self._kept_epoch

    def run_epoch(self) -> Outcome:
        """Run every rank to its next ``yield``; rank 0's metrics.

        Raises:
            WorkersLostError: a process or its machine is gone, or they failed before.
        """
        try:
            if not self._begun:
                self._tell([])
            answers = self._ask(Order("run_epoch"))
        except RankError as error:
            return EpochFailed(str(error), detail=error.detail)
        outcome: Outcome
        outcome, self._kept_epoch = answers[0].value
        failed = next((a.value[0] for a in answers if isinstance(a.value[0], EpochFailed)), None)
        return outcome if failed is None else failed

    def frozen_epoch(self, epoch: int) -> int:  # noqa: ARG002  # rank 0 knows better
        """The epoch after which rank 0 last saved its state."""
        return self._kept_epoch

    def freeze(self) -> bytes:
        """What rank 0 saved last."""
        import ray

        [state] = self._ask(Order("freeze"))[0].value
        found: bytes = ray.get(state)
        return found

    def let_go(self) -> None:
        """Close the generators."""
        begun, self._begun = self._begun, False
        if begun:
            with suppress(RankError, WorkersLostError):  # the trial is over, whatever they say
                self._ask(Order("let_go"))

    def _tell(self, state: list[Any]) -> int:
        reached: int = self._ask(Order("hold", (*self._trial, state)))[0].value
        self._begun = True
        return reached

    def _ask(self, order: Order) -> list[Answer]:
        if self._ranks is None:
            raise WorkersLostError("the processes of the trial have failed before")
        try:
            return self._ranks.ask(order)
        except (RankError, WorkersLostError):
            self._begun, self._ranks = False, None
            raise
