"""Ask and tell: a sweep whose trials a program of the user's runs, in its own process.

::

    with Sweep("ask-asha", space={"depth": {"low": 1, "high": 8}}).ask_tell() as study:
        while (trial := study.ask()) is not None:
            for loss in train(**trial.config):
                if not isinstance(study.tell(trial, {"valid_loss": loss}), Continue):
                    break

The same journal, tables and run folder as everywhere; no Ray, no workers.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from orchestrator.asked import Asked
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.journal import Journal
from orchestrator.engine.opening import opened
from orchestrator.engine.records import (
    FINISHED,
    Closed,
    Commanded,
    Opened,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    completed,
)
from orchestrator.engine.results import EpochResult
from orchestrator.engine.session import same_data
from orchestrator.engine.stopping import TIME_IS_UP, Stopping
from orchestrator.engine.trial import State, Trial
from orchestrator.planning import asked_data
from orchestrator.result import Result
from orchestrator.rules import changes
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunFolder, find_run
from orchestrator.runs.warm_start import ledger_of
from orchestrator.schedulers import Continue, Pause, Prune, Resume, Start, Stop
from orchestrator.tracking.start import tracked
from searchspaces.errors import OrchError, UsageError
from trainables.programs.metrics import numbers

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec
    from trainables.data import AnyData

TABLE_SECONDS = 30.0
Answer = Continue | Pause | Stop
"""What becomes of a trial: go on to ``until``, keep its state and ask again, or end it."""


class Study:
    """A run whose trials are asked for and told about.

    Several trials may be under way at a time. Everything is in the journal when
    :meth:`tell` returns; a study that was not closed goes on with :meth:`resume`,
    its trials under way start over, and what they told is compared and not counted twice.

    Args:
        spec: of the sweep.
        folder: of the run.
        data: its data, if it names a data set; constraints may look at their sizes.
        changes: of when it stops by itself, from here on; as ``orchestrator.rules`` has them.

    Raises:
        RunBusyError: another process runs it.
        JournalError: its journal is damaged.
    """

    def __init__(
        self,
        spec: SweepSpec,
        folder: RunFolder,
        data: AnyData | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.run = folder
        self._closed = False
        facts = data.facts if data else None
        split, warning = (data.split, data.warning) if data else ("", "")
        with ExitStack() as stack:
            stack.enter_context(folder.owned())
            stack.enter_context(tracked(folder, spec))
            self._ledger = ledger_of(folder, spec, facts)
            self._tables = tables_of(
                folder, spec, split=split, warning=warning, asked=True, facts=facts
            )
            self._begun_with = ""
            self._stopping = Stopping(spec.stop_rules, spec.objective, spec.epochs)
            self._journal = Journal(folder.journal, self._replay)
            fingerprint = data.fingerprint if data else ""
            if not self._ledger.finished:
                self._stopping.change(changes or {})
                self._stopping.refuse(asked=folder.known_as)
                same_data(self._begun_with, fingerprint)
            self._ledger.recover()
            self._told: dict[int, int] = {}
            self._since: dict[int, float] = {}
            self._flushed = time.monotonic()
            self._write(
                opened(facts, split=split, warning=warning, fingerprint=fingerprint, asked=True)
            )
            if changes:
                self._note(Commanded("set", time.time(), values=dict(changes)))
            self._flush(owned=True)
            seconds = self._ledger.settings.get("max_time", spec.max_time)
            self._deadline = math.inf if seconds is None else time.monotonic() + seconds
            self._late: StopRun | None = None
            self._stack = stack.pop_all()

    @classmethod
    def resume(cls, run: str | RunFolder = "", *, runs: str | Path = "runs", **rules: Any) -> Self:
        """Go on with a study that was closed or killed.

        Args:
            run: its folder, or a part of its id; empty for the latest.
            runs: where run folders lie.
            rules: as of :func:`orchestrator.resume`.

        Raises:
            RunNotFoundError: no such run.
            RunBusyError: another process runs it.
            LimitReachedError: it has come to one of its limits; give another.
            ConfigurationError: its data are not those it began with, and it is not finished.
        """
        folder = run if isinstance(run, RunFolder) else find_run(Path(runs), run)
        spec = folder.spec()
        return cls(spec, folder, asked_data(spec), changes(spec, rules))

    def _replay(self, record: Record) -> None:
        if isinstance(record, Opened):
            self._begun_with = self._begun_with or record.fingerprint
        self._ledger.replay(record)
        self._stopping.note(record)
        self._tables.note(record)

    @property
    def finished(self) -> bool:
        """No trial is under way, and none will ever be given."""
        return self._ledger.finished

    @property
    def stopped(self) -> StopRun | None:
        """What ended it early, a limit or a target: :meth:`ask` gives no more trials then.

        That the time is up is seen when somebody asks or tells; it counts from when this
        process has the study.
        """
        return self._stopping.stop or self._late

    def ask(self) -> Asked | None:
        """The next trial to run; None if there is none before others are told about, or at all.

        Raises:
            UsageError: the study is closed.
        """
        self._refuse_closed()
        self._look_at_the_clock()
        while self.stopped is None:
            if self._ledger.orphans:
                return self._again(self._ledger.live[self._ledger.orphans.popleft()])
            match self._ledger.propose():
                case Prune(number):
                    self._note(TrialPruned(number=number, at=time.time()))
                case Resume(number, until):
                    trial = self._ledger.live[number]
                    self._note(TrialResumed(number, trial.attempt, until, True, time.time()))
                    return self._asked(trial, trial.epoch)
                case Start(bracket, until):
                    started = self._ledger.draft(bracket, until)
                    self._note(started)
                    return self._asked(self._ledger.live[started.number], 0)
                case _:
                    return None
        return None

    def tell(
        self,
        trial: Asked,
        metrics: Mapping[str, Any],
        *,
        epoch: int | None = None,
        finished: str = "",
    ) -> Answer:
        """Report an epoch of a trial.

        Args:
            trial: as :meth:`ask` gave it.
            metrics: numbers by name; the sweep's metric is among them.
            epoch: counted from 1; by default the one after the last that was told. Epochs
                that were told before an interruption are compared and not counted.
            finished: why the trial is complete with this epoch; empty if it can go on.

        Raises:
            UsageError: the trial is not under way, the epoch is not its next, or something
                is no number.
            ConfigurationError: the metric is not among them.
        """
        live = self._live(trial)
        said = numbers(f"trial {trial.number}", metrics)
        told = self._told[trial.number]
        epoch = told + 1 if epoch is None else epoch
        if not 1 <= epoch <= told + 1 or epoch > live.until:
            raise UsageError(
                f"trial {trial.number} was told to epoch {told} and runs to {live.until}: epoch "
                f"{epoch} is not its next. Tell epoch {min(told + 1, live.until)}."
            )
        now = time.monotonic()
        result = EpochResult(
            number=trial.number,
            attempt=live.attempt,
            epoch=epoch,
            metrics={name: value if _finite(value) else None for name, value in said.items()},
            seconds=now - self._since[trial.number],
            node=platform.node(),
            finished=finished,
        )
        record = self._ledger.judge(result)
        self._note(record)
        self._told[trial.number], self._since[trial.number] = epoch, now
        if now - self._flushed > TABLE_SECONDS:
            self._flush(owned=True)
        self._look_at_the_clock()
        return self._answer(live)

    def complete(self, trial: Asked, reason: str = "nothing was left to run") -> None:
        """The trial was complete with the epoch told last.

        Raises:
            UsageError: it is not under way, or was told no epoch.
        """
        if self._live(trial).epoch == 0:
            raise UsageError(f"trial {trial.number} was told no epoch. Call fail() instead.")
        self._note(completed(trial.number, reason, None))

    def fail(self, trial: Asked, reason: str, *, infeasible: bool = False) -> None:
        """The trial cannot go on; the searcher learns it.

        Args:
            trial: as :meth:`ask` gave it.
            reason: one line.
            infeasible: its config cannot run here.

        Raises:
            UsageError: it is not under way.
        """
        self._live(trial)
        state: Literal["failed", "infeasible"] = "infeasible" if infeasible else "failed"
        line = " ".join(reason.split()) or "no reason was given"
        self._note(TrialEnded(number=trial.number, state=state, reason=line, at=time.time()))

    def result(self) -> Result:
        """What came out so far."""
        trials, epochs = self._tables.frames(owned=True)
        return Result(self.run, trials, epochs, None if self.finished else self.stopped)

    def close(self) -> None:
        """Let the run go; what is under way starts over when it goes on."""
        self._close("interrupted")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close("failed" if isinstance(error, Exception) else "interrupted")

    def _close(self, reason: str) -> None:
        stack, self._stack = self._stack, ExitStack()
        self._closed = True
        with stack:
            if self._journal.open:
                with suppress(OrchError):
                    stop = self.stopped or StopRun(reason)
                    stop = StopRun(FINISHED) if self.finished else stop
                    self._write(Closed(time.time(), stop.reason, limit=stop.limit))
                self._journal.close()
                self._flush(owned=False)

    def _again(self, trial: Trial) -> Asked:
        """A trial that an earlier process had under way."""
        self._note(trial.again())
        return self._asked(trial, 0)

    def _asked(self, trial: Trial, epoch: int) -> Asked:
        self._told[trial.number], self._since[trial.number] = epoch, time.monotonic()
        name = self.run.trial_id(trial.number)
        return Asked(trial.number, name, trial.config, trial.seed, epoch, trial.until)

    def _live(self, trial: Asked) -> Trial:
        """The trial, if it is under way."""
        self._refuse_closed()
        live = self._ledger.live.get(trial.number)
        if live is None or live.state is not State.RUNNING or trial.number not in self._told:
            state = "over" if live is None else live.state.value
            raise UsageError(f"trial {trial.number} is {state}. Call ask() for one to run.")
        return live

    def _refuse_closed(self) -> None:
        if self._closed:
            again = f"Study.resume({self.run.known_as!r})"
            raise UsageError(f"the study is closed. Go on with it: {again}.")

    def _look_at_the_clock(self) -> None:
        if time.monotonic() >= self._deadline and not self.finished:
            self._late = TIME_IS_UP

    def _answer(self, trial: Trial) -> Answer:
        match trial.state:
            case State.RUNNING if self.stopped is None:
                return Continue(trial.until)
            case State.RUNNING:
                return Pause()
            case State.PAUSED:
                return Pause()
        return Stop()

    def _note(self, record: Record) -> None:
        self._journal.append(record)
        self._ledger.note(record)
        self._stopping.note(record)
        self._tables.note(record)

    def _write(self, record: Opened | Closed) -> None:
        self._journal.append(record)
        self._tables.note(record)

    def _flush(self, *, owned: bool) -> None:
        self._tables.write(self.run.path, owned=owned, sequence=self._journal.sequence)
        self._flushed = time.monotonic()


def _finite(value: float) -> bool:
    return abs(value) < math.inf
