"""MLflow: the sweep as a run, each trial as a run nested in it."""

from __future__ import annotations

import importlib.util
import math
import time
from dataclasses import dataclass, field

from orchestrator.engine.records import EpochReported
from orchestrator.engine.trial import FINAL, State
from orchestrator.masking import masked
from orchestrator.tracking.mlflow_server import (
    CREATED,
    RUN,
    RefusedError,
    Row,
    Server,
    UnreachableError,
    key_of,
)
from orchestrator.tracking.sink import Ending, TrackedRun, TrackedTrial
from searchspaces.errors import OrchError, UsageError

MOST_ROWS = 200_000
"""Rows that wait for a server that does not answer; what is more is left for ``orch sync``."""
_SEND_ROWS = 5_000
_SEND_SECONDS = 1.0
_LONGEST_PAUSE = 60.0
_STATUS = {State.COMPLETED: "FINISHED", State.FAILED: "FAILED", State.INFEASIBLE: "FAILED"}
"""MLflow's word for the state of a trial; what was ended before its end is killed there."""


@dataclass(slots=True)
class _Held:
    """A trial of which the server has not everything.

    Attributes:
        trial: as far as the journal has come.
        rows: what waits to be sent.
        config_sent: this process has sent its parameters.
        left_out: rows of it were dropped or refused; another process has to send it.
    """

    trial: TrackedTrial
    rows: list[Row] = field(default_factory=list)
    config_sent: bool = False
    left_out: bool = False


class MlflowSink:
    """Sends a run to an MLflow server: an experiment, a parent run, a nested run a trial.

    What the server has is found by tags and not sent again. What cannot be sent waits, and is
    dropped when it becomes too much: the journal has it, and :meth:`close` says so.

    Args:
        run: the run that is told about.
        uri: of the server.

    Raises:
        UsageError: MLflow is not installed.
    """

    def __init__(self, run: TrackedRun, uri: str) -> None:
        require()
        self._run = run
        created = run.folder.provenance().get("created")
        tags = {RUN: run.folder.id, **({CREATED: str(created)} if created else {})}
        self._server = Server(uri, run.spec.name, tags)
        self._trials: dict[int, _Held] = {}
        self._waiting = 0
        self._left_out = 0
        self._began: float | None = None
        self._latest: float | None = None
        self._trouble = ""
        self._refusal = ""
        self._send_at = self._retry_at = 0.0
        self._pause = 1.0

    @property
    def standing(self) -> dict[str, str]:
        """For people: where it is to be seen, and why nothing comes there."""
        why = self._trouble or self._refusal
        return {"url": masked(self._server.uri), **({"why": why} if why else {})}

    def begin(self, trial: TrackedTrial) -> None:
        """Take note of a trial; its run is made when something is sent."""
        if self._began is None:
            self._began = trial.started_at
            self._send()
        if trial.name not in self._server.done:
            self._trials.setdefault(trial.number, _Held(trial))

    def epoch(self, trial: TrackedTrial, record: EpochReported) -> None:
        """Take note of an epoch; many of them are sent at once."""
        self._latest = record.at
        held = self._trials.get(trial.number)
        if held is None or held.left_out:
            return
        rows = [_row(name, value, record) for name, value in record.metrics.items()]
        if trial.best_epoch == record.epoch:
            rows += [_row(f"best_{name}", value, record) for name, value in trial.best.items()]
            rows.append(_row("best_epoch", record.epoch, record))
        held.rows += rows
        self._waiting += len(rows)
        if self._waiting >= _SEND_ROWS:
            self._send()
        if self._waiting >= MOST_ROWS:
            self._drop()

    def end(self, trial: TrackedTrial) -> None:
        """Take note of the end; what the trial's state says is sent with its last rows."""
        self._latest = trial.ended_at or self._latest
        held = self._trials.get(trial.number)
        if held is not None and held.left_out:
            del self._trials[trial.number]

    def tick(self) -> None:
        """Send what waits, once a second."""
        if time.monotonic() >= self._send_at:
            self._send()
            self._send_at = time.monotonic() + _SEND_SECONDS

    def close(self, ending: Ending) -> None:
        """Send all that is left, and how it ended.

        Raises:
            OrchError: the server has not everything.
        """
        self._send(ending)
        waiting = sum(bool(held.rows) and not held.left_out for held in self._trials.values())
        left, why = self._left_out + waiting, self._trouble or self._refusal
        if left or why:
            what = f"{left} trials are" if left > 1 else "a trial is" if left else "something is"
            said = why.rstrip(".") if why else f"MLflow at {masked(self._server.uri)}"
            raise OrchError(f"{said}; {what} not there as a whole")

    def _send(self, ending: Ending | None = None) -> None:
        """Send what waits; a server that does not answer is asked again later."""
        if ending is None and time.monotonic() < self._retry_at:
            return
        server = self._server
        try:
            if not server.known:
                began = time.time() if self._began is None else self._began
                server.connect(self._run.folder.id, began, self._tags())
            for number, held in list(self._trials.items()):
                self._send_trial(number, held, closing=ending is not None)
            if ending is not None:
                self._finish(ending)
        except UnreachableError as error:
            server.forget()
            self._trouble = str(error)
            self._retry_at = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        else:
            self._trouble, self._pause = "", 1.0

    def _send_trial(self, number: int, held: _Held, *, closing: bool) -> None:
        trial, server = held.trial, self._server
        over = trial.state in FINAL
        if trial.name in server.done:
            self._forget(number)
            return
        child = server.children.get(trial.name)
        state = State.INTERRUPTED if closing and trial.state is State.RUNNING else trial.state
        fresh = child is None or bool(held.rows) or child.state != state
        if held.left_out or not (fresh or closing):
            return
        try:
            child = server.child(trial, self._tags() | {"bracket": str(trial.bracket)})
            server.write(
                child.id,
                rows=[row for row in held.rows if (row.key, row.step) not in child.there],
                params=None if held.config_sent else trial.config,
                tags={"state": state, **({"reason": trial.reason} if trial.reason else {})},
            )
            held.config_sent, child.state = True, state
            if over or closing:
                child.status = _STATUS.get(state, "KILLED")
                server.end(child.id, child.status, trial.ended_at or self._latest)
        except RefusedError as error:
            self._refusal = str(error)
            self._leave_out(number, held)
            return
        self._waiting -= len(held.rows)
        held.rows = []
        if over:
            server.done[trial.name] = child.id
            self._forget(number)

    def _finish(self, ending: Ending) -> None:
        """The parent's best, its counts, its status, its spec and figures."""
        server, folder, best = self._server, self._run.folder, ending.best
        over = sum(ending.trials.get(state, 0) for state in FINAL)
        counts = ", ".join(f"{count} {state}" for state, count in ending.trials.items() if count)
        tags = {"state": ending.reason, "trials": counts}
        rows: list[Row] = []
        if best is not None:
            tags["best_trial"] = best.name
            at = self._latest or best.started_at
            there = server.there()
            rows = [
                row
                for name, value in {**best.best, "epoch": best.best_epoch}.items()
                if ((row := _made(f"best_{name}", value, at, over)).key, row.step) not in there
            ]
        status = "FAILED" if ending.reason == "failed" else "KILLED"
        files = (folder.path / "spec.yaml", folder.figures, folder.path / "report.html")
        try:
            server.write(server.parent, rows=rows, tags=tags)
            server.end(server.parent, "FINISHED" if ending.finished else status, self._latest)
            for path in files:
                if path.exists():
                    server.keep(path, path.name if path.is_dir() else None)
        except RefusedError as error:
            self._refusal = str(error)

    def _tags(self) -> dict[str, str]:
        spec = self._run.spec
        tags = {"architecture": spec.trains, "dataset": spec.dataset, "metric": spec.metric}
        return {key: value for key, value in tags.items() if value}

    def _drop(self) -> None:
        """Too much waits for a server that does not answer."""
        for number, held in list(self._trials.items()):
            if held.rows:
                self._leave_out(number, held)

    def _leave_out(self, number: int, held: _Held) -> None:
        self._left_out += 1
        self._waiting -= len(held.rows)
        held.rows, held.left_out = [], True
        if held.trial.state in FINAL:
            self._forget(number)

    def _forget(self, number: int) -> None:
        self._waiting -= len(self._trials.pop(number).rows)


def require() -> None:
    """Make sure that MLflow is there, without importing it.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError("--mlflow needs MLflow. Install it: pip install 'orch-sweep[mlflow]'")


def _row(name: str, value: float | None, record: EpochReported) -> Row:
    return _made(name, value, record.at, record.epoch)


def _made(name: str, value: float | None, at: float, step: int) -> Row:
    return Row(key_of(name), math.nan if value is None else float(value), at, step)
