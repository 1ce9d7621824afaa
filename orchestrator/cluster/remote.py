"""A run on the cluster of a file: brought there, submitted as a Ray job, and where it is then."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.cluster import launch
from orchestrator.cluster.checking import Finding, check
from orchestrator.cluster.credentials import secrets_of
from orchestrator.cluster.entry import Order
from orchestrator.cluster.errors import ClusterError, CommandFailedError
from orchestrator.cluster.file import ClusterFile, read_cluster
from orchestrator.cluster.following import GONE_SECONDS
from orchestrator.cluster.jobs import Job, job_of
from orchestrator.cluster.launch import Up
from orchestrator.cluster.link import ConnectionLost, waits
from orchestrator.cluster.mirror import Home, Mirror
from orchestrator.cluster.needs import Need, needs_of, refuse_lacking
from orchestrator.cluster.parcel import Parcel, parcel_of
from orchestrator.cluster.placing import place
from orchestrator.cluster.probing import probe
from orchestrator.cluster.shipping import Shipped, Shipper, used_by
from orchestrator.cluster.ssh import Host
from orchestrator.cluster.starting import starts
from orchestrator.cluster.tokens import find_token
from orchestrator.cluster.tunnel import Tunnel
from orchestrator.engine.inbox import forget_stops
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.whereabouts import Whereabouts, write_whereabouts
from orchestrator.spec import SweepSpec
from orchestrator.tracking.settings import changed
from searchspaces.errors import ConfigurationError, OrchError

Tell = Callable[[str, str], None]
"""Is called with the name of a step and what came of it."""
LOST_SECONDS = 5.0
"""For nodes of a cluster that was up already, and has fewer than its file asks for."""


@dataclass(frozen=True)
class Prepared:
    """What will be brought to a cluster.

    Attributes:
        spec: the sweep.
        parcel: orch, one's own files, data.
        secrets: by name.
        tracking: what changes in where it is told about.
    """

    spec: SweepSpec
    parcel: Parcel
    secrets: Mapping[str, bytes]
    tracking: Mapping[str, Any]


class Remote:
    """The cluster of a file, as the place of a run.

    Args:
        file: the cluster's.
        tell: is called with each step.
        address: of the head, where it is not the file's present one.

    Attributes:
        file: the cluster's.
        tell: as given.
    """

    def __init__(self, file: ClusterFile, tell: Tell, address: str = "") -> None:
        self.file = file
        self.tell = tell
        self._host = Host(address, file.login) if address else None
        self._python = ""
        self._needs: tuple[Need, ...] = ()

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
        if self.file.head:  # a cloud's is not there yet
            refuse_lacking(self.host, self.python, self._needs)
        self.tell("check", f"cluster {self.file.name}: {len(found)} checks passed")

    def prepare(
        self,
        run_spec: SweepSpec,
        *,
        tracking: Mapping[str, Any] = MappingProxyType({}),
        notify: Sequence[str] = (),
    ) -> Prepared:
        """Collect what will be brought there; what can be refused is refused here, for nothing.

        Args:
            run_spec: the sweep.
            tracking: what changes in where it is told about.
            notify: URLs of whom to tell how it ended.

        Raises:
            OrchError: the sweep cannot run there, or something of it cannot be found here.
        """
        self._refuse_unplaceable(run_spec)
        told = changed(run_spec.tracking, tracking) if tracking else run_spec.tracking
        self._needs = needs_of(told, notifies=bool(notify))
        secrets = secrets_of(run_spec.model_copy(update={"tracking": told}), notify=notify)
        return Prepared(run_spec, parcel_of(run_spec), secrets, tracking)

    def up(self) -> Up:
        """Have the cluster run, with as many nodes as its file asks for.

        Returns:
            what is up then.

        Raises:
            ClusterError: it does not start.
        """

        def tell(said: str) -> None:
            self.tell("up", said)

        was_up = bool(launch.found(self.file))
        launch.up(self.file, tell)
        if not self.file.head:
            refuse_lacking(self.host, self.python, self._needs)
        # One that was left with fewer nodes has lost them: those that are there will do.
        patience = LOST_SECONDS if was_up else launch.PATIENCE_SECONDS
        return launch.wait(self.file, launch.expected(self.file), tell, patience=patience)

    def begin(
        self,
        run: RunFolder,
        prepared: Prepared,
        *,
        rules: Mapping[str, Any] | None = None,
    ) -> Whereabouts:
        """Bring a run there as it is here, and have it go on.

        Args:
            run: its folder here, with all that is known of it; the caller owns it.
            prepared: by :meth:`prepare`.
            rules: what stops it by itself, where not as the run says.

        Raises:
            ClusterError: that did not work.
        """
        where = f"the head of cluster {self.file.name}"
        shipper = Shipper(self._run_there, where=where, python=self.python)
        parcel = prepared.parcel
        shipped = shipper.ship(parcel)
        new = f"{shipped.sent / 1e6:,.1f} MB sent" if shipped.sent else "all there already"
        self.tell("ship", f"{parcel.words}: {new}, verified")
        job = f"{run.id}-{token_hex(3)}"
        hidden = shipper.hide(job, prepared.secrets) if prepared.secrets else ""
        path = f"{shipped.runs}/{run.id}"
        forget_stops(run.inbox)
        place(run, self.host, path)
        shipper.use(run.id, shipped)
        shipper.prune()
        largest = self.file.largest
        order = Order(
            run=path,
            library=shipped.library,
            modules=shipped.modules,
            runs_in=shipped.runs_in,
            dataset=shipped.dataset,
            secrets=hidden,
            tracking=dict(prepared.tracking),
            rules=dict(rules or {}),
            largest=(largest.cpus, largest.gpus) if largest else (0.0, 0.0),
        )
        there = Whereabouts(
            address=self.host.address,
            path=path,
            job=job,
            cluster=str(self.file.path.resolve()),
            name=self.file.name,
            far=tuple(shipped.mirror_words(self.python)),
        )
        # Before it is submitted: a job that nobody knows of would run a second time.
        write_whereabouts(run.path, there)
        try:
            self._submit(job, order, shipped)
        except ClusterError:
            with suppress(ClusterError):
                shipper.forget(job)
            raise
        self.tell("job", f"{job} on {self.host.address}")
        return there

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

    def bring_home(
        self,
        run: RunFolder,
        where: Whereabouts,
        *,
        patience: float = 0.0,
        gone: Callable[[], OrchError | None] = lambda: None,
    ) -> Home:
        """Fetch all of a run that nobody runs any more, and note in its folder that it is here.

        Args:
            run: its folder here; nobody else keeps it.
            where: it is.
            patience: seconds for a lost connection to come back.
            gone: says what ends the patience early; None while it may come back.

        Raises:
            ConnectionLost: it did not come back; what was fetched stays.
            ClusterError: it cannot be fetched.
        """
        began, pauses = time.monotonic(), waits()
        with self.mirror(run, where) as mirror:
            while True:
                try:
                    home = mirror.finish()
                    break
                except ConnectionLost as error:
                    lasted = time.monotonic() - began
                    pause = next(pauses)
                    if lasted + pause > patience:
                        raise
                    if lasted > GONE_SECONDS and (reason := gone()) is not None:
                        raise reason from error
                    time.sleep(pause)
        write_whereabouts(run.path, replace(where, home=True))
        with suppress(ClusterError):  # then what it needed is kept there for longer
            self.host.run("rm", "-f", used_by(where.path))
        return home

    def job(self, where: Whereabouts) -> Job:
        """What became of the job of a run.

        Raises:
            ClusterError: the head cannot be asked.
        """
        return job_of(self.host, where.job)

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

    def _submit(self, job: str, order: Order, shipped: Shipped) -> None:
        """Hand the job to Ray."""
        text = msgspec.json.encode(order).decode()
        words = [self.python, "-P", "-m", "orchestrator.cluster.entry", text]
        environment = {"PYTHONPATH": shipped.library, "ORCH_DATA": shipped.data}
        with Tunnel(self.host) as tunnel:
            from ray.job_submission import JobSubmissionClient

            token = find_token().text
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            try:
                JobSubmissionClient(tunnel.url, headers=headers).submit_job(
                    entrypoint=shlex.join(words),
                    submission_id=job,
                    runtime_env={"env_vars": environment},
                )
            except (RuntimeError, OSError) as error:  # requests' errors are OSErrors
                raise CommandFailedError(
                    f"{self.host.address}: Ray's job server", " ".join(str(error).split())
                ) from error


def remote_of(where: Whereabouts, tell: Tell) -> Remote:
    """The cluster that a run lives on.

    Raises:
        UsageError: its file is gone or wrong.
    """
    file = read_cluster(Path(where.cluster))
    # A cloud's head may have another address now; where the file names one, it was changed.
    return Remote(file, tell, where.address if file.head else "")
