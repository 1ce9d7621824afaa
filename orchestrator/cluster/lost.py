"""Heads that do not answer any more, and what is left of the runs that lived there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from orchestrator.cluster import launch
from orchestrator.cluster.errors import ClusterError, NotUpError, UnreachableError
from orchestrator.cluster.fetching import BehindError
from orchestrator.cluster.file import ClusterFile
from orchestrator.cluster.remote import Remote, Tell, remote_of
from orchestrator.cluster.ssh import Host
from orchestrator.runs.folder import RunFolder
from orchestrator.runs.whereabouts import Whereabouts, read_whereabouts
from searchspaces.errors import UsageError

ANSWER_SECONDS = 15.0
"""A host that has not answered by then is not there."""
MOST_ASKED = 8
"""Of the other hosts; one that answers is enough."""


class HeadLostError(ClusterError):
    """The machine that ran a sweep is gone, as far as can be told from here.

    Attributes:
        name: of the cluster.
        why: it is thought to be.
    """

    def __init__(self, name: str, why: str, run: str) -> None:
        self.name = name
        self.why = why
        super().__init__(
            f"the head of cluster {name} is lost: {why}. When it is back, or on another cluster: "
            f"orch resume {run} --cluster FILE"
        )


def lost(there: Remote, where: Whereabouts, run: str) -> HeadLostError | None:
    """That the head of a run is gone; None where nobody here can tell.

    Args:
        there: its cluster.
        where: it lives.
        run: what commands call it.
    """
    why = why_gone(there.file, where.address)
    return HeadLostError(where.name, why, run) if why else None


def why_gone(file: ClusterFile, address: str) -> str:
    """Why a head must be gone that was at an address; empty where nobody here can tell.

    That it does not answer is not enough: it may be this machine that has no network. So the
    cloud is asked, or other hosts of the cluster.
    """
    if not file.head:
        try:
            now = launch.head_address(file)
        except NotUpError:
            return "the cloud has no such machine any more"
        except ClusterError:
            return ""
        return "" if now == address else f"the cloud has another one, {now}"
    if "external_head_ip" in file.values["provider"]:
        return ""  # the others are reached through it
    others = [host for host in file.hosts if host != address][:MOST_ASKED]
    with ThreadPoolExecutor(max_workers=1 + len(others)) as threads:
        asked = threads.map(lambda host: _answers(file, host), [address, *others])
        head, *answers = asked
    there = [host for host, answer in zip(others, answers, strict=True) if answer]
    return f"{address} does not answer, and {there[0]} does" if there and not head else ""


def _answers(file: ClusterFile, address: str) -> bool:
    try:
        Host(address, file.login).run("true", timeout=ANSWER_SECONDS)
    except UnreachableError:
        return False
    except ClusterError:  # it turns this person away, so it is there
        return True
    return True


def refuse_running(run: RunFolder, tell: Tell) -> None:
    """A run that a job of a cluster runs must not run a second time.

    Its newest results are brought home first, from where it was last, as far as they are there.

    Args:
        run: its folder here.
        tell: is called with what cannot be had.

    Raises:
        UsageError: it runs.
        ClusterError: what is there cannot be fetched.
    """
    where = read_whereabouts(run.path)
    if where is None or where.home:
        return
    problem = _brought_home(run, where, tell)
    if problem:
        tell("warning", problem)
        tell("warning", "the run goes on with what has come home of it")


def _brought_home(run: RunFolder, where: Whereabouts, tell: Tell) -> str:
    """Fetch what a cluster has of a run that ended there; what kept it from that."""
    try:
        there = remote_of(where, tell)
        job = there.job(where)
    except ClusterError as error:
        return f"cluster {where.name} cannot be asked: {error}"
    if not job.over:
        raise UsageError(
            f"run {run.id} runs on cluster {where.name}. Follow it: orch attach {run.suffix}"
        )
    if there.host.run("test", "-d", where.path).returncode:
        return f"the head of cluster {where.name} has nothing of run {run.id} any more"
    try:
        there.bring_home(run, where)
    except BehindError as error:
        _salvaged(there, run, where)
        return str(error)
    return ""


def _salvaged(there: Remote, run: RunFolder, where: Whereabouts) -> None:
    """Of a disk that is behind, trials still have their checkpoints."""
    with there.mirror(run, where) as mirror:
        mirror.salvage()
