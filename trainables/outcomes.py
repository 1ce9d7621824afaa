"""How an epoch ends: it is done, there was none left to run, or the trial has diverged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from searchspaces.errors import OrchError

METRICS = (
    "train_loss",
    "valid_loss",
    "accuracy",
    "learning_rate",
    "epoch_seconds",
    "weights",
)
"""What every epoch of an architecture reports."""
SUMMED = frozenset({"epoch_seconds"})
"""Metrics that add up over a trial's trainings; of others the mean is told."""

_SPREAD = "_std"


def spread(metric: str) -> str:
    """The metric that says how far apart a trial's trainings are, if it has several."""
    return f"{metric}{_SPREAD}"


def spread_of(name: str) -> str:
    """The metric whose :func:`spread` has that name; empty for none."""
    return name.removesuffix(_SPREAD) if name.endswith(_SPREAD) else ""


@dataclass(frozen=True)
class EpochDone:
    """An epoch ended well.

    Attributes:
        metrics: finite numbers by name, such as ``valid_loss``.
        finished: why the trial is complete with this epoch, whatever it was asked for,
            such as ``no better for 10 epochs``; empty when it can go on.
    """

    metrics: dict[str, float]
    finished: str = ""


@dataclass(frozen=True)
class EpochFailed:
    """The trial cannot go on, the object that held it can.

    Attributes:
        reason: one line, such as ``loss became nan``.
        metrics: the same names as in :class:`EpochDone`, NaN where unknown.
        infeasible: its config cannot run on this machine, such as out of GPU memory.
        detail: more lines, for whoever asks; such as the last output of a program.
    """

    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    infeasible: bool = False
    detail: str = ""


@dataclass(frozen=True)
class NothingLeft:
    """The trial was complete with the epoch before; none was run.

    This is how a trial ends whose length only it knows, such as a user's function that
    returns. One that has run no epoch at all fails instead.

    Attributes:
        reason: one line, such as ``the function returned``.
    """

    reason: str


Outcome = EpochDone | EpochFailed | NothingLeft


class WorkersLostError(OrchError):
    """Processes of a trial that runs in several are gone: nobody is to blame but their machine.

    The trial goes on from its checkpoint in others.
    """
