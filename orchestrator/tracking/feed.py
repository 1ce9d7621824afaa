"""From the journal's records to what a sink is told: trials, as far as they have come."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from orchestrator.engine.records import (
    FINISHED,
    Closed,
    EpochRepeated,
    EpochReported,
    Opened,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.trial import FAILED, FINAL, State
from orchestrator.tracking.sink import Ending, Sink, TrackedRun, TrackedTrial

GIVE_UP = 10
"""Trials in a row that a sink fails to take before it is told of no more at all."""
Report = Callable[[str], None]
"""Takes a line about something that went wrong."""


class SinkGone(Exception):  # noqa: N818  # it is no error of the run's
    """A sink has lost what it held; made anew, it can be told everything again."""


class SinkFailed(Exception):  # noqa: N818  # as above
    """A sink takes nothing any more."""


class Feed:
    """Tells one sink about one run; what the sink raises stays here.

    Only trials that are not over are held, so that memory does not grow with the sweep.

    Args:
        run: the run.
        sink: told about it.
        report: told of what the sink raised, a line each.

    Attributes:
        trials: those that are not over, by number.
        told: trials that are over.
        epochs: told so far.
    """

    def __init__(self, run: TrackedRun, sink: Sink, report: Report) -> None:
        self._run = run
        self._sink = sink
        self._report = report
        self._objective = run.spec.objective
        self.trials: dict[int, TrackedTrial] = {}
        self.told = 0
        self.epochs = 0
        self._counts: Counter[State] = Counter()
        self._best: TrackedTrial | None = None
        self._best_completed: TrackedTrial | None = None
        self._dropped: set[int] = set()
        self._in_a_row = 0
        self._last: Record | None = None

    def note(self, record: Record) -> None:
        """Take in the next record and tell the sink.

        Raises:
            SinkGone: the sink is to be made anew.
            SinkFailed: the sink has raised for too many trials in a row.
        """
        self._last = record
        match record:
            case TrialStarted():
                trial = TrackedTrial(
                    number=record.number,
                    name=self._run.folder.trial_id(record.number),
                    config=dict(record.config),
                    seed=record.seed,
                    bracket=record.bracket,
                    started_at=record.at,
                )
                self.trials[record.number] = trial
                self._tell(trial, lambda: self._sink.begin(trial))
            case TrialResumed():
                again = self.trials[record.number]
                again.state, again.attempt = State.RUNNING, record.attempt
                self._tell(again, lambda: self._sink.begin(again))
            case EpochReported():
                self._epoch(self.trials[record.number], record)
            case TrialCloned():
                self.trials[record.number].config = dict(record.config)
            case EpochRepeated():
                self.trials[record.number].attempt = record.attempt
            case TrialPruned():
                self._end(record.number, State.PRUNED, record.at)
            case TrialEnded():
                self._end(record.number, State(record.state), record.at, record.reason)
            case Opened():
                self._interrupt()
            case _:
                pass

    def tick(self) -> None:
        """Everything was told; a sink that cannot even take that is given up.

        Raises:
            SinkGone: the sink is to be made anew.
            SinkFailed: it raised.
        """
        try:
            self._sink.tick()
        except SinkGone:
            raise
        except Exception as error:
            raise SinkFailed(_words(error)) from error

    def close(self) -> None:
        """The process that ran the sweep is gone: tell the sink how the run stands.

        Raises:
            SinkGone: the sink is to be made anew.
            SinkFailed: it raised.
        """
        ending = self.ending()
        self._interrupt()
        try:
            self._sink.close(ending)
        except SinkGone:
            raise
        except Exception as error:
            raise SinkFailed(_words(error)) from error

    def ending(self) -> Ending:
        """How the run stands when nobody runs it."""
        closed = self._last if isinstance(self._last, Closed) else None
        reason = closed.reason if closed else "killed"
        best, counts = self._best, Counter(self._counts)
        for trial in self.trials.values():
            best = self._better(best, trial)
            running = trial.state is State.RUNNING
            counts[State.INTERRUPTED if running else trial.state] += 1
        if self._best_completed is not None and not (closed and closed.limit == "target"):
            best = self._best_completed
        return Ending(reason == FINISHED, reason, best, dict(counts))

    def _epoch(self, trial: TrackedTrial, record: EpochReported) -> None:
        trial.epoch, trial.attempt = record.epoch, record.attempt
        best = math.inf if trial.best_epoch is None else self._objective.loss(trial.best)
        if self._objective.loss(record.metrics) < best:
            trial.best_epoch, trial.best = record.epoch, record.metrics
            trial.best_config = trial.config
        self.epochs += 1
        verdict = record.verdict.kind if record.verdict is not None else "continue"
        if verdict == "pause":
            trial.state = State.PAUSED
        self._tell(trial, lambda: self._sink.epoch(trial, record))
        if record.finished:
            self._end(record.number, State.COMPLETED, record.at, record.finished)
        elif verdict == "stop":
            full = record.epoch >= self._run.spec.epochs
            self._end(record.number, State.COMPLETED if full else State.PRUNED, record.at)

    def _end(self, number: int, state: State, at: float, reason: str = "") -> None:
        trial = self.trials.pop(number)
        trial.state, trial.ended_at, trial.reason = state, at, reason
        self._counts[state] += 1
        self._best = self._better(self._best, trial)
        if state is State.COMPLETED:
            self._best_completed = self._better(self._best_completed, trial)
        self.told += 1
        self._tell(trial, lambda: self._sink.end(trial))
        self._dropped.discard(number)

    def _interrupt(self) -> None:
        """What ran has no worker any more; it comes back with a record of its own."""
        for trial in self.trials.values():
            if trial.state is State.RUNNING:
                trial.state = State.INTERRUPTED

    def _tell(self, trial: TrackedTrial, say: Callable[[], None]) -> None:
        if trial.number in self._dropped:
            return
        try:
            say()
        except SinkGone:
            raise
        except Exception as error:  # whatever a sink raises must not spread
            self._report(f"trial {trial.number}: {_words(error)}. It is told of no more.")
            if trial.state not in FINAL:
                self._dropped.add(trial.number)
            self._in_a_row += 1
            if self._in_a_row >= GIVE_UP:
                raise SinkFailed(f"{GIVE_UP} trials in a row could not be told") from error
        else:
            self._in_a_row = 0

    def _better(self, best: TrackedTrial | None, other: TrackedTrial) -> TrackedTrial | None:
        """The better by the objective; what failed or breaks a limit is never best."""
        if other.best_epoch is None or other.state in FAILED:
            return best
        if self._objective.violation(other.best):
            return best
        return other if best is None or self._rank(other) < self._rank(best) else best

    def _rank(self, trial: TrackedTrial) -> tuple[float, int]:
        return (self._objective.loss(trial.best), trial.number)


def _words(error: Exception) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(". :")
