"""Every trial runs to the end, in the order of its number."""

from __future__ import annotations

from typing import Literal

from pydantic import PrivateAttr

from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.decisions import Decision, Place, Rung, Start, Stop

_ONLY = Place(bracket=0, rung=0)


class Fifo(Scheduler):
    """First in, first out: no trial ends early.

    Memory holds the running trials and how many have started, nothing of finished ones.
    """

    kind: Literal["fifo"] = "fifo"

    _trials: int = PrivateAttr(default=0)
    _max_epochs: int = PrivateAttr(default=0)
    _started: int = PrivateAttr(default=0)
    _running: set[int] = PrivateAttr(default_factory=set)

    @property
    def exact(self) -> bool:
        """Nothing ends early."""
        return True

    @property
    def weighs(self) -> bool:
        """It compares nothing."""
        return True

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Plan one bracket of one rung."""
        super().begin(trials=trials, max_epochs=max_epochs)
        self._trials, self._max_epochs, self._started = trials, max_epochs, 0
        self._running = set()

    def propose(self) -> Start | None:
        """A Start while trials are left."""
        return Start(bracket=0, until=self._max_epochs) if self._started < self._trials else None

    def started(self, number: int) -> None:
        """Count the trial."""
        if number in self._running or self._started == self._trials:
            raise unexpected(number, "started")
        self._started += 1
        self._running.add(number)

    def report(self, number: int, epoch: int, loss: float) -> Decision:  # noqa: ARG002  # nothing ranks
        """Stop at ``max_epochs``, the only milestone."""
        if number not in self._running or epoch != self._max_epochs:
            raise unexpected(number, f"reported at epoch {epoch}")
        self._running.remove(number)
        return Stop()

    def ended(self, number: int) -> None:
        """Forget the trial."""
        if number not in self._running:
            raise unexpected(number, "ended")
        self._running.remove(number)

    def place(self, number: int) -> Place:  # noqa: ARG002  # there is but one place
        """The one rung of the one bracket."""
        return _ONLY

    def plan(self) -> list[list[Rung]]:
        """All trials at ``max_epochs``."""
        return [[Rung(self._max_epochs, self._trials)]]

    @property
    def finished(self) -> bool:
        """All trials have started and none runs."""
        return self._started == self._trials and not self._running
