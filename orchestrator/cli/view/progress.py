"""Where a run stands, as a function of its records: counts, rungs, the best, what runs now.

A record costs the same for the ten thousandth trial as for the first; only what is not
over is held one by one.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.raised import raised_at
from orchestrator.cli.view.remaining import epochs_left
from orchestrator.cli.view.steering import machines, outline_after, outline_set, said
from orchestrator.cli.view.timeline import Timeline
from orchestrator.cli.view.trials import Again, Best, Front, Live, Note, Over
from orchestrator.engine.plateau import Finals
from orchestrator.engine.records import (
    Closed,
    Commanded,
    EpochRepeated,
    EpochReported,
    Opened,
    Record,
    Scaled,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.trial import FAILED, State
from trainables.limits import broken_words

NOTES = 3
"""Commands that are remembered."""


@dataclass(slots=True)
class Progress(Timeline):
    """State of a run; ``note`` every record.

    Attributes:
        outline: the plan, as it is after what people changed.
        live: trials that are not over, by number.
        counts: of trials by final state.
        started: trials that were started.
        reached: trials that reached a rung, by (bracket, epochs).
        lost: trials that ended on their way to an epoch, by (bracket, epoch).
        under_way: trials that are not over, by bracket.
        begun: trials that were started, by bracket.
        failures: numbers of failed trials by reason.
        raised: where such an error was raised last, by reason, if that is known.
        best: of the completed trials, if there are any and no target stopped the run. While none
            keeps the limits, the one that breaks them by the least.
        front: of several objectives; empty where there is one.
        incumbents: (epochs so far, value) at each change of ``best``.
        split: how validation data were held out, in words; empty until a process had the run.
        warning: why scores are to be taken with care; may be empty.
        again: the last trial that was interrupted and runs again, until it is over.
        notes: what people told the run last.
        finals: what more trials would gain.
        deadline: when the run stops itself, by the monotonic clock; None is never.
    """

    outline: Outline
    live: dict[int, Live] = field(default_factory=dict)
    counts: Counter[State] = field(default_factory=Counter)
    started: int = 0
    reached: Counter[tuple[int, int]] = field(default_factory=Counter)
    lost: Counter[tuple[int, int]] = field(default_factory=Counter)
    under_way: Counter[int] = field(default_factory=Counter)
    begun: Counter[int] = field(default_factory=Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)
    raised: dict[str, str] = field(default_factory=dict)
    best: Best | None = None
    front: Front = field(default_factory=Front)
    incumbents: list[tuple[int, float]] = field(default_factory=list)
    split: str = ""
    warning: str = ""
    again: Again | None = None
    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=NOTES))
    finals: Finals = field(init=False)
    deadline: float | None = None
    _max_time: float | None = None
    _ended_best: Best | None = None
    _completed_best: Best | None = None
    _epoch_seconds: float = 0.0
    _nodes: int = 0

    def __post_init__(self) -> None:
        Timeline.__post_init__(self)
        self.finals = Finals(self.outline.objective, self.outline.max_epochs)
        self._max_time = self.outline.max_time

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

    def go_live(self, now: float) -> None:
        """The past is told; what comes from here on happens in this process."""
        if self.now_live or self.onlooker:
            return
        Timeline.go_live(self, now)
        self._stop_after(now)
        self._interrupt()

    def let_go(self) -> None:
        """No process has the run any more, though none said so: it was killed."""
        Timeline.let_go(self)
        self._interrupt()

    @property
    def epochs_left(self) -> float:
        """Epochs until the end if it goes on like this."""
        outline = self.outline
        left = epochs_left(
            outline.brackets, self.live.values(), reached=self.reached, lost=self.lost,
            exact=outline.exact,
        )  # fmt: skip
        most = outline.rules.max_epochs_total
        return left if most is None else min(left, max(0, most - self.epochs))

    def left(self, now: float) -> float | None:
        """Seconds until the end if it goes on like this; None while that is a guess.

        The epochs that are left, at the pace of this process, but no less than the longest
        running trial needs alone, and no more than the run has.
        """
        here = self.epochs - self.epochs_before
        spent = self.present(now) - self.since
        early = here < max(4, 2 * self.outline.workers) or spent < 2.0
        if not self.now_live or self.paused or early:
            return None
        left = self.epochs_left
        alone = max((trial.until - trial.epoch for trial in self.running), default=0)
        seconds = max(left * spent / here, min(alone, left) * self.mean_epoch)
        if self.deadline is None:
            return seconds
        return max(0.0, min(seconds, self.deadline - self.present(now)))

    def note(self, record: Record) -> Over | Again | Note | None:
        """Take in the next record; what is news of it, if anything is.

        That is the trial that it ends or that runs again, or what a person told the run.
        """
        if isinstance(record, Opened):
            self.split, self.warning = record.split, record.warning
            if self._note_opened(record):
                self._interrupt()
            self._crown(self._completed_best or self.best)
            return None
        last, self._last_at = self._last_at, record.at
        if self.onlooker and not self.now_live and isinstance(record, TrialStarted | TrialResumed):
            self._begin_pace(self.at(record.at))
            self._stop_after(self.at(record.at))
        self.finals.note(record)
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
                if record.state in {"failed", "infeasible"}:
                    self.raised[record.reason] = raised_at(record.detail, record.reason)
                return self._over(record.number, State(record.state), record.reason)
            case TrialCloned():
                self.live[record.number].config = record.config
            case EpochRepeated():
                self.live[record.number].state = State.RUNNING
            case Closed():
                self._note_closed(record, last)
                self._interrupt()
                if record.limit == "target":
                    self._recover_best()
            case Commanded():
                return self._note_command(record)
            case Scaled():
                return self._note_scaled(record)
        return None

    def _stop_after(self, now: float) -> None:
        """The time that the run has begins."""
        self.deadline = None if self._max_time is None else now + self._max_time

    def _interrupt(self) -> None:
        """What ran has no worker any more."""
        for trial in self.live.values():
            if trial.state is State.RUNNING:
                trial.state = State.INTERRUPTED

    def _note_command(self, record: Commanded) -> Note:
        """Somebody told the run something; what came of it."""
        if not record.refused:
            match record.command:
                case "pause":
                    self._note_pause(record.at)
                    self._interrupt()
                case "go-on":
                    before = self.since
                    self._note_go_on(record.at)
                    if self.deadline is not None:
                        self.deadline += self.since - before
                case "set":
                    self._note_set(record)
                case "edit":
                    self.outline = outline_after(self.outline, record.values)
        note = Note(self.at(record.at), said(record, self.outline, self.started))
        self.notes.append(note)
        return note

    def _note_set(self, record: Commanded) -> None:
        self.outline = outline_set(self.outline, record.values)
        if "max_time" in record.values:
            self._max_time = self.outline.max_time
            # The time stands still in a pause, all of which is added when it ends.
            self._stop_after(self._paused_at if self.paused else self.at(record.at))
        if record.values.get("concurrency") and self.now_live:
            self._begin_pace(self.at(record.at))

    def _note_scaled(self, record: Scaled) -> Note | None:
        """So many at a time from here on: told where machines came or went."""
        unknown = not self.outline.workers
        before, self._nodes = self._nodes, record.nodes
        if record.workers != self.outline.workers:
            self.outline = replace(self.outline, workers=record.workers)
            if self.now_live:
                self._begin_pace(self.at(record.at))
        if not unknown and before in {0, record.nodes}:
            return None
        note = Note(self.at(record.at), machines(before, record))
        self.notes.append(note)
        return note

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
        # The last epoch of a trial that is being paused comes after the command.
        trial.state = State.INTERRUPTED if self.paused else State.RUNNING
        self.epochs += 1
        self._epoch_seconds += record.seconds
        self.reached[trial.bracket, record.epoch] += 1
        loss = self.outline.objective.loss(record.metrics)
        if not math.isnan(loss) and (trial.best is None or loss < trial.best.loss):
            broken = broken_words(self.outline.objective.limits, record.metrics)
            trial.best = Best(
                record.number, loss, record.epoch, record.metrics, trial.config, broken
            )
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
        return None

    def _over(self, number: int, state: State, reason: str = "") -> Over:
        trial = self.live.pop(number)
        trial.state = state
        if self.again is not None and self.again.number == number:
            self.again = None
        self.counts[state] += 1
        self.under_way[trial.bracket] -= 1
        if reason:  # it was on its way; at a rung a scheduler says nothing
            rungs = self.outline.brackets[trial.bracket]
            ahead = next((rung.epochs for rung in rungs if rung.epochs > trial.epoch), 0)
            self.lost[trial.bracket, ahead] += 1
        if state in FAILED:
            self.failures.setdefault(reason, []).append(number)
            if self.best is not None and self.best.number == number:
                self._recover_best()
        elif trial.best is not None:
            self._ended_best = _better(self._ended_best, trial.best)
            if state is State.COMPLETED and not trial.best.broken:
                first = self._completed_best is None
                self._completed_best = _better(self._completed_best, trial.best)
                (self._crown if first else self._challenge)(self._completed_best)
                if self.outline.objective.several:
                    self.front.add(number, self.outline.objective.values(trial.best.metrics))
        return Over(trial, state, reason)

    def _challenge(self, best: Best) -> None:
        if self.best is None or best.rank < self.best.rank:
            self._crown(best)

    def _crown(self, best: Best | None) -> None:
        if best is self.best:
            return
        self.best = best
        if best is not None and not best.broken:
            self.incumbents.append((self.epochs, self.outline.objective.value(best.loss)))

    def _recover_best(self) -> None:
        """The best is the best of all that did not fail, however far they came."""
        found = [self._ended_best, *(trial.best for trial in self.live.values())]
        self._crown(min(filter(None, found), key=lambda best: best.rank, default=None))


def _better(one: Best | None, other: Best) -> Best:
    return other if one is None or other.rank < one.rank else one
