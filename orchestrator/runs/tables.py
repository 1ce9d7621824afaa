"""The run's two tables, built from the records of its journal as they come.

``trials.parquet`` has a row a trial, ``epochs.parquet`` a row a trial and epoch; their
columns are documented in docs/run-folder.md and carry a schema version. Rows of finished
trials are packed into polars frames at once, so that a sweep's memory stays flat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    Closed,
    Commanded,
    EpochRepeated,
    EpochReported,
    Metrics,
    Opened,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.trial import State
from orchestrator.runs.errors import UnwritableError
from orchestrator.runs.packed import Packed
from orchestrator.runs.ranking import best_first, with_front
from orchestrator.runs.spaces import Spaces
from searchspaces import Value
from searchspaces.cells import cell

SCHEMA = 1
REPEATED = frozenset({"epoch_seconds", "weights"})
"""What orch reports of trials it trains itself; columns of its own say the same."""

_TIME = pl.Datetime("us", "UTC")
TRIALS: dict[str, Any] = {
    "trial_id": pl.String,
    "number": pl.Int64,
    "state": pl.String,
    "attempts": pl.Int64,
    "epochs": pl.Int64,
    "objective": pl.Float64,
    "best_epoch": pl.Int64,
    "seconds": pl.Float64,
    "weights": pl.Int64,
    "error": pl.String,
    "note": pl.String,
    "seed": pl.Int64,
    "enqueued": pl.Boolean,
    "repeat": pl.Int64,
    "fold": pl.Int64,
    "parent": pl.String,
    "space_version": pl.Int64,
    "node": pl.String,
    "started_at": _TIME,
    "ended_at": _TIME,
}
EPOCHS: dict[str, Any] = {
    "trial_id": pl.String,
    "number": pl.Int64,
    "attempt": pl.Int64,
    "epoch": pl.Int64,
    "epoch_seconds": pl.Float64,
    "total_seconds": pl.Float64,
    "reported_at": _TIME,
    "bracket": pl.Int64,
    "rung": pl.Int64,
}


@dataclass(slots=True)
class _Row:
    """A trial that is not over, as its row will be."""

    record: TrialStarted
    state: State = State.RUNNING
    attempt: int = 1
    epochs: int = 0
    best_loss: float = float("inf")
    best_epoch: int | None = None
    best: Metrics = field(default_factory=dict)
    seconds: float = 0.0
    config: dict[str, Value] = field(default_factory=dict)
    best_config: dict[str, Value] = field(default_factory=dict)
    parent: str | None = None
    rung: int = 0
    node: str | None = None
    error: str | None = None
    note: str | None = None
    ended_at: float | None = None


class RunTables:
    """Both tables of one run; ``note`` every record, then ``write``.

    Args:
        name: trial id, by number.
        objective: what ranks epochs and trials.
        max_epochs: a trial that the scheduler stops there is completed.
        parameters: every parameter's type: ``float``, ``int``, ``str`` or ``bool``.
        meta: what the files say about the run in their metadata.
        trains: orch trains the trials itself; otherwise all that is reported is the user's.
        spaces: is told when the space is edited; None where that cannot be.
        varied: parameters that change while a trial trains: they are in both tables.
    """

    def __init__(
        self,
        *,
        name: Callable[[int], str],
        objective: Objective,
        max_epochs: int,
        parameters: Mapping[str, Any],
        meta: Mapping[str, Any],
        trains: bool = True,
        spaces: Spaces | None = None,
        varied: Collection[str] = (),
    ) -> None:
        self._name = name
        self._objective = objective
        self._max_epochs = max_epochs
        self._config = {f"config.{key}": dtype for key, dtype in parameters.items()}
        self._meta = meta
        self._counts_weights = trains
        self._repeated = REPEATED - set(objective.metrics) if trains else frozenset()
        self._live: dict[int, _Row] = {}
        kept = {"keeps": pl.Boolean} if objective.limits else {}
        broken = {**kept, "violation": pl.Float64} if objective.limits else {}
        self._trials = Packed({**TRIALS, **broken, **self._config})
        self._varied = tuple(varied)
        changing = {f"config.{name}": self._config[f"config.{name}"] for name in self._varied}
        self._epochs = Packed(
            {**EPOCHS, **kept, **({"parent": pl.String, **changing} if varied else {})}
        )
        self._spaces = spaces
        self._records = 0
        self._started = 0
        self._closed = False
        self._stopped: Closed | None = None
        self._paused = False

    def note(self, record: Record) -> None:
        """Take in the next record."""
        self._records += 1
        self._closed = isinstance(record, Closed) and record.reason == "finished"
        self._stopped = record if isinstance(record, Closed) and not self._closed else None
        match record:
            case TrialStarted():
                row = self._live[record.number] = _Row(record)
                row.config = row.best_config = record.config
                self._started = record.number + 1
            case EpochReported():
                self._note_epoch(self._live[record.number], record)
            case EpochRepeated():
                self._live[record.number].attempt = record.attempt
            case TrialResumed():
                row = self._live[record.number]
                row.state, row.attempt = State.RUNNING, record.attempt
                row.rung += record.promoted
            case TrialCloned():
                row = self._live[record.number]
                row.attempt, row.config = record.attempt, record.config
                if record.source != record.number:
                    row.parent = self._name(record.source)
            case TrialPruned():
                self._over(record.number, State.PRUNED, record.at, None)
            case TrialEnded():
                state = State(record.state)
                if state is State.COMPLETED:
                    self._live[record.number].note = record.reason
                reason = None if state is State.COMPLETED else record.reason
                self._over(record.number, state, record.at, reason)
            case Commanded(refused=""):
                self._note_command(record)
            case Opened() | Closed():
                self._paused = False
            case _:
                pass

    def _note_command(self, record: Commanded) -> None:
        if record.command in {"pause", "go-on"}:
            self._paused = record.command == "pause"
        elif record.command == "edit" and self._spaces is not None:
            self._spaces.edit(record.values, self._started)
            self._meta = {**self._meta, **self._spaces.metadata()}

    def tick(self) -> None:
        """Nothing is due between records."""

    def frames(self, *, owned: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Trials, best first, and epochs, in the order of trial and epoch.

        Args:
            owned: a process runs the sweep; otherwise what was running is ``interrupted``.
        """
        live = [self._row(row, owned=owned) for row in self._live.values()]
        at_target = self._stopped is not None and self._stopped.limit == "target"
        trials = best_first(self._trials.frame(live), self._objective.mode, at_target=at_target)
        if self._objective.several:
            trials = with_front(trials, self._objective)
        return trials, self._epochs.frame([]).sort("number", "epoch")

    def write(self, folder: Path, *, owned: bool, sequence: int) -> None:
        """Write both files, each atomically, with what they say about the run.

        Args:
            folder: of the run.
            owned: a process runs the sweep.
            sequence: of the last record noted; a reader tells from it when the files are behind.

        Raises:
            UnwritableError: the disk is full or gone.
        """
        meta = {
            "schema": SCHEMA,
            **self._meta,
            "journal": {"records": self._records, "sequence": sequence},
            "finished": self._closed and not self._live,
            "owned": owned,
            "paused": owned and self._paused,
        }
        if self._stopped is not None:
            meta |= {"stopped": self._stopped.reason, "limit": self._stopped.limit}
        metadata = {"orch": json.dumps(meta)}
        trials, epochs = self.frames(owned=owned)
        # Trials last: what readers ask is how far that table has come.
        for name, frame in (("epochs", epochs), ("trials", trials)):
            path = folder / f"{name}.parquet"
            part = folder / f".{name}.parquet.part"
            try:
                frame.write_parquet(part, metadata=metadata)
                part.replace(path)
            except OSError as error:
                raise UnwritableError(path, error) from error

    def _note_epoch(self, row: _Row, record: EpochReported) -> None:
        row.epochs = record.epoch
        row.attempt = record.attempt
        row.node = record.node
        row.seconds += record.seconds
        loss = self._objective.loss(record.metrics)
        if loss < row.best_loss:
            row.best_loss, row.best_epoch, row.best = loss, record.epoch, record.metrics
            row.best_config = row.config
        self._epochs.add(
            {
                "trial_id": self._name(record.number),
                "number": record.number,
                "attempt": record.attempt,
                "epoch": record.epoch,
                "epoch_seconds": record.seconds,
                "total_seconds": row.seconds,
                "reported_at": _time(record.at),
                "bracket": row.record.bracket,
                "rung": row.rung,
                **self._kept(record.metrics),
                **self._changing(row),
                **self._metrics(record.metrics),
            }
        )
        if record.finished:
            row.note = record.finished
            self._over(record.number, State.COMPLETED, record.at, None)
            return
        if record.verdict is None:
            return
        match record.verdict.kind:
            case "continue":
                row.rung += 1
            case "pause":
                row.state = State.PAUSED
            case "stop":
                full = record.epoch >= self._max_epochs
                state = State.COMPLETED if full else State.PRUNED
                self._over(record.number, state, record.at, None)

    def _over(self, number: int, state: State, at: float, error: str | None) -> None:
        row = self._live.pop(number)
        row.state, row.ended_at, row.error = state, at, error
        self._trials.add(self._row(row, owned=True))

    def _row(self, row: _Row, *, owned: bool) -> dict[str, Any]:
        state = row.state
        if state is State.RUNNING and not owned:
            state = State.INTERRUPTED
        weights = row.best.get("weights") if self._counts_weights else None
        return {
            "trial_id": self._name(row.record.number),
            "number": row.record.number,
            "state": state.value,
            "attempts": row.attempt,
            "epochs": row.epochs,
            "objective": None if row.best_epoch is None else self._objective.of(row.best),
            "best_epoch": row.best_epoch,
            "seconds": row.seconds,
            "weights": None if weights is None else int(weights),
            "error": row.error,
            "note": row.note,
            "seed": row.record.seed,
            "enqueued": row.record.enqueued,
            "repeat": 0,
            "fold": None,
            "parent": row.parent,
            "space_version": row.record.space,
            "node": row.node,
            "started_at": _time(row.record.at),
            "ended_at": None if row.ended_at is None else _time(row.ended_at),
            **self._broken(row),
            **{f"config.{key}": cell(value) for key, value in row.best_config.items()},
            **self._metrics(row.best),
        }

    def _kept(self, metrics: Metrics) -> dict[str, bool]:
        """Whether an epoch keeps the limits, where there are any."""
        limits = self._objective.limits
        return {"keeps": self._objective.violation(metrics) == 0} if limits else {}

    def _broken(self, row: _Row) -> dict[str, bool | float | None]:
        """The same of a trial's best epoch, and by how much it breaks them."""
        if not self._objective.limits:
            return {}
        if row.best_epoch is None:
            return {"keeps": None, "violation": None}
        violation = self._objective.violation(row.best)
        return {"keeps": violation == 0, "violation": violation}

    def _changing(self, row: _Row) -> dict[str, Value | None]:
        """What the epoch was trained with, of what changes on the way."""
        if not self._varied:
            return {}
        values = {f"config.{name}": cell(row.config.get(name)) for name in self._varied}
        return {"parent": row.parent, **values}

    def _metrics(self, metrics: Metrics) -> Metrics:
        return {f"metric.{k}": value for k, value in metrics.items() if k not in self._repeated}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
