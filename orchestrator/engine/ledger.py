"""The state of a sweep as a function of its records: trials, scheduler and searcher.

A new result goes ``judge`` (what does the scheduler say?), then to the journal, then
``note`` (so it is). A resumed run does the same from the journal with ``replay``, so there
is one path and no second way to be in a state.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from typing import Any

import numpy as np

from orchestrator.engine.knowledge import NOTHING, Knowledge, configs_of
from orchestrator.engine.learning import Learning
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Checkpoint,
    Commanded,
    EpochRepeated,
    EpochReported,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
    completed,
)
from orchestrator.engine.replaying import agree, replaying
from orchestrator.engine.results import EpochResult, same_metrics
from orchestrator.engine.steering import edited
from orchestrator.engine.trial import State, Trial
from orchestrator.engine.weighing import decided, take
from orchestrator.schedulers import Proposal, Scheduler
from orchestrator.searchers import Observation, Searcher
from searchspaces import DataFacts, JointSpace


def trial_seed(seed: int, number: int) -> int:
    """The seed of a trial: 32 bits from the sweep's seed and the trial's number."""
    return int(np.random.SeedSequence([seed, number, 0x7EA1]).generate_state(1)[0])


class Ledger:
    """Trials that are not over, counts of those that are, and who decides about them.

    Args:
        space: where configs come from.
        searcher: is begun here.
        scheduler: is begun here.
        objective: what to minimise.
        trials: how many the sweep has, if there are so many configs.
        max_epochs: of a trial that is never stopped.
        seed: of the sweep.
        facts: of the data, for constraints.
        knowledge: what people know before the first trial.

    Attributes:
        live: trials that are not over, by number.
        ended: the trial that the last record ended; None if it ended none.
        orphans: numbers of interrupted trials, which come before anything new.
        counts: how many trials ended in each final state.
        started: trials started so far; the number of the next one.
        trials: how many there will be.
        epochs: counted epochs of all trials together.
        enqueued: configs that people asked for, which come before the searcher's.
        settings: what people set otherwise since the run began.
        letters: names of those that were followed or refused.
        learning: the searcher, with what it was told and what was tried.

    Raises:
        ConfigurationError: the searcher or the scheduler cannot serve such a sweep.
    """

    def __init__(
        self,
        *,
        space: JointSpace,
        searcher: Searcher,
        scheduler: Scheduler,
        objective: Objective,
        trials: int,
        max_epochs: int,
        seed: int,
        facts: DataFacts | None,
        knowledge: Knowledge = NOTHING,
    ) -> None:
        self.searcher = searcher
        self.scheduler = scheduler
        self.objective = objective
        self.max_epochs = max_epochs
        self.seed = seed
        self.facts = facts
        self.live: dict[int, Trial] = {}
        self.ended: Trial | None = None
        self.orphans: deque[int] = deque()
        self.counts: Counter[State] = Counter()
        self.started = 0
        self.epochs = 0
        self.enqueued = configs_of(knowledge.points, space, seed, facts, repeats=searcher.repeats)
        self.settings: dict[str, Any] = {}
        self.letters: set[str] = set()
        self.learning = Learning(searcher, space, seed, facts, knowledge.earlier)
        self.trials = self.learning.most_trials(trials, self.enqueued)
        scheduler.begin(trials=self.trials, max_epochs=max_epochs)

    @property
    def space(self) -> JointSpace:
        """Where configs come from now."""
        return self.learning.space

    @property
    def finished(self) -> bool:
        """Nothing is left to do."""
        return self.scheduler.finished and not self.live

    def propose(self) -> Proposal | None:
        """What the scheduler would do next."""
        return self.scheduler.propose()

    def interrupt(self, number: int, reason: str, *, afresh: bool = False) -> None:
        """The trial has lost its worker and waits for another.

        Args:
            number: the trial.
            reason: in one line.
            afresh: its checkpoint cannot be used.
        """
        trial = self.live[number]
        trial.become(State.INTERRUPTED)
        trial.trouble, trial.afresh = reason, afresh
        self.orphans.append(number)

    def draft(self, bracket: int, until: int) -> TrialStarted:
        """The record of the next trial: a config that a person asked for, or the searcher's."""
        number = self.started
        asked_for = bool(self.enqueued)
        config = self.enqueued[0] if asked_for else self.learning.suggest(number)
        return TrialStarted(
            number=number,
            config=dict(config),
            seed=trial_seed(self.seed, number),
            bracket=bracket,
            until=until,
            at=time.time(),
            space=self.learning.version,
            enqueued=asked_for,
        )

    def judge(self, result: EpochResult) -> EpochReported | EpochRepeated | TrialEnded:
        """The record of a result: with the scheduler's decision where one is due.

        The scheduler's state changes here; everything else in ``note``. The loss that a
        rung compares is the least so far, as the objective of a finished trial is. A trial
        that is complete before its last epoch is not judged: nothing is left to decide.

        Raises:
            ConfigurationError: an objective or a limit is not among the metrics.
        """
        trial = self.live[result.number]
        now = time.time()
        if result.epoch <= trial.epoch:
            if result.finished:  # the first time it went on: what came then stays
                return completed(result.number, result.finished, result.checkpoint)
            return EpochRepeated(
                number=result.number,
                attempt=result.attempt,
                epoch=result.epoch,
                same=same_metrics(trial.since.get(result.epoch), result.metrics),
                seconds=result.seconds,
                at=now,
                checkpoint=result.checkpoint,
            )
        loss = self.objective.losses(result.metrics)[0]  # what lacks one is not written down
        if math.isnan(loss):
            reason = self.objective.failure(result.epoch)
            return TrialEnded(number=result.number, state="failed", reason=reason, at=now)
        self.scheduler.measured(result.number, result.epoch, loss)
        verdict = None
        early = bool(result.finished) and result.epoch < self.max_epochs
        if result.epoch >= trial.until and not early:
            verdict = decided(self.scheduler, self.objective, trial, result.epoch, result.metrics)
        return EpochReported(
            number=result.number,
            attempt=result.attempt,
            epoch=result.epoch,
            metrics=result.metrics,
            seconds=result.seconds,
            node=result.node,
            at=now,
            verdict=verdict,
            checkpoint=result.checkpoint,
            finished=result.finished if early else "",
        )

    def replay(self, record: Record) -> None:
        """Take over a record of an earlier process.

        Raises:
            ReplayError: settings or code changed so that it could not have come to be now.
        """
        with replaying():
            if isinstance(record, EpochReported):
                self._decide_again(record)
            self.note(record)

    def _decide_again(self, record: EpochReported) -> None:
        loss = self.objective.loss(record.metrics)
        self.scheduler.measured(record.number, record.epoch, loss)
        if record.verdict is not None:
            trial = self.live[record.number]
            metrics, epoch = record.metrics, record.epoch
            agree(record, decided(self.scheduler, self.objective, trial, epoch, metrics))

    def recover(self) -> None:
        """After the replay: what was running has no worker any more."""
        for trial in self.live.values():
            if trial.state is State.RUNNING:
                self.interrupt(trial.number, "the driver ended")

    def note(self, record: Record) -> None:
        """Bring the state up to a record that is in the journal."""
        self.ended = None
        match record:
            case TrialStarted():
                self._note_started(record)
            case TrialResumed():
                if record.promoted:
                    self.scheduler.resumed(record.number)
                trial = self.live[record.number]
                trial.become(State.RUNNING)
                trial.attempt, trial.until = record.attempt, record.until
                if record.afresh:
                    trial.checkpoint, trial.afresh = None, False
            case EpochReported():
                self._note_epoch(record)
            case EpochRepeated():
                self._note_checkpoint(self.live[record.number], record.checkpoint)
            case TrialPruned():
                self.scheduler.pruned(record.number)
                self._over(self.live[record.number], State.PRUNED)
            case TrialCloned():
                self._note_cloned(record)
            case TrialEnded():
                self._note_ended(record)
            case Commanded():
                self._note_command(record)
            case _:
                pass

    def _note_started(self, record: TrialStarted) -> None:
        trial = Trial(
            number=record.number,
            config=self.space.validate(record.config, self.facts),
            seed=record.seed,
            until=record.until,
        )
        trial.become(State.RUNNING)
        self.learning.started(record.number, trial.config)
        self.live[record.number] = trial
        self.started = record.number + 1
        if record.enqueued:
            self.enqueued.popleft()
        self.scheduler.started(record.number)

    def _note_epoch(self, record: EpochReported) -> None:
        trial = self.live[record.number]
        trial.epoch, trial.lost = record.epoch, 0
        take(trial, self.objective, record.metrics)
        trial.since[record.epoch] = record.metrics
        self.epochs += 1
        self._note_checkpoint(trial, record.checkpoint)
        if record.finished:
            self.scheduler.done(record.number)
            self._complete(trial)
            return
        if record.verdict is not None or self.learning.looks(record.epoch):
            goes_on = record.verdict is None or record.verdict.kind == "continue"
            self._observe(trial, record.epoch, trial.best, running=goes_on)
        if record.verdict is None:
            return
        match record.verdict.kind:
            case "continue":
                trial.until = record.verdict.until or self.max_epochs
            case "pause":
                trial.become(State.PAUSED)
            case "stop":
                full = record.epoch >= self.max_epochs
                self._over(trial, State.COMPLETED if full else State.PRUNED)

    def _note_cloned(self, record: TrialCloned) -> None:
        trial = self.live[record.number]
        trial.attempt = record.attempt
        if record.checkpoint is not None:
            trial.config = self.space.validate(record.config, self.facts)
            self._note_checkpoint(trial, record.checkpoint)
        self.scheduler.cloned(record.number)

    def _note_ended(self, record: TrialEnded) -> None:
        trial = self.live[record.number]
        if record.state == "completed":
            self.scheduler.done(record.number)
            self._note_checkpoint(trial, record.checkpoint)
            self._complete(trial)
            return
        self.scheduler.ended(record.number)
        if record.state == "pruned":
            self.learning.ended(trial.number)
        else:
            self._observe(trial, max(trial.epoch, trial.until), math.inf)
        self._over(trial, State(record.state))

    def _complete(self, trial: Trial) -> None:
        """The trial is done by itself: its best loss is what all its epochs would have given."""
        self._observe(trial, self.max_epochs, trial.best)
        self._over(trial, State.COMPLETED)

    def _note_checkpoint(self, trial: Trial, checkpoint: Checkpoint | None) -> None:
        if checkpoint is not None:
            trial.checkpoint = checkpoint
            trial.since = {
                epoch: metrics for epoch, metrics in trial.since.items() if epoch > checkpoint.epoch
            }

    def _note_command(self, record: Commanded) -> None:
        if record.letter:
            self.letters.add(record.letter)
        if record.refused:
            return
        match record.command:
            case "enqueue":
                self.enqueued.append(self.space.validate(record.values, self.facts))
            case "set":
                self.settings.update(record.values)
            case "edit":
                self.learning.search_in(edited(self.space, record.values))

    def _observe(self, trial: Trial, epoch: int, loss: float, *, running: bool = False) -> None:
        observation = Observation(trial.number, trial.config, epoch, loss, running)
        self.learning.observe(observation, trial.losses)

    def _over(self, trial: Trial, state: State) -> None:
        trial.become(state)
        self.counts[state] += 1
        self.ended = self.live.pop(trial.number)
