"""Read a run folder: two parquet tables and what they say about themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.freshness import behind
from analysis.goals import Goal, broken_note, goals_of, keeps_of
from analysis.locate import find_folder
from analysis.metrics import Mode
from analysis.parameters import FloatArray, Parameter, parse_parameters
from analysis.space_edits import SpaceEdit, parse_edits
from analysis.typed import resume, show
from searchspaces.errors import ConfigurationError, OrchError, UsageError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # it ships no type information
    import pyarrow as pa

    from analysis.fidelity import Fidelity
    from analysis.frames import Table, TrialView

SCHEMA = 1
"""The version of the tables that this module reads."""

_TRIALS = {
    "trial_id": pl.String, "number": pl.Int64, "state": pl.String, "epochs": pl.Int64,
}  # fmt: skip
_EPOCHS = {"number": pl.Int64, "epoch": pl.Int64}


@dataclass(frozen=True)
class Meta:
    """What the tables carry about their run.

    Attributes:
        run: run id, such as ``1121-gru-bohb-7f3a``.
        metric: name of the objective.
        mode: ``min`` or ``max``.
        max_epochs: epochs of a full trial.
        trials: number of trials asked for.
        rungs: epochs at which trials were compared while the sweep ran, ascending.
        parameters: the searched parameters; constants are left out. Where the space was edited
            while the sweep ran, their domains hold the values of all trials.
        finished: whether the sweep was over when the tables were written.
        raw: everything, as written (schema 1).
    """

    run: str
    metric: str
    mode: Mode
    max_epochs: int
    trials: int
    rungs: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    finished: bool
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def sign(self) -> int:
        """Factor that makes the objective one to minimise: 1, or -1 for mode ``max``."""
        return -1 if self.mode == "max" else 1

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All objectives of the sweep, its metric first."""
        return goals_of(self.raw, Goal(self.metric, self.mode))

    @property
    def limits(self) -> tuple[str, ...]:
        """Limits on metrics, such as ``weights < 50000``; what breaks one is never compared."""
        return tuple(str(text) for text in self.raw.get("outcomes") or ())

    @property
    def split(self) -> str:
        """How validation data were held out, in words; empty where nobody said."""
        return str(self.raw.get("split") or "")

    @property
    def warning(self) -> str:
        """Why scores are to be taken with care; empty where they are honest."""
        return str(self.raw.get("warning") or "")

    @property
    def edits(self) -> tuple[SpaceEdit, ...]:
        """What people changed about the space while the sweep ran, in order."""
        return parse_edits(self.raw.get("spaces") or ())

    @property
    def data(self) -> str:
        """Data set and split in words, such as ``digits, stratified: 360 of 1438 series ...``."""
        return ", ".join(word for word in (str(self.raw.get("dataset") or ""), self.split) if word)


@dataclass(frozen=True)
class Run:
    """A run that was read; rows of ``trials`` are ordered by trial number.

    Attributes:
        folder: where it lies.
        trials: a row a trial, columns as documented for ``trials.parquet``.
        epochs: a row a trial and epoch, ordered by number and epoch; of an epoch
            that ran twice the last attempt.
        meta: what the run was.
        notes: lines a person should see, such as tables behind their journal.
    """

    folder: Path
    trials: pl.DataFrame
    epochs: pl.DataFrame
    meta: Meta
    notes: tuple[str, ...] = ()
    _curves: dict[str, FloatArray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics reported per epoch, in column order."""
        return [name.removeprefix("metric.") for name in self.epochs.columns
                if name.startswith("metric.")]  # fmt: skip

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows of ``trials`` failed or could not be run: bool (trials,)."""
        states = self.trials["state"]
        return states.is_in(["failed", "infeasible"]).fill_null(value=False).to_numpy()

    @property
    def keeps(self) -> NDArray[np.bool_]:
        """Which rows of ``epochs`` break no limit of the sweep: bool (epochs,)."""
        return keeps_of(self.epochs)

    def curves(self, metric: str) -> FloatArray:
        """A metric over epochs: float64 (trials, furthest epoch), NaN where there is none.

        Rows are those of ``trials``; column 0 is epoch 1; values that are not
        finite count as none, and so do epochs that break a limit of the sweep. The array is
        shared and read-only.
        """
        if metric in self._curves:
            return self._curves[metric]
        numbers = self.trials["number"].to_numpy()
        epochs = self.epochs["epoch"].to_numpy()
        values = np.full((len(numbers), int(epochs.max()) if len(epochs) else 0), np.nan)
        if len(epochs) and f"metric.{metric}" in self.epochs.columns:
            rows = np.searchsorted(numbers, self.epochs["number"].to_numpy())
            column = self.epochs[f"metric.{metric}"].cast(pl.Float64).to_numpy()
            counts = np.isfinite(column) & self.keeps
            values[rows, epochs - 1] = np.where(counts, column, np.nan)
        values.flags.writeable = False
        self._curves[metric] = values
        return values

    @cached_property
    def ranking(self) -> Fidelity:
        """Trials compared at the furthest epoch, best first: :func:`analysis.fidelity.ranking`."""
        from analysis.fidelity import ranking

        return ranking(self)

    def at_epoch(self, epoch: int) -> Fidelity:
        """Trials that came to ``epoch``, compared there, best first; kept once worked out.

        Raises:
            ConfigurationError: ``epoch`` is below 1.
        """
        from analysis.fidelity import at_epoch

        if epoch < 1:
            raise ConfigurationError(f"{epoch} is below 1. Epochs count from 1.", place="epoch")
        if epoch not in self._compared:
            self._compared[epoch] = at_epoch(self, epoch, "asked for")
        return self._compared[epoch]

    @cached_property
    def _compared(self) -> dict[int, Fidelity]:
        return {}

    @property
    def configs(self) -> pl.DataFrame:
        """A row a trial: ``number`` and a column a parameter, null where inactive."""
        from analysis.frames import configs

        return configs(self)

    def trial(self, number: int) -> TrialView:
        """One trial: its config, curves and scores.

        Raises:
            UsageError: there is none of that number.
        """
        from analysis.frames import trial_view

        return trial_view(self, number)

    def best(self) -> TrialView | None:
        """The first of ``ranking``, or what reached the target; None if no trial has a result."""
        from analysis.findings import Findings
        from analysis.frames import view_of_row

        found = Findings(self).best
        return None if found is None else view_of_row(self, found.row)

    def to_pandas(self, table: Table = "trials") -> pd.DataFrame:
        """``trials``, ``epochs`` or ``configs`` for pandas: :func:`analysis.frames.to_pandas`."""
        from analysis.frames import to_pandas

        return to_pandas(self, table)

    def to_arrow(self, table: Table = "trials") -> pa.Table:
        """``trials``, ``epochs`` or ``configs`` for Arrow: :func:`analysis.frames.to_arrow`."""
        from analysis.frames import to_arrow

        return to_arrow(self, table)

    def __repr__(self) -> str:
        return f"<Run {self.meta.run}: {len(self.trials)} trials, {len(self.epochs)} epochs>"

    def _repr_html_(self) -> str:
        from analysis.notebook_html import run_html

        return run_html(self)


def load_run(folder: str | Path = "", *, runs: str | Path = "runs") -> Run:
    """Read a run.

    Args:
        folder: its path, or any unique part of its id; the latest run by default.
        runs: where run folders lie, for an id and for the latest.

    Raises:
        UsageError: no such run, several of that name, no results in it, a table that is
            damaged, not orch's, of another schema, or without a column it must have.
    """
    folder = find_folder(folder, runs)
    if not folder.is_dir():
        raise UsageError(f"no run folder {folder}. Run: orch runs")
    trials, meta = _read(folder, "trials.parquet", _TRIALS)
    epochs, _ = _read(folder, "epochs.parquet", _EPOCHS)
    objective = f"metric.{meta.metric}"
    if objective not in epochs.columns:
        if epochs.height:
            raise UsageError(
                f"{folder / 'epochs.parquet'} has no column {objective}, the run's objective. "
                f"Run: {show(folder)}"
            )
        epochs = epochs.with_columns(pl.lit(None, pl.Float64).alias(objective))
    trials = trials.sort("number")
    order = ["number", "epoch", *(["attempt"] if "attempt" in epochs.columns else [])]
    epochs = (
        epochs.filter(pl.col("epoch") >= 1, pl.col("number").is_in(trials["number"].implode()))
        .sort(order)
        .unique(["number", "epoch"], keep="last", maintain_order=True)
    )
    return Run(
        folder, trials, epochs, meta, (*_notes(folder, meta), *broken_note(trials, meta.limits))
    )


def _read(
    folder: Path, name: str, required: Mapping[str, pl.DataType | type[pl.DataType]]
) -> tuple[pl.DataFrame, Meta]:
    path = folder / name
    if not path.is_file():
        raise UsageError(f"run {folder.name} has no results: no {path}. Run: {resume(folder, {})}")
    try:
        raw = pl.read_parquet_metadata(path).get("orch")
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} is damaged: {reason}. Run: {show(folder)}") from error
    if raw is None:
        raise UsageError(f"{path} was not written by orch: it has no key 'orch' in its metadata")
    meta = _meta(path, raw)
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise UsageError(f"{path} has no column {missing[0]}. Run: {show(folder)}")
    return frame.with_columns(pl.col(column).cast(kind) for column, kind in required.items()), meta


def _meta(path: Path, text: str) -> Meta:
    try:
        raw = json.loads(text)
        schema = raw["schema"]
        if schema != SCHEMA:
            raise UsageError(f"{path} has schema {schema}; this orch reads schema {SCHEMA}. "
                             f"Use the orch that wrote it, or upgrade")  # fmt: skip
        mode: Mode = "max" if raw["mode"] == "max" else "min"
        max_epochs = int(raw["max_epochs"])
        return Meta(
            run=str(raw["run"]),
            metric=str(raw["metric"]),
            mode=mode,
            max_epochs=max_epochs,
            trials=int(raw["trials"]),
            rungs=tuple(sorted(int(epoch) for epoch in raw.get("rungs") or [max_epochs])),
            parameters=parse_parameters(raw["parameters"]),
            finished=bool(raw.get("finished", False)),
            raw=raw,
        )
    except OrchError as error:
        raise (
            error
            if isinstance(error, UsageError) and str(path) in str(error)
            else UsageError(f"{path}: metadata: {error}")
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: its metadata are damaged: {error!r}") from error


def _notes(folder: Path, meta: Meta) -> tuple[str, ...]:
    """Lines on what the tables lack: records of the journal, or trials to come."""
    journal = meta.raw.get("journal")
    missing = behind(folder, journal.get("sequence") if isinstance(journal, dict) else None)
    notes = []
    if missing:
        records = "1 record" if missing == 1 else f"{missing} records"
        notes.append(f"the tables lack the journal's last {records}; {show(folder)}")
    if not meta.finished:
        running = "was still running when these results were written"
        state = running if meta.raw.get("owned") else f"is not finished; {resume(folder, meta.raw)}"
        notes.append(f"the sweep {state}")
    notes += [edit.words() for edit in meta.edits]
    return tuple(notes)
