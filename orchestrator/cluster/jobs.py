"""What a cluster's job server says of the job of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from orchestrator.cluster import rest
from orchestrator.cluster.errors import AnswerError
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.tokens import find_token

TERMINAL = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})


@dataclass(frozen=True)
class Job:
    """What the cluster says of a run's job.

    Attributes:
        state: ``PENDING``, ``RUNNING``, ``STOPPED``, ``SUCCEEDED``, ``FAILED``; empty where
            the cluster knows of none.
        said: its last line, of one that has ended.
    """

    state: str
    said: str = ""

    @property
    def over(self) -> bool:
        """Nothing runs any more."""
        return not self.state or self.state in TERMINAL


def job_of(host: Host, name: str) -> Job:
    """What became of a job.

    Raises:
        ClusterError: the head cannot be asked.
    """
    token = find_token().text
    try:
        content = rest.get(host, f"/api/jobs/{name}", token=token)
    except AnswerError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        content = None  # Ray was started anew since then
    state = json.loads(content).get("status", "") if content else ""
    if state not in {"FAILED", "STOPPED"}:
        return Job(state)
    logs = rest.get(host, f"/api/jobs/{name}/logs", token=token)
    said = json.loads(logs).get("logs", "") if logs else ""
    lines = [line for line in said.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("error: ")]
    return Job(state, (told or lines or [""])[-1].strip())
