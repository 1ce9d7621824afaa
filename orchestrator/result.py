"""What came out of a run, for Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.runs.folder import RunFolder
from searchspaces.cells import config_of
from searchspaces.domains import Domain

if TYPE_CHECKING:
    import polars as pl

    from orchestrator.engine.inbox import StopRun


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    Attributes:
        run: its folder.
        trials: a row a trial, best first; columns as in ``trials.parquet``.
        epochs: a row a trial and epoch; columns as in ``epochs.parquet``.
        stopped: who ended it early; None when it is finished.
    """

    run: RunFolder
    trials: pl.DataFrame
    epochs: pl.DataFrame
    stopped: StopRun | None = None

    @property
    def best(self) -> dict[str, Any] | None:
        """The config of the best trial; None if no trial has a result, or none keeps the limits."""
        from orchestrator.runs.ranking import winner

        row = winner(self.trials)
        if row is None:
            return None
        parameters = self.run.spec().joint.parameters()
        domains = {n: one.as_mapping() for n, one in parameters.items() if isinstance(one, Domain)}
        return config_of(row, domains)
