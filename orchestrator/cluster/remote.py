"""A run on the cluster of a file: brought there, submitted as a Ray job, and where it is then."""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.cluster import launch, rest
from orchestrator.cluster.checking import Finding, check
from orchestrator.cluster.credentials import secrets_of
from orchestrator.cluster.entry import Order
from orchestrator.cluster.errors import ClusterError, CommandFailedError
from orchestrator.cluster.file import ClusterFile, read_cluster
from orchestrator.cluster.mirror import Mirror
from orchestrator.cluster.parcel import parcel_of
from orchestrator.cluster.probing import probe
from orchestrator.cluster.shipping import Shipped, Shipper
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.starting import starts
from orchestrator.cluster.tokens import find_token
from orchestrator.cluster.tunnel import Tunnel
from orchestrator.runs.folder import SPEC, RunFolder
from orchestrator.runs.whereabouts import Whereabouts, write_whereabouts
from orchestrator.spec import SweepSpec
from orchestrator.spec_file import to_yaml
from searchspaces.errors import ConfigurationError

Tell = Callable[[str, str], None]
"""Is called with the name of a step and what came of it."""
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


class Remote:
    """The cluster of a file, as the place of a run.

    Args:
        file: the cluster's.
        tell: is called with each step.

    Attributes:
        file: the cluster's.
        tell: as given.
    """

    def __init__(self, file: ClusterFile, tell: Tell) -> None:
        self.file = file
        self.tell = tell
        self._host: Host | None = None
        self._python = ""

    @property
    def host(self) -> Host:
        """The head.

        Raises:
            ClusterError: the cluster is not up.
        """
        if self._host is None:
            self._host = Host(launch.head_address(self.file), self.file.login)
        return self._host

    def check(self) -> None:
        """Look at everything before anything is spent.

        Raises:
            ClusterError: something would keep the sweep from running.
        """
        found = check(self.file, tell=self._tell_finding)
        wrong = [one for one in found if one.state == "error"]
        if wrong:
            more = f" ({len(wrong)} errors)" if wrong[1:] else ""
            raise ClusterError(f"{wrong[0].said}{more}")
        self.tell("check", f"cluster {self.file.name}: {len(found)} checks passed")

    def up(self) -> launch.Up:
        """Have the cluster run, with as many nodes as its file asks for.

        Raises:
            ClusterError: it does not start.
        """
        launch.up(self.file, lambda said: self.tell("up", said))
        return launch.wait(
            self.file, launch.expected(self.file), lambda said: self.tell("up", said)
        )

    def begin(self, run: RunFolder, spec: SweepSpec, *, max_time: float | None = None) -> None:
        """Bring a run there and have it run; what is there of it already stays.

        Args:
            run: its folder here, with all that is known of it.
            spec: the sweep.
            max_time: seconds after which it stops itself; None is the run's own limit.

        Raises:
            ClusterError: that did not work.
        """
        self._refuse_unplaceable(spec)
        where = f"the head of cluster {self.file.name}"
        shipper = Shipper(self._run_there, where=where, python=self.python)
        parcel = parcel_of(spec)
        shipped = shipper.ship(parcel)
        new = f"{shipped.sent / 1e6:,.1f} MB sent" if shipped.sent else "all there already"
        self.tell("ship", f"{parcel.words}: {new}, verified")
        secrets = secrets_of(spec)
        hidden = shipper.hide(run.id, secrets) if secrets else ""
        path = f"{shipped.runs}/{run.id}"
        if not self._is_there(path):
            self._send(run, spec, shipped, path)
        order = Order(
            run=path,
            library=shipped.library,
            modules=shipped.modules,
            runs_in=shipped.runs_in,
            secrets=hidden,
            max_time=max_time,
        )
        job = self._submit(order, shipped)
        write_whereabouts(
            run.path,
            Whereabouts(
                address=self.host.address,
                path=path,
                job=job,
                cluster=str(self.file.path.resolve()),
                name=self.file.name,
                far=tuple(shipped.mirror_words(self.python)),
            ),
        )
        self.tell("job", f"{job} on {self.host.address}")

    @property
    def python(self) -> str:
        """The interpreter of the head's Ray.

        Raises:
            ClusterError: there is none.
        """
        if not self._python:
            known = {start.where: start for start in starts(self.file.values)}
            found = probe(self.file, self.host.address, known.get("head"))
            if found.problem:
                raise ClusterError(found.problem)
            self._python = found.interpreter
        return self._python

    def mirror(self, run: RunFolder, where: Whereabouts) -> Mirror:
        """What keeps the run's folder here like the one there."""
        command = self.host.command(*where.far)
        return Mirror(command, run.id, run.path, where=f"cluster {self.file.name}")

    def job(self, where: Whereabouts) -> Job:
        """What became of the job.

        Raises:
            ClusterError: the head cannot be asked.
        """
        content = self._get(f"/api/jobs/{where.job}")
        state = json.loads(content).get("status", "") if content else ""
        if state not in {"FAILED", "STOPPED"}:
            return Job(state)
        logs = self._get(f"/api/jobs/{where.job}/logs")
        said = json.loads(logs).get("logs", "") if logs else ""
        lines = [line for line in said.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith("error: ")]
        return Job(state, (told or lines or [""])[-1].strip())

    def _get(self, path: str) -> bytes | None:
        return rest.get(self.host, path, token=find_token().text)

    def _tell_finding(self, finding: Finding) -> None:
        if finding.state != "ok":
            self.tell(finding.state, finding.said)

    def _refuse_unplaceable(self, spec: SweepSpec) -> None:
        """A trial that no kind of node has room for, however many there will be."""
        kinds = [kind for kind in self.file.node_types if kind.cpus]
        if not kinds or len(kinds) < len(self.file.node_types):
            return  # Ray finds out what the machines have
        for name, wanted in (("cpus", spec.cpus), ("gpus", spec.gpus)):
            most = max(getattr(kind, name) for kind in kinds)
            if wanted and wanted > most:
                raise ConfigurationError(
                    f"a trial takes {wanted:g}, and no kind of node in {self.file.path} has more "
                    f"than {most:g}: it could never be placed. Give {most:g} or less.",
                    place=name,
                )

    def _run_there(
        self, words: list[str], given: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        return self.host.run(*words, input=given, timeout=None)

    def _is_there(self, path: str) -> bool:
        return self.host.run("test", "-e", f"{path}/{SPEC}").returncode == 0

    def _send(self, run: RunFolder, spec: SweepSpec, shipped: Shipped, path: str) -> None:
        """The run's folder as it is here, with the data set called as it is there."""
        there = spec.model_copy(update={"dataset": shipped.dataset}) if shipped.dataset else spec
        text = to_yaml({**there.dump(), "provenance": run.provenance()}).encode()
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as tar:
                for part in ("journal", "checkpoints"):
                    if (run.path / part).is_dir():
                        tar.add(run.path / part, part)
            packed.seek(0)
            script = (
                'mkdir -p "$1.part" && tar -x -C "$1.part" && cat > /dev/null && mv "$1.part" "$1"'
            )
            done = self.host.run("sh", "-c", script, "sh", path, input=packed, timeout=None)
        if done.returncode:
            raise CommandFailedError(self.host.address, done.stderr.decode().strip() or script)
        self.host.put(text, f"{path}/{SPEC}", 0o644)

    def _submit(self, order: Order, shipped: Shipped) -> str:
        """Hand the job to Ray; its id."""
        text = msgspec.json.encode(order).decode()
        words = [self.python, "-P", "-m", "orchestrator.cluster.entry", text]
        environment = {"PYTHONPATH": shipped.library, "ORCH_DATA": shipped.data}
        with Tunnel(self.host) as tunnel:
            from ray.job_submission import JobSubmissionClient

            token = find_token().text
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            try:
                client = JobSubmissionClient(tunnel.url, headers=headers)
                job: Any = client.submit_job(
                    entrypoint=shlex.join(words), runtime_env={"env_vars": environment}
                )
            except (RuntimeError, ConnectionError) as error:
                raise CommandFailedError(
                    f"{self.host.address}: Ray's job server", " ".join(str(error).split())
                ) from error
        return str(job)


def remote_of(where: Whereabouts, tell: Tell) -> Remote:
    """The cluster that a run lives on.

    Raises:
        UsageError: its file is gone or wrong.
    """
    return Remote(read_cluster(Path(where.cluster)), tell)
