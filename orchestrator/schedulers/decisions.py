"""What a scheduler can say: proposals (what to do next) and decisions (about a result).

They are types, so that whoever follows them cannot forget one, and each says
what happens to the trial's checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Start:
    """Start a new trial and run it to epoch ``until``; there is no checkpoint yet.

    Attributes:
        bracket: index into :meth:`Scheduler.plan` of the bracket it will belong to.
        until: epoch, counted from 1, at which its first report is due.
    """

    bracket: int
    until: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with a paused trial, from its checkpoint, to epoch ``until``."""

    number: int
    until: int


@dataclass(frozen=True, slots=True)
class Prune:
    """End a paused trial; nothing will ask for its checkpoint again."""

    number: int


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on at once, in the same worker, to epoch ``until``; no checkpoint is needed."""

    until: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Write a checkpoint and free the worker; a Resume or a Prune will follow."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the trial: completed if it is at ``max_epochs``, pruned if it is not.

    A completed trial keeps its last checkpoint; a pruned one's is not needed again.
    """


@dataclass(frozen=True, slots=True)
class Variation:
    """How a copied config is changed.

    Attributes:
        names: parameters that may change; None is those of the training.
        factors: a number is multiplied by one of these, each equally likely.
        resample: probability that a parameter is drawn anew instead.
    """

    names: tuple[str, ...] | None
    factors: tuple[float, ...]
    resample: float


@dataclass(frozen=True, slots=True)
class Clone:
    """Give a paused trial another's checkpoint, and its config with a change; it stays paused.

    The trial keeps its number and its epoch; its own checkpoint is not needed again. The
    other's is copied before anything else is done.

    Attributes:
        number: the trial.
        sources: paused trials at the same epoch; each is equally likely to be copied.
        how: what of the config may change.
    """

    number: int
    sources: tuple[int, ...]
    how: Variation


Proposal = Start | Resume | Prune | Clone
"""What :meth:`Scheduler.propose` may answer, beside None (wait, or finished)."""

Decision = Continue | Pause | Stop
"""What :meth:`Scheduler.report` answers."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial is: ``plan()[bracket][rung]`` is the last rung it was given."""

    bracket: int
    rung: int


class Rung(NamedTuple):
    """A line of a plan: at ``epochs`` epochs, ``trials`` trials are compared."""

    epochs: int
    trials: int
