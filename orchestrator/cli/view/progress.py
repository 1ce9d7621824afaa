"""Where a run stands, as a function of its records: counts, rungs, the best, what runs now.

A record costs the same for the ten thousandth trial as for the first; only what is not
over is held one by one.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from dataclasses import dataclass, field

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.trials import Again, Best, Live, Over
from orchestrator.engine.records import (
    Closed,
    EpochRepeated,
    EpochReported,
    Opened,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.trial import State


@dataclass(slots=True)
class Progress:
    """State of a run; ``note`` every record.

    Attributes:
        outline: the plan.
        live: trials that are not over, by number.
        counts: of trials by final state.
        started: trials that were started.
        epochs: reported, of all trials together.
        reached: trials that reached a rung, by (bracket, epochs).
        under_way: trials that are not over, by bracket.
        begun: trials that were started, by bracket.
        failures: numbers of failed trials by reason.
        best: the best trial: of the completed ones if there are any.
        incumbents: (epochs so far, value) at each change of ``best``.
        sessions: processes that had the run.
        earlier: seconds that earlier processes had it.
        began: when this process took the run, by the monotonic clock.
        now_live: the past has been told, and the workers stand.
        since: when that was, by the monotonic clock.
        epochs_before: epochs of earlier processes.
        closed: the record that ends this process's time.
        split: how validation data were held out, in words; empty until a process had the run.
        warning: why scores are to be taken with care; may be empty.
        again: the last trial that was interrupted and runs again, until it is over.
    """

    outline: Outline
    live: dict[int, Live] = field(default_factory=dict)
    counts: Counter[State] = field(default_factory=Counter)
    started: int = 0
    epochs: int = 0
    reached: Counter[tuple[int, int]] = field(default_factory=Counter)
    under_way: Counter[int] = field(default_factory=Counter)
    begun: Counter[int] = field(default_factory=Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)
    best: Best | None = None
    incumbents: list[tuple[int, float]] = field(default_factory=list)
    sessions: int = 0
    earlier: float = 0.0
    began: float = field(default_factory=time.monotonic)
    now_live: bool = False
    since: float = 0.0
    epochs_before: int = 0
    closed: Closed | None = None
    split: str = ""
    warning: str = ""
    again: Again | None = None
    _created: float = field(default_factory=time.time)
    _opened_at: float = 0.0
    _last_at: float = 0.0
    _ended_best: Best | None = None
    _completed_best: Best | None = None
    _epoch_seconds: float = 0.0

    @property
    def done(self) -> int:
        """Trials that are over."""
        return sum(self.counts.values())

    @property
    def running(self) -> list[Live]:
        """Trials in workers now."""
        return [trial for trial in self.live.values() if trial.state is State.RUNNING]

    @property
    def failed(self) -> int:
        """Trials that failed or could not be run."""
        return self.counts[State.FAILED] + self.counts[State.INFEASIBLE]

    @property
    def mean_epoch(self) -> float:
        """Seconds an epoch takes."""
        return self._epoch_seconds / self.epochs if self.epochs else 0.0

    def elapsed(self, now: float) -> float:
        """Seconds that the run has taken so far, in all processes."""
        if self.closed is not None and not self.now_live:
            return self.earlier
        return self.earlier + now - self.began

    def go_live(self, now: float) -> None:
        """The past is told; what comes from here on happens in this process."""
        if self.now_live:
            return
        self.now_live = True
        self.since = now
        self.epochs_before = self.epochs
        self._end_session(self._last_at)
        for trial in self.live.values():
            if trial.state is State.RUNNING:
                trial.state = State.INTERRUPTED

    def left(self, now: float) -> float | None:
        """Seconds until the end if it goes on like this; None while that is a guess.

        The epochs that are left, at the pace of this process, but no less than the longest
        running trial needs alone.
        """
        here = self.epochs - self.epochs_before
        spent = now - self.since
        if not self.now_live or here < max(4, 2 * self.outline.workers) or spent < 2.0:
            return None
        rest = max(0, self.outline.epochs - self.epochs) * spent / here
        alone = max((trial.until - trial.epoch for trial in self.running), default=0)
        return max(rest, alone * self.mean_epoch)

    def note(self, record: Record) -> Over | Again | None:
        """Take in the next record; the trial that it ends or that runs again, if it has one."""
        if isinstance(record, Opened):
            self._note_opened(record)
            return None
        last, self._last_at = self._last_at, record.at
        match record:
            case EpochReported():
                return self._note_epoch(record)
            case TrialStarted():
                self._note_started(record)
            case TrialResumed():
                return self._note_resumed(record)
            case TrialPruned():
                return self._over(record.number, State.PRUNED)
            case TrialEnded():
                return self._over(record.number, State(record.state), record.reason)
            case EpochRepeated():
                self.live[record.number].state = State.RUNNING
            case Closed():
                self.closed = record
                self._end_session(record.at if record.at < self._created else last)
            case _:
                pass
        return None

    def _note_opened(self, record: Opened) -> None:
        self.split, self.warning = record.split, record.warning
        if record.pid == os.getpid() and record.at >= self._created:
            return
        self._end_session(self._last_at)
        self._opened_at = record.at
        self.closed = None
        for trial in self.live.values():
            if trial.state is State.RUNNING:
                trial.state = State.INTERRUPTED

    def _end_session(self, at: float) -> None:
        """An earlier process let the run go, or was killed after ``at``."""
        if self._opened_at:
            self.sessions += 1
            self.earlier += max(0.0, at - self._opened_at)
        self._opened_at = 0.0

    def _note_started(self, record: TrialStarted) -> None:
        self.live[record.number] = Live(record.number, record.config, record.bracket, record.until)
        self.started += 1
        self.begun[record.bracket] += 1
        self.under_way[record.bracket] += 1

    def _note_resumed(self, record: TrialResumed) -> Again | None:
        trial = self.live[record.number]
        had_worker = trial.state is State.RUNNING  # else its process had ended, which is told
        trial.state, trial.until = State.RUNNING, record.until
        if record.promoted or not (had_worker or record.afresh):
            return None
        self.again = Again(record.number, record.reason, record.afresh or trial.epoch == 0)
        return self.again

    def _note_epoch(self, record: EpochReported) -> Over | None:
        trial = self.live[record.number]
        trial.epoch = record.epoch
        trial.seconds += record.seconds
        trial.state = State.RUNNING
        self.epochs += 1
        self._epoch_seconds += record.seconds
        self.reached[trial.bracket, record.epoch] += 1
        loss = self.outline.objective.loss(record.metrics)
        if not math.isnan(loss) and (trial.best is None or loss < trial.best.loss):
            trial.best = Best(record.number, loss, record.epoch, record.metrics, trial.config)
            if self._completed_best is None:
                self._challenge(trial.best)
        if record.finished:
            return self._over(record.number, State.COMPLETED, record.finished)
        if record.verdict is None:
            return None
        match record.verdict.kind:
            case "continue":
                trial.until = record.verdict.until or self.outline.max_epochs
            case "pause":
                trial.state = State.PAUSED
            case "stop":
                full = record.epoch >= self.outline.max_epochs
                return self._over(record.number, State.COMPLETED if full else State.PRUNED)
            case "clone":
                pass
        return None

    def _over(self, number: int, state: State, reason: str = "") -> Over:
        trial = self.live.pop(number)
        trial.state = state
        if self.again is not None and self.again.number == number:
            self.again = None
        self.counts[state] += 1
        self.under_way[trial.bracket] -= 1
        if state in {State.FAILED, State.INFEASIBLE}:
            self.failures.setdefault(reason, []).append(number)
            if self.best is not None and self.best.number == number:
                self._recover_best()
        elif trial.best is not None:
            self._ended_best = _better(self._ended_best, trial.best)
            if state is State.COMPLETED:
                first = self._completed_best is None
                self._completed_best = _better(self._completed_best, trial.best)
                if first:
                    self._crown(self._completed_best)
                else:
                    self._challenge(self._completed_best)
        return Over(trial, state, reason)

    def _challenge(self, best: Best) -> None:
        if self.best is None or best.rank < self.best.rank:
            self._crown(best)

    def _crown(self, best: Best | None) -> None:
        if best is self.best:
            return
        self.best = best
        if best is not None:
            self.incumbents.append((self.epochs, self.outline.objective.value(best.loss)))

    def _recover_best(self) -> None:
        """The best trial failed: the next one takes its place."""
        others = [trial.best for trial in self.live.values() if trial.best is not None]
        if self._ended_best is not None:
            others.append(self._ended_best)
        self._crown(min(others, key=lambda best: best.rank, default=None))


def _better(one: Best | None, other: Best) -> Best:
    return other if one is None or other.rank < one.rank else one
