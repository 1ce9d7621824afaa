"""What a method of the benchmark is, and orch's own pairs of searcher and scheduler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from benchmarks.search.replay import Driver, Lease, Task
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import TrialPruned, TrialResumed
from orchestrator.engine.results import EpochResult
from orchestrator.engine.trial import State
from orchestrator.schedulers import Prune, Resume, Start
from orchestrator.strategies import scheduler_from, searcher_from

Declared = Mapping[str, Any] | str | Any
"""A kind, a mapping with a kind and settings, or an instance."""


@dataclass(frozen=True)
class Method(ABC):
    """A way to search that the benchmark compares.

    Attributes:
        name: on the command line and in tables.
        slow: takes over 0.1 s a suggestion, so it runs with fewer seeds.
        needs: modules it imports; without one of them it is skipped.
        per_budget: it plans for an end, so each budget is a run of its own.
    """

    name: str
    slow: bool = field(default=False, kw_only=True)
    needs: tuple[str, ...] = field(default=(), kw_only=True)
    per_budget: bool = field(default=False, kw_only=True)

    @abstractmethod
    def begin(self, task: Task) -> Driver:
        """A fresh driver for a task."""

    def missing(self) -> str:
        """Why it cannot run here, in a line; empty if it can."""
        for name in self.needs:
            try:
                import_module(name)
            except Exception as error:  # noqa: BLE001  # a broken competitor fails in its own ways
                return f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:100]}"
        return ""


@dataclass(frozen=True)
class Pair(Method):
    """A searcher and a scheduler of orch, driven as the engine drives them.

    Attributes:
        searcher: a kind, or a mapping with a kind and settings.
        scheduler: the same.
    """

    searcher: Declared = "random"
    scheduler: Declared = "fifo"

    def begin(self, task: Task) -> Driver:
        """A ledger in memory."""
        searcher = searcher_from(self.searcher)
        return LedgerDriver(task, searcher.model_copy(), scheduler_from(self.scheduler))

    def missing(self) -> str:
        """Whether orch has the kinds, and takes their settings."""
        try:
            searcher_from(self.searcher)
            scheduler_from(self.scheduler)
        except Exception as error:  # noqa: BLE001  # whatever it is, the others go on
            return " ".join(str(error).split())
        return super().missing()


class LedgerDriver:
    """Asks and tells a :class:`Ledger`, as :class:`orchestrator.ask_tell.Study` does.

    Args:
        task: what to solve.
        searcher: is begun here.
        scheduler: is begun here.
    """

    def __init__(self, task: Task, searcher: Any, scheduler: Any) -> None:
        self.ledger = Ledger(
            space=task.problem.space,
            searcher=searcher,
            scheduler=scheduler.model_copy(),
            objective=Objective("loss", "min"),
            trials=task.trials,
            max_epochs=task.problem.max_epochs,
            seed=task.seed,
            facts=None,
        )
        self.ledger.enqueued.extend(task.first)

    def next(self) -> Lease | None:
        """What the scheduler proposes."""
        ledger = self.ledger
        while True:
            match ledger.propose():
                case Prune(number):
                    ledger.note(TrialPruned(number=number, at=0.0))
                case Resume(number, until):
                    trial = ledger.live[number]
                    ledger.note(TrialResumed(number, trial.attempt, until, True, 0.0))
                    return Lease(number, trial.config)
                case Start(bracket, until):
                    started = ledger.draft(bracket, until)
                    ledger.note(started)
                    return Lease(started.number, ledger.live[started.number].config)
                case None:
                    return None
                case other:
                    raise NotImplementedError(f"{other}: problems have no weights to copy")

    def report(self, number: int, epoch: int, loss: float) -> bool:
        """Judge and note, as the engine does with a result."""
        result = EpochResult(number, 1, epoch, {"loss": loss}, 0.0, "")
        self.ledger.note(self.ledger.judge(result))
        trial = self.ledger.live.get(number)
        return trial is not None and trial.state is State.RUNNING
