"""What every scheduler must do, as a check that an implementer imports.

A simulator stands in for the engine: any number of workers, results in random
order, trials that fail while they run and while they are paused. It follows the
scheduler's proposals and complains at once where the scheduler breaks a promise::

    @pytest.mark.parametrize("concurrency", [1, 2, 5])
    def test_my_scheduler_keeps_the_promises_of_schedulers(concurrency):
        check_scheduler(MyScheduler, trials=46, max_epochs=27, concurrency=concurrency)
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchestrator.schedulers.base import Scheduler
from orchestrator.schedulers.decisions import (
    Clone,
    Continue,
    Decision,
    Pause,
    Proposal,
    Prune,
    Resume,
    Stop,
)

LossOf = Callable[[int, int], float]
"""Loss of (trial number, epoch)."""


@dataclass
class Simulation:
    """What happened in a simulated sweep.

    Attributes:
        calls: every call that changed the scheduler and every proposal, with its answer.
        ends: epoch at which each trial ended that did not fail.
        failed: epoch that each trial was heading for, or was paused at, that failed or was
            done by itself.
        resumed: every (trial, epoch it was sent to), in order.
        losses: every loss told, by (trial, epoch).
        told: the last epoch that each trial has told of.
        copied: every (trial that became a copy, at that epoch), in order.
    """

    calls: list[tuple[str, tuple[Any, ...], Any]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)
    resumed: list[tuple[int, int]] = field(default_factory=list)
    losses: dict[tuple[int, int], float] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    copied: list[tuple[int, int]] = field(default_factory=list)

    @property
    def ends_by_epoch(self) -> dict[int, int]:
        """How many trials ended at each epoch, failed ones left out, ascending."""
        return dict(sorted(Counter(self.ends.values()).items()))


def check_scheduler(
    make: Callable[[], Scheduler],
    *,
    trials: int,
    max_epochs: int,
    concurrency: int = 1,
    seed: int = 0,
    failure_rate: float = 0.0,
    loss: LossOf | None = None,
) -> Simulation:
    """Run a whole sweep through a scheduler and check every promise on the way.

    Checked: every started trial ends, and exactly ``trials`` start; proposing changes
    nothing; until-epochs rise and never pass ``max_epochs``, where every trial stops;
    failed trials and infinite losses are never promoted nor copied; ``place`` agrees with
    ``plan``; ``finished`` is true at the end and only there; the scheduler never waits
    for nothing; feeding the recorded calls into a fresh one gives the same answers and
    the same state; a dumped scheduler loads again.

    Args:
        make: gives a fresh scheduler.
        trials: trials of the sweep.
        max_epochs: epochs of a full trial.
        concurrency: simulated workers.
        seed: decides order, failures and, unless ``loss`` is given, losses.
        failure_rate: share of leases that fail, or in which a trial is done by itself; some
            paused trials then fail too.
        loss: loss of (trial, epoch); by default random, with ties and infinities.

    Returns:
        what happened, for checks of the scheduler's own.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    scheduler = make()
    _must(type(scheduler).model_validate(scheduler.model_dump()) == scheduler, "dump differs")
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    rng = np.random.default_rng(seed)
    engine = _Engine(
        scheduler, trials, max_epochs, concurrency, rng, failure_rate, loss or _random_loss(rng)
    )
    seen = engine.run()
    _replay(make(), trials, max_epochs, seen, scheduler)
    return seen


def _random_loss(rng: np.random.Generator) -> LossOf:
    """Rounded, so that ties occur; one in twenty infinite."""

    def loss(_number: int, _epoch: int) -> float:
        return math.inf if rng.random() < 0.05 else round(float(rng.random()), 1)

    return loss


class _Engine:
    """Follows a scheduler as the engine would, in simulated time."""

    def __init__(
        self,
        scheduler: Scheduler,
        trials: int,
        max_epochs: int,
        concurrency: int,
        rng: np.random.Generator,
        failure_rate: float,
        loss: LossOf,
    ) -> None:
        self.scheduler = scheduler
        self.trials = trials
        self.max_epochs = max_epochs
        self.concurrency = concurrency
        self.rng = rng
        self.failure_rate = failure_rate
        self.loss = loss
        self.seen = Simulation()
        self.running: dict[int, int] = {}
        self.paused: dict[int, int] = {}
        self.copied: set[int] = set()
        self.listens = type(scheduler).measured is not Scheduler.measured
        self.count = 0

    def run(self) -> Simulation:
        """Until nothing runs and nothing is proposed."""
        while True:
            self._fill()
            if not self.running:
                break
            _must(not self.scheduler.finished, "finished while a trial runs")
            self._one_result()
        _must(self.count == self.trials, f"{self.count} of {self.trials} trials started")
        _must(not self.paused, f"trials {sorted(self.paused)} are paused for ever")
        _must(self.scheduler.finished, "nothing left to do, yet not finished")
        ended = {**self.seen.ends, **self.seen.failed}
        _must(sorted(ended) == list(range(self.trials)), "a trial never ended")
        return self.seen

    def _fill(self) -> None:
        """Follow proposals until the workers are busy or the scheduler waits."""
        while (proposal := self._proposal()) is not None:
            if isinstance(proposal, Clone):
                self._copy(proposal)
            elif isinstance(proposal, Prune):
                self._call("pruned", proposal.number)
                self.seen.ends[proposal.number] = self._paused(proposal.number)
            elif len(self.running) == self.concurrency:
                return
            elif isinstance(proposal, Resume):
                number = proposal.number
                below = self._paused(number)
                healthy = number in self.copied or math.isfinite(self.seen.losses[number, below])
                _must(healthy, f"{number}: promoted")
                self._call("resumed", number)
                self.seen.resumed.append((number, proposal.until))
                self._lease(number, below, proposal.until)
            else:
                number, self.count = self.count, self.count + 1
                _must(self.count <= self.trials, "more trials than asked for")
                self._call("started", number)
                place = self.scheduler.place(number)
                _must(place.bracket == proposal.bracket, f"trial {number}: another bracket")
                self._lease(number, 0, proposal.until)

    def _copy(self, clone: Clone) -> None:
        """A paused trial becomes a copy of another that is paused at the same epoch."""
        at = self.paused.get(clone.number)
        _must(at is not None and clone.number not in clone.sources, f"{clone} of what runs")
        for source in clone.sources:
            loss = self.seen.losses.get((source, at or 0), math.inf)
            _must(self.paused.get(source) == at and math.isfinite(loss), f"{clone} of a bad one")
        _must(bool(clone.sources), f"{clone} of none")
        self.copied.add(clone.number)
        self.seen.copied.append((clone.number, at or 0))
        self._call("cloned", clone.number)

    def _proposal(self) -> Proposal | None:
        small = self.trials <= 20  # a copy at every call is too slow for large sweeps
        before = copy.deepcopy(_state(self.scheduler)) if small else None
        proposal = self.scheduler.propose()
        _must(self.scheduler.propose() == proposal, "asked again, it proposes another thing")
        _must(before is None or before == _state(self.scheduler), "proposing changed the state")
        self.seen.calls.append(("propose", (), proposal))
        _must(proposal is None or not self.scheduler.finished, "finished, and yet it proposes")
        return proposal

    def _paused(self, number: int) -> int:
        _must(number in self.paused, f"trial {number} is not paused")
        return self.paused.pop(number)

    def _lease(self, number: int, epoch: int, until: int) -> None:
        _must(epoch < until <= self.max_epochs, f"trial {number} sent from {epoch} to {until}")
        place = self.scheduler.place(number)
        rung = self.scheduler.plan()[place.bracket][place.rung]
        _must(rung.epochs == until, f"trial {number}: sent to {until}, placed at {rung}")
        self.running[number] = until

    def _one_result(self) -> None:
        """A random running trial reports or fails; now and then a paused one fails."""
        if self.paused and self.rng.random() < self.failure_rate / 4:
            self._fail(int(self.rng.choice(list(self.paused))), self.paused)
            return
        number = int(self.rng.choice(list(self.running)))
        if self.rng.random() < self.failure_rate:
            self._fail(number, self.running)
            return
        epoch = self.running.pop(number)
        loss = self._measure(number, epoch)
        self.copied.discard(number)
        decision: Decision = self._call("report", number, epoch, loss)
        _must(epoch < self.max_epochs or decision == Stop(), f"{decision} at the last epoch")
        if isinstance(decision, Continue):
            _must(math.isfinite(loss), f"trial {number}: goes on after an infinite loss")
            self._lease(number, epoch, decision.until)
        elif isinstance(decision, Pause):
            self.paused[number] = epoch
        else:
            _must(isinstance(decision, Stop), f"{decision} is no decision of this simulator")
            self.seen.ends[number] = epoch

    def _measure(self, number: int, epoch: int) -> float:
        """The loss to report; a scheduler that listens is told of every epoch up to there."""
        for each in range(self.seen.told.get(number, 0) + 1, epoch + 1) if self.listens else ():
            self.seen.losses[number, each] = self.loss(number, each)
            self._call("measured", number, each, self.seen.losses[number, each])
        self.seen.told[number] = epoch
        if not self.listens:
            self.seen.losses[number, epoch] = self.loss(number, epoch)
        return self.seen.losses[number, epoch]

    def _fail(self, number: int, among: dict[int, int]) -> None:
        self.seen.failed[number] = among.pop(number)
        by_itself = among is self.running and bool(self.rng.random() < 0.3)
        self._call("done" if by_itself else "ended", number)

    def _call(self, name: str, *args: Any) -> Any:
        answer = getattr(self.scheduler, name)(*args)
        self.seen.calls.append((name, args, answer))
        return answer


def _replay(
    fresh: Scheduler, trials: int, max_epochs: int, seen: Simulation, original: Scheduler
) -> None:
    """Feed the calls into a fresh scheduler, as a resumed run does."""
    fresh.begin(trials=trials, max_epochs=max_epochs)
    for name, args, answer in seen.calls:
        again = getattr(fresh, name)(*args)
        _must(again == answer, f"replayed, {name}{args} gives {again}, not {answer}")
    _must(_state(fresh) == _state(original), "replayed, the state differs")
    original.begin(trials=trials, max_epochs=max_epochs)
    fresh = type(fresh).model_validate(fresh.model_dump())
    fresh.begin(trials=trials, max_epochs=max_epochs)
    _must(_state(fresh) == _state(original), "begin does not reset the state")


def _state(scheduler: Scheduler) -> Any:
    """The private attributes of a scheduler."""
    return scheduler.__pydantic_private__


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


__all__ = ["LossOf", "Simulation", "check_scheduler"]
