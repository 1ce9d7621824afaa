"""A run's tables and trials as others take them: one trial, configs, pandas, Arrow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl

from analysis.parameters import FloatArray
from searchspaces.cells import config_of
from searchspaces.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # it ships no type information
    import pyarrow as pa

    from analysis.load import Run

Table = Literal["trials", "epochs", "configs"]
_PREFIX = "config."


@dataclass(frozen=True, eq=False)
class TrialView:
    """One trial of a run that was read.

    Attributes:
        number: its number.
        trial_id: its id.
        state: ``completed``, ``pruned``, ``failed`` and so on.
        epochs: how many it did.
        config: name to value; inactive parameters absent, constants included.
        error: why it failed, in one line; None if it did not.
    """

    number: int
    trial_id: str
    state: str
    epochs: int
    config: dict[str, Any]
    error: str | None
    _run: Run = field(repr=False)
    _row: int = field(repr=False)

    def curve(self, metric: str | None = None) -> FloatArray:
        """A metric over its epochs: float64 (epochs,), NaN where there is none; read-only.

        Args:
            metric: the run's objective by default.

        Raises:
            UnknownNameError: no trial reported such a metric.
        """
        name = self._run.meta.metric if metric is None else metric
        if name not in self._run.metrics:
            raise UnknownNameError("metric", name, self._run.metrics)
        values = self._run.curves(name)[self._row]
        finite = np.flatnonzero(np.isfinite(values))
        end = max(self.epochs, int(finite[-1]) + 1 if len(finite) else 0)
        done: FloatArray = values[:end]
        return done

    def score(self, epoch: int | None = None) -> float | None:
        """Its best objective up to an epoch, to compare with other trials' at the same epoch.

        None if it did not come that far: then what it has compares with nothing there.

        Args:
            epoch: by default the one at which the run's trials are ranked, see ``Run.ranking``.

        Raises:
            ConfigurationError: ``epoch`` is below 1.
        """
        order = self._run.ranking if epoch is None else self._run.at_epoch(epoch)
        place = np.flatnonzero(order.rows == self._row)
        return float(order.scores[place[0]]) if len(place) else None

    @property
    def space_version(self) -> int:
        """Which version of the space its config is from; see ``run.meta.edits``."""
        trials = self._run.trials
        return int(trials["space_version"][self._row]) if "space_version" in trials.columns else 1

    @property
    def best_epoch(self) -> int | None:
        """The epoch at which its objective was best; None without a result."""
        losses = self._run.meta.sign * self.curve()
        return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None

    @property
    def metrics(self) -> dict[str, float]:
        """Name to value at ``best_epoch``, the objective first; what has no value is absent."""
        epoch, first = self.best_epoch, self._run.meta.metric
        if epoch is None:
            return {}
        names = [first, *(name for name in self._run.metrics if name != first)]
        values = {name: self._run.curves(name)[self._row, epoch - 1] for name in names}
        return {name: float(value) for name, value in values.items() if np.isfinite(value)}

    def _repr_html_(self) -> str:
        from analysis.notebook_html import trial_html

        return trial_html(self)


def trial_view(run: Run, number: int) -> TrialView:
    """The trial of that number.

    Raises:
        UsageError: there is none.
    """
    numbers = run.trials["number"].to_numpy()
    rows = np.flatnonzero(numbers == number)
    if not len(rows):
        has = f"its trials are {numbers[0]} to {numbers[-1]}" if len(numbers) else "it has none"
        raise UsageError(f"run {run.meta.run} has no trial {number!r}; {has}")
    return view_of_row(run, int(rows[0]))


def view_of_row(run: Run, row: int) -> TrialView:
    """The trial in a row of ``run.trials``."""
    entry = run.trials.row(row, named=True)
    epochs = entry["epochs"]
    if epochs is None:  # an import that does not count them
        epochs = run.epochs.filter(number=entry["number"])["epoch"].max() or 0
    return TrialView(
        entry["number"], entry["trial_id"], entry["state"] or "", epochs,
        config_of(entry, run.meta.raw.get("parameters") or {}),
        entry.get("error"), run, row,
    )  # fmt: skip


def configs(run: Run) -> pl.DataFrame:
    """``number`` and a column a parameter, a row a trial; null where inactive.

    Columns have the parameters' names, and lists are texts such as ``[3, 3]``; one that is
    called ``number`` stays ``config.number``.
    """
    columns = [name for name in run.trials.columns if name.startswith(_PREFIX)]
    return run.trials.select(
        "number",
        *(pl.col(name).alias(short if (short := name.removeprefix(_PREFIX)) != "number" else name)
          for name in columns),
    )  # fmt: skip


def to_pandas(run: Run, table: Table = "trials") -> pd.DataFrame:
    """A table as a pandas frame; whole numbers with nulls among them become floats.

    Raises:
        UnknownNameError: no such table.
        UsageError: pandas is not installed.
    """
    frame = _table(run, table)
    try:
        import pandas as pd  # noqa: F401  # polars imports it: here a lack of it is one line
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise UsageError(f"to_pandas needs {error.name}, which is not installed. "
                         f"Run: pip install pandas pyarrow") from error  # fmt: skip
    return frame.to_pandas()


def to_arrow(run: Run, table: Table = "trials") -> pa.Table:
    """A table as an Arrow table.

    Raises:
        UnknownNameError: no such table.
        UsageError: pyarrow is not installed.
    """
    frame = _table(run, table)
    try:
        import pyarrow as pa  # noqa: F401  # as above
    except ImportError as error:
        raise UsageError(f"to_arrow needs {error.name}, which is not installed. "
                         f"Run: pip install pyarrow") from error  # fmt: skip
    return frame.to_arrow()


def _table(run: Run, table: Table) -> pl.DataFrame:
    if table not in get_args(Table):
        raise UnknownNameError("table", table, get_args(Table))
    frame: pl.DataFrame = getattr(run, table)
    return frame
