"""One sweep on an MLflow server: finding and making its runs, and writing to them.

Whatever goes wrong there is one of two things: :class:`UnreachableError`, which may be over
later, or :class:`RefusedError`, which stays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.trial import FINAL
from orchestrator.masking import masked
from searchspaces.errors import OrchError
from searchspaces.scalars import Value, text

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from orchestrator.tracking.sink import TrackedTrial

REQUEST_SECONDS = 10
"""How long a request may take."""
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
    # What is tried again is looked for first: a request that seemed lost may have arrived.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""How MLflow is to behave, where the environment does not say otherwise."""
_ROWS, _PARAMS = 800, 100
"""In a request; MLflow takes 1,000 of both and tags together."""
_PAGE = 1_000
_SAID = 300
_MEANS = {
    "ReadTimeout": "no answer in time",
    "timed out": "no answer in time",
    "Connection refused": "connection refused",
    "Connection aborted": "the connection was cut",
    "NameResolutionError": "no such host",
}
"""What MLflow says of a connection, in so many words, and what it means."""
RUN, TRIAL, CREATED = "orch.run", "orch.trial", "orch.created"
"""Tags by which runs are found again."""


class UnreachableError(OrchError):
    """The server does not answer, or cannot now."""


class RefusedError(OrchError):
    """The server answers that it will not take this."""


@dataclass(frozen=True)
class Row:
    """A value of a metric.

    Attributes:
        key: the metric, as MLflow takes it.
        value: nan where it was not finite.
        at: seconds since the epoch, UTC.
        step: the epoch.
    """

    key: str
    value: float
    at: float
    step: int


@dataclass(slots=True)
class Child:
    """A trial's run as the server has it.

    Attributes:
        id: the server's.
        status: the server's.
        state: the trial's, as last written there.
        there: (metric, step) of what an earlier process wrote.
    """

    id: str
    status: str
    state: str
    there: set[tuple[str, int]] = field(default_factory=set)


class Server:
    """The server, for one sweep. Nothing is asked of it before :meth:`connect`.

    Args:
        uri: of the server, or of whatever else MLflow can write to.
        experiment: its name; made if the server has none.
        tags: that tell this sweep's runs from all others.

    Attributes:
        parent: id of the sweep's run; empty before it is known.
        done: ids of the runs of which the server has everything, by trial.
        children: the others that the server has, by name.
    """

    def __init__(self, uri: str, experiment: str, tags: Mapping[str, str]) -> None:
        self.uri = uri
        self._experiment = experiment
        self._tags = dict(tags)
        self._id = ""
        self._client: MlflowClient | None = None
        self.parent = ""
        self.done: dict[str, str] = {}
        self.children: dict[str, Child] = {}

    @property
    def known(self) -> bool:
        """Which runs the server has is known."""
        return bool(self.parent)

    def forget(self) -> None:
        """Something was asked of the server, and nobody knows whether it was done."""
        self.parent = ""
        self.children.clear()

    def connect(self, name: str, began: float, tags: Mapping[str, str]) -> None:
        """Find the sweep's runs; make the experiment and the parent where there are none.

        Args:
            name: of the parent.
            began: when the sweep started, in seconds since the epoch, UTC.
            tags: of a new parent.

        Raises:
            UnreachableError: that cannot be done now.
        """
        with self._asking(final=False) as client:
            found = client.get_experiment_by_name(self._experiment)
            self._id = found.experiment_id if found else client.create_experiment(self._experiment)
            parents = []
            for run in self._runs(client):
                trial = run.data.tags.get(TRIAL)
                if trial is None:
                    parents.append(run)
                else:
                    self._take(client, trial, run)
            if not parents:
                parents = [self._made(client, name, began, tags)]
            for twice in parents[1:]:
                client.delete_run(twice.info.run_id)
            parent = parents[0].info
            if parent.status != "RUNNING":
                client.update_run(parent.run_id, "RUNNING")
            self.parent = parent.run_id

    def child(self, trial: TrackedTrial, tags: Mapping[str, str]) -> Child:
        """The run of a trial that is not done, made if there is none.

        Raises:
            UnreachableError: that cannot be done now.
            RefusedError: it cannot be done.
        """
        child = self.children.get(trial.name)
        with self._asking() as client:
            if child is None:
                own = {TRIAL: trial.name, "mlflow.parentRunId": self.parent, **tags}
                run = self._made(client, trial.name, trial.started_at, own)
                child = Child(run.info.run_id, "RUNNING", "")
            elif child.status != "RUNNING":
                client.update_run(child.id, "RUNNING")
                child.status = "RUNNING"
        self.children[trial.name] = child
        return child

    def write(
        self,
        run: str,
        *,
        rows: Sequence[Row] = (),
        params: Mapping[str, Value] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write to a run, in as few requests as possible.

        Raises:
            UnreachableError: that cannot be done now.
            RefusedError: it cannot be done.
        """
        from mlflow.entities import Metric, Param, RunTag

        config = [Param(key_of(key), text(value)) for key, value in (params or {}).items()]
        marks = [RunTag(key, value) for key, value in (tags or {}).items()]
        metrics = [Metric(r.key, r.value, round(r.at * 1000), r.step) for r in rows]
        with self._asking() as client:
            while config or metrics or marks:
                client.log_batch(run, metrics[:_ROWS], config[:_PARAMS], marks)
                config, metrics, marks = config[_PARAMS:], metrics[_ROWS:], []

    def end(self, run: str, status: str, at: float | None) -> None:
        """Give a run its last status.

        Raises:
            UnreachableError: that cannot be done now.
            RefusedError: it cannot be done.
        """
        with self._asking() as client:
            client.set_terminated(run, status, None if at is None else round(at * 1000))

    def keep(self, path: Path, folder: str | None = None) -> None:
        """Put a file or everything in a folder among the parent's artifacts.

        Raises:
            UnreachableError: that cannot be done now.
            RefusedError: it cannot be done.
        """
        with self._asking() as client:
            if path.is_dir():
                client.log_artifacts(self.parent, str(path), folder)
            else:
                client.log_artifact(self.parent, str(path), folder)

    def there(self) -> set[tuple[str, int]]:
        """(metric, step) of every row of the parent.

        Raises:
            UnreachableError: that cannot be asked now.
        """
        with self._asking(final=False) as client:
            return _there(client, client.get_run(self.parent))

    @contextmanager
    def _asking(self, *, final: bool = True) -> Iterator[MlflowClient]:
        """The client, for a block in which every error becomes one of ours.

        Args:
            final: a request that the server does not take will not be taken later either.
        """
        if self._client is None:
            self._client = _client_of(self.uri)
        from mlflow.exceptions import MlflowException

        try:
            yield self._client
        except MlflowException as error:
            status = error.get_http_status_code()  # type: ignore[no-untyped-call]  # MLflow's
            kind = RefusedError if final and status in {400, 404, 409} else UnreachableError
            raise kind(self._said(error)) from None
        except Exception as error:  # noqa: BLE001  # whatever a server's answer does to a client
            raise UnreachableError(self._said(error)) from None

    def _said(self, error: Exception) -> str:
        """What went wrong, in one line without a password; causes hold the address too."""
        text = masked(" ".join(str(error).split()))
        cut = text if len(text) <= _SAID else f"{text[:_SAID]}..."
        known = next((words for sign, words in _MEANS.items() if sign in text), "")
        return f"MLflow at {masked(self.uri)}: {known or cut or type(error).__name__}"

    def _runs(self, client: MlflowClient) -> Iterator[Run]:
        """All runs of this sweep, the earliest first."""
        which = " and ".join(f"tags.`{key}` = '{value}'" for key, value in self._tags.items())
        token = None
        while True:
            page = client.search_runs(
                [self._id],
                which,
                max_results=_PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _take(self, client: MlflowClient, trial: str, run: Run) -> None:
        """A trial's run was found."""
        state = run.data.tags.get("state", "")
        found = run.info.run_id
        if trial in self.children or self.done.get(trial, found) != found:
            client.delete_run(found)  # a request that seemed lost had arrived
        elif state in FINAL and run.info.status != "RUNNING":
            self.done[trial] = found
        else:
            there = _there(client, run)
            self.children[trial] = Child(found, run.info.status, state, there)

    def _made(self, client: MlflowClient, name: str, began: float, tags: Mapping[str, str]) -> Run:
        return client.create_run(
            self._id, start_time=round(began * 1000), tags={**self._tags, **tags}, run_name=name
        )


def _client_of(uri: str) -> MlflowClient:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(uri)


def _there(client: MlflowClient, run: Run) -> set[tuple[str, int]]:
    """(metric, step) of every row of a run."""
    return {
        (key, row.step)
        for key in run.data.metrics
        for row in client.get_metric_history(run.info.run_id, key)
    }


def key_of(name: str) -> str:
    """A metric's or a parameter's name as MLflow takes it."""
    return re.sub(r"[^\w\-. :/]", "_", name)[:250]
