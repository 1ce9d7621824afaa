"""What the journal says: one small immutable type per thing that can happen to a sweep.

The run table, the scheduler and the searcher are functions of these records in
their order; nothing else is stored about a run. Times are seconds since the
epoch, UTC. Trials are counted from 0, epochs from 1.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

from searchspaces import Value

FINISHED = "finished"
"""Why a process lets a run go in which nothing is left to do."""

Metrics = dict[str, float | None]
"""Metric values of an epoch by name; None is how JSON keeps nan and infinity."""


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a checkpoint lies and how to tell that it is whole.

    Attributes:
        key: its name in the checkpoint store.
        epoch: the epoch after which it was taken.
        sha256: of its bytes, in hexadecimal.
        size: bytes.
    """

    key: str
    epoch: int
    sha256: str
    size: int


class Verdict(msgspec.Struct, frozen=True):
    """What the scheduler decided about a result, as it is written down.

    Attributes:
        kind: ``continue``, ``pause`` or ``stop``.
        until: the next epoch of decision, of ``continue``.
    """

    kind: Literal["continue", "pause", "stop"]
    until: int | None = None


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """A process took the run over, for the first time or again.

    Attributes:
        at: when.
        host: the machine's name.
        pid: the process.
        versions: of orch and of what computes.
        split: how validation data were held out, in words.
        facts: features, classes, steps and channels of the data.
        warning: why scores are to be taken with care; empty where they are honest.
        fingerprint: checksum of the data; empty where none was taken.
        asked: the process asks for trials and trains them itself.
    """

    at: float
    host: str
    pid: int
    versions: dict[str, str]
    split: str = ""
    facts: dict[str, int] = {}
    warning: str = ""
    fingerprint: str = ""
    asked: bool = False


class Scaled(msgspec.Struct, frozen=True, tag="scaled"):
    """There are to be so many workers from now on.

    Attributes:
        at: when.
        workers: trials at a time.
        nodes: machines that they may run on.
    """

    at: float
    workers: int
    nodes: int = 1


class TrialStarted(msgspec.Struct, frozen=True, tag="started"):
    """A trial was made and given to a worker for the first time.

    Attributes:
        number: the trial.
        config: its config, inactive names absent.
        seed: of everything random in it.
        bracket: index into the scheduler's plan.
        until: the epoch of its first decision.
        at: when.
        space: version of the space that the config is from; one more with each edit.
        enqueued: a person asked for this config.
    """

    number: int
    config: dict[str, Value]
    seed: int
    bracket: int
    until: int
    at: float
    space: int = 1
    enqueued: bool = False


class TrialResumed(msgspec.Struct, frozen=True, tag="resumed"):
    """A trial was given to a worker again.

    Attributes:
        number: the trial.
        attempt: counted from 1; one more after each interruption, the same after a pause.
        until: the epoch of its next decision.
        promoted: the scheduler asked for it; otherwise a worker or the driver was lost.
        at: when.
        reason: what interrupted it, in one line; empty if promoted.
        afresh: its checkpoint cannot be used; it starts over.
    """

    number: int
    attempt: int
    until: int
    promoted: bool
    at: float
    reason: str = ""
    afresh: bool = False


class EpochReported(msgspec.Struct, frozen=True, tag="epoch"):
    """A trial finished an epoch; result, decision and checkpoint are one record.

    Attributes:
        number: the trial.
        attempt: the attempt that ran the epoch.
        epoch: counted from 1.
        metrics: what the trainable reported.
        seconds: the epoch took, in the worker.
        node: where it ran.
        at: when it was decided.
        verdict: the scheduler's decision; None between milestones.
        checkpoint: the newest one, if one was written after this epoch.
        finished: why the trial is complete with this epoch although the scheduler would
            have let it go on; empty when it is not.
    """

    number: int
    attempt: int
    epoch: int
    metrics: Metrics
    seconds: float
    node: str
    at: float
    verdict: Verdict | None = None
    checkpoint: Checkpoint | None = None
    finished: str = ""


class EpochRepeated(msgspec.Struct, frozen=True, tag="repeated"):
    """An epoch that was journaled before an interruption ran again; it is not counted.

    Attributes:
        number: the trial.
        attempt: the attempt that ran it again.
        epoch: which.
        same: the metrics equal those of the first time.
        seconds: it took.
        at: when.
        checkpoint: the newest one, if one was written after this epoch.
    """

    number: int
    attempt: int
    epoch: int
    same: bool
    seconds: float
    at: float
    checkpoint: Checkpoint | None = None


class TrialPruned(msgspec.Struct, frozen=True, tag="pruned"):
    """A paused trial was not promoted."""

    number: int
    at: float


class TrialCloned(msgspec.Struct, frozen=True, tag="cloned"):
    """A paused trial got another's weights and a changed config; it is paused as before.

    Attributes:
        number: the trial.
        source: the trial that was copied; ``number`` itself where none could be.
        attempt: counted from 1; one more than before, so that no worker goes on with the old
            weights.
        config: from here on.
        checkpoint: the copy, its own now; None where none was made.
        at: when.
    """

    number: int
    source: int
    attempt: int
    config: dict[str, Value]
    checkpoint: Checkpoint | None
    at: float


class TrialEnded(msgspec.Struct, frozen=True, tag="ended"):
    """A trial ended outside the scheduler's decisions.

    Attributes:
        number: the trial.
        state: ``failed`` or ``infeasible``; ``pruned`` when a person stopped it;
            ``completed`` when it had nothing left to run after an epoch journaled before.
        reason: one line.
        detail: the traceback, if there is one.
        at: when.
        checkpoint: of a completed trial the newest one, if one was written at the end.
    """

    number: int
    state: Literal["failed", "infeasible", "pruned", "completed"]
    reason: str
    at: float
    detail: str = ""
    checkpoint: Checkpoint | None = None


class Commanded(msgspec.Struct, frozen=True, tag="command"):
    """A command from outside was taken out of the inbox.

    Attributes:
        command: ``stop-trial``, ``pause``, ``go-on``, ``enqueue``, ``set`` or ``edit``.
        at: when.
        number: of ``stop-trial`` the trial; of ``enqueue`` the one that gets the config; of
            ``edit`` the first from the new space.
        values: of ``enqueue`` parameters, of ``set`` settings, of ``edit`` changes of the spec.
        refused: why it was not followed, in one line; empty if it was.
        letter: that brought it, so that none is followed twice; empty from within the process.
    """

    command: str
    at: float
    number: int | None = None
    values: dict[str, Any] = {}
    refused: str = ""
    letter: str = ""


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """The process let the run go in an orderly way.

    Attributes:
        at: when.
        reason: :data:`FINISHED`, or why it stopped before that.
        epoch_seconds: spent in epochs by the workers, in this process's time.
        worker_seconds: that workers were there while work was waiting for them.
        limit: the setting of the sweep that stopped it, such as ``target``; empty for none.
    """

    at: float
    reason: str
    epoch_seconds: float = 0.0
    worker_seconds: float = 0.0
    limit: str = ""


Record = (
    Opened
    | Scaled
    | TrialStarted
    | TrialResumed
    | EpochReported
    | EpochRepeated
    | TrialPruned
    | TrialCloned
    | TrialEnded
    | Commanded
    | Closed
)
"""Everything a journal can hold."""


def completed(number: int, reason: str, checkpoint: Checkpoint | None) -> TrialEnded:
    """The record of a trial that has nothing left to run."""
    return TrialEnded(
        number=number, state="completed", reason=reason, at=time.time(), checkpoint=checkpoint
    )
