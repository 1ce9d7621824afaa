"""Population based training: bad trials go on from good ones, with a changed config."""

from __future__ import annotations

import math
import numbers
from collections import OrderedDict
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from orchestrator.declared import one_or_more
from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.decisions import (
    Clone,
    Decision,
    Pause,
    Place,
    Proposal,
    Prune,
    Resume,
    Rung,
    Start,
    Stop,
    Variation,
)

_Names = Annotated[tuple[str, ...], one_or_more("parameters", "learning_rate")]
_Factors = Annotated[
    tuple[Annotated[float, Field(gt=0)], ...], one_or_more("factors", "1.2", numbers.Real)
]


class Pbt(Scheduler):
    """Population based training, in generations.

    All trials of the sweep are the population. Each pauses every ``every`` epochs. When all
    that are left have come to such an epoch they are ranked by their loss of that epoch
    alone; ties go to the lower number. The worst ``n * quantile``, rounded down but at least
    one of two, each copy the weights of one of as many at the top (exploit), with its config,
    of which some numbers are multiplied by a factor or drawn anew (explore). Then all go on.
    Trials whose loss is infinite always copy; where every loss is, all are pruned. Trials that
    failed or were done by themselves leave the population.

    A generation waits for its slowest trial. For that, trials are compared and copied at the
    same epoch, whatever is run at a time, and which of them are does not depend on who was
    faster. The draws, of whom to copy and what to change, derive from the sweep's seed, the
    trial and the epoch.

    Memory: the population.

    Source: Jaderberg et al., Population Based Training of Neural Networks, arXiv:1711.09846,
    sections 3 and 4.1 (truncation selection; perturb by 1.2 or 0.8, or resample), which does
    not wait for generations.
    """

    kind: Literal["pbt"] = "pbt"
    every: int | None = Field(default=None, ge=1)
    """Epochs of a generation; None is ``max_epochs // 6``, at least 1."""
    quantile: float = Field(default=0.2, gt=0, le=0.5)
    """Share of the population that copies, and that is copied."""
    explore: _Names | None = Field(default=None, min_length=1)
    """Parameters that may change; None is all of the training that are searched."""
    factors: _Factors = Field(default=(0.8, 1.2), min_length=1)
    """What a number is multiplied by."""
    resample: float = Field(default=0.25, ge=0, le=1)
    """Probability that a parameter is drawn anew instead."""

    _trials: int = PrivateAttr(default=0)
    _levels: tuple[int, ...] = PrivateAttr(default=())
    _started: int = PrivateAttr(default=0)
    _rung: int = PrivateAttr(default=0)
    _running: dict[int, float] = PrivateAttr(default_factory=dict)
    _paused: dict[int, float] = PrivateAttr(default_factory=dict)
    _due: OrderedDict[int, Clone | Resume | Prune] = PrivateAttr(default_factory=OrderedDict)
    _places: dict[int, int] = PrivateAttr(default_factory=dict)

    @property
    def pauses(self) -> bool:
        """After every generation."""
        return True

    @property
    def exact(self) -> bool:
        """Nothing ends early."""
        return True

    @property
    def varies(self) -> Variation:
        """As its settings say."""
        return Variation(self.explore, self.factors, self.resample)

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Plan the generations."""
        super().begin(trials=trials, max_epochs=max_epochs)
        every = self.every or max(1, max_epochs // 6)
        self._trials = trials
        self._levels = (*range(every, max_epochs, every), max_epochs)
        self._started = self._rung = 0
        self._running, self._paused, self._places = {}, {}, {}
        self._due = OrderedDict()

    def propose(self) -> Proposal | None:
        """A Prune or Clone that is due, else a Start or a Resume, else None."""
        for action in self._due.values():
            return action
        if self._started < self._trials:
            return Start(bracket=0, until=self._levels[0])
        return None

    def started(self, number: int) -> None:
        """One more of the first generation."""
        if number in self._places or self._started == self._trials:
            raise unexpected(number, "started")
        self._started += 1
        self._places[number] = 0
        self._running[number] = math.inf

    def cloned(self, number: int) -> None:
        """The trial goes on with the others."""
        if not isinstance(self._due.get(number), Clone):
            raise unexpected(number, "cloned")
        self._due[number] = Resume(number, self._levels[self._rung])
        self._due.move_to_end(number)

    def resumed(self, number: int) -> None:
        """The trial runs towards the end of the generation."""
        if not isinstance(self._due.get(number), Resume):
            raise unexpected(number, "resumed")
        del self._due[number], self._paused[number]
        self._running[number] = math.inf
        self._places[number] = self._rung

    def pruned(self, number: int) -> None:
        """Forget the trial."""
        if not isinstance(self._due.get(number), Prune):
            raise unexpected(number, "pruned")
        del self._due[number], self._paused[number]

    def measured(self, number: int, epoch: int, loss: float) -> None:
        """Note the loss; the last one before the end of the generation counts."""
        if number not in self._running:
            raise unexpected(number, f"measured at epoch {epoch}")
        self._running[number] = loss

    def report(self, number: int, epoch: int, loss: float) -> Decision:  # noqa: ARG002  # the last epoch's counts, not the least
        """Pause after every generation, Stop after the last."""
        if number not in self._running or epoch != self._levels[self._rung]:
            raise unexpected(number, f"reported at epoch {epoch}")
        last = self._running.pop(number)
        if self._rung + 1 == len(self._levels):
            return Stop()
        self._paused[number] = last
        self._judge()
        return Pause()

    def ended(self, number: int) -> None:
        """The population is smaller by one."""
        if number in self._running:
            del self._running[number]
        elif number in self._paused:
            del self._paused[number]
            self._due.pop(number, None)
            for other, action in self._due.items():
                if isinstance(action, Clone):
                    self._due[other] = self._without(action, number)
        else:
            raise unexpected(number, "ended")
        self._judge()

    def place(self, number: int) -> Place:
        """The one bracket, and the generation that the trial was given last."""
        return Place(bracket=0, rung=self._places[number])

    def plan(self) -> list[list[Rung]]:
        """All trials in every generation."""
        return [[Rung(level, self._trials) for level in self._levels]]

    @property
    def finished(self) -> bool:
        """All trials have started, none runs and none waits."""
        return self._started == self._trials and not self._running and not self._paused

    def _judge(self) -> None:
        """Begin the next generation once nobody is on the way to the end of this one."""
        waiting = self._started < self._trials or self._running or self._due
        if waiting or not self._paused:
            return
        self._rung += 1
        ranked = sorted((loss, number) for number, loss in self._paused.items())
        order = [number for _, number in ranked]
        alive = sum(math.isfinite(loss) for loss, _ in ranked)
        if not alive:
            self._due.update((number, Prune(number)) for number in order)
            return
        share = int(len(order) * self.quantile + 1e-9) or int(len(order) > 1)
        keep = min(len(order) - share, alive)
        top = tuple(order[: min(share, alive)])
        for number in order[keep:]:
            self._due[number] = Clone(number, top, self.varies)
        for number in order[:keep]:
            self._due[number] = Resume(number, self._levels[self._rung])

    def _without(self, clone: Clone, source: int) -> Clone | Resume | Prune:
        """What is due where one of the sources is gone."""
        sources = tuple(other for other in clone.sources if other != source)
        if sources:
            return Clone(clone.number, sources, clone.how)
        if math.isfinite(self._paused[clone.number]):
            return Resume(clone.number, self._levels[self._rung])
        return Prune(clone.number)
