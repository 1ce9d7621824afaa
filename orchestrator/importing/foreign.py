"""What was read of a sweep that orch did not run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from orchestrator.engine.objective import Mode
from orchestrator.engine.trial import State
from searchspaces import Scalar
from searchspaces.domains import AnyDomain

Kind = Literal["ray", "optuna", "csv"]
_SHOWN = 12
EPOCHS: dict[str, Any] = {
    "trial": pl.Int64,
    "epoch": pl.Int64,
    "epoch_seconds": pl.Float64,
    "total_seconds": pl.Float64,
}
"""The columns of :attr:`Foreign.epochs` that are always there."""


@dataclass(frozen=True)
class ForeignTrial:
    """A trial of somebody else's sweep.

    Attributes:
        name: what it was called there.
        state: how it ended.
        config: parameter to value; inactive ones are absent.
        number: counted from 0; None if only its place among the trials says it.
        error: why it failed, in one line.
        seconds: it took; None where nobody knows, as below.
        started_at: in seconds since 1970, as below.
        ended_at: the same.
        node: the machine it ran on.
    """

    name: str
    state: State
    config: Mapping[str, Scalar]
    number: int | None = None
    error: str | None = None
    seconds: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    node: str | None = None


@dataclass(frozen=True)
class Foreign:
    """A sweep as a reader found it.

    Attributes:
        kind: what it was read from.
        source: where that lies, without any password.
        name: of the experiment, study or file.
        trials: in any order.
        epochs: a row a trial and epoch: ``trial`` (place in ``trials``), ``epoch`` from 1,
            ``epoch_seconds`` and ``total_seconds`` (null where unknown), ``reported_at`` where
            the source says when, and ``metric.NAME`` (null where not finite). No trial has
            an epoch twice.
        metric: the objective, one of the metrics.
        mode: whether it is to be small or large.
        chosen: how these two were determined, in words.
        domains: of those parameters for which the source says them; exact.
        guessed: what was guessed, a line each.
        skipped: what was left out, a line each.
        version: of the library that read it; empty without one.
        dataset: what was trained on; empty if nobody said.
        split: how validation data were held out, in words; empty if nobody said.
    """

    kind: Kind
    source: str
    name: str
    trials: tuple[ForeignTrial, ...]
    epochs: pl.DataFrame
    metric: str
    mode: Mode
    chosen: str
    domains: Mapping[str, AnyDomain] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    version: str = ""
    dataset: str = ""
    split: str = ""

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in column order."""
        return [
            name.removeprefix("metric.")
            for name in self.epochs.columns
            if name.startswith("metric.")
        ]

    @property
    def parameters(self) -> list[str]:
        """Names of all parameters, in the order of appearance."""
        found = dict.fromkeys(name for trial in self.trials for name in trial.config)
        return list(found | dict.fromkeys(self.domains))

    @property
    def max_epochs(self) -> int:
        """The furthest epoch of any trial; 1 if there is none."""
        return int(self.epochs["epoch"].max() or 1) if len(self.epochs) else 1  # type: ignore[arg-type]  # an int column

    @property
    def states(self) -> Counter[State]:
        """Trials by state."""
        return Counter(trial.state for trial in self.trials)

    def digest(self, domains: Mapping[str, Any]) -> str:
        """SHA-256 of everything that a run folder says of the sweep, as hex digits.

        Args:
            domains: what was taken for each parameter's domain, as plain values.
        """
        hashed = hashlib.sha256()
        head = [self.kind, self.name, self.metric, self.mode, dict(domains)]
        hashed.update(json.dumps(head, sort_keys=True, default=str).encode())
        for trial in self.trials:
            values = [trial.name, trial.state.value, dict(trial.config), trial.number, trial.error]
            hashed.update(json.dumps(values, sort_keys=True, default=str).encode())
        hashed.update(self.epochs.select(sorted(self.epochs.columns)).write_csv().encode())
        return hashed.hexdigest()


def plural(count: int, noun: str) -> str:
    """``1 trial``, ``1,200 trials``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Names one after the other: the first twelve, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
