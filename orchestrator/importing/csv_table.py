"""Read a table of trials from a CSV file, such as Weights & Biases, MLflow or pandas write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from orchestrator.engine.trial import State
from orchestrator.importing.csv_file import line_of, numeric, read_table
from orchestrator.importing.csv_roles import Roles, Said, roles_of
from orchestrator.importing.foreign import EPOCHS, Foreign, ForeignTrial, plural
from orchestrator.importing.objective import choose
from orchestrator.importing.steps import epochs_of
from searchspaces import Scalar
from searchspaces.errors import UsageError

_STATES = {
    **dict.fromkeys(("failed", "fail", "error", "crashed", "crash"), State.FAILED),
    **dict.fromkeys(("pruned", "killed", "stopped", "early_stopped"), State.PRUNED),
    **dict.fromkeys(("running", "interrupted", "preempted", "preempting"), State.INTERRUPTED),
    **dict.fromkeys(("finished", "complete", "completed", "terminated", "done"), State.COMPLETED),
}
_DIGITS = 6
"""Of a trial's name at most, for it to be its number."""


def read_csv(
    path: Path,
    *,
    metric: str | None = None,
    mode: str | None = None,
    epoch: str | None = None,
    trial: str | None = None,
    config: Sequence[str] = (),
) -> Foreign:
    """The trials in a table of a row a trial, or a row a trial and epoch.

    Args:
        path: of the file; what parts its cells is seen in its first line.
        metric: the column of the objective.
        mode: ``min`` or ``max``.
        epoch: the column of the epoch.
        trial: the column that says whose row it is.
        config: columns that are hyperparameters; by default those that are the same in all
            rows of a trial and do not look like metrics, times or remarks.

    Raises:
        UsageError: no such file, no table, nothing to compare.
        ConfigurationError: a column that is not there, or no telling which is meant.
    """
    table = read_table(path)
    roles = roles_of(table, path, Said(metric, epoch, trial, tuple(config)))
    guessed, skipped = list(roles.guessed), list[str]()
    for name in roles.metrics:
        numeric(table, path, name, needed=name == metric)
    keyed, names = _keyed(table, path, roles)
    config_names = _parameters(keyed, roles, skipped)
    epochs, last = _epochs(keyed, path, roles, guessed, skipped)
    found = list(roles.metrics.values())
    wanted = None if metric is None else roles.metrics[metric]
    chosen = choose(found, metric=wanted, mode=mode, place=str(path))
    if not config and config_names:
        guessed.append(f"parameters: {', '.join(config_names.values())}; --config A,B says better")
    return Foreign(
        kind="csv",
        source=str(path.resolve()),
        name=path.stem,
        trials=_trials(keyed, names, roles, config_names, epochs, last, chosen.metric),
        epochs=epochs,
        metric=chosen.metric,
        mode=chosen.mode,
        chosen=chosen.how,
        guessed=tuple(guessed),
        skipped=tuple(skipped),
    )


def _keyed(table: pl.DataFrame, path: Path, roles: Roles) -> tuple[pl.DataFrame, list[str]]:
    """The table with ``_trial``, the place of each row's trial, and the trials' names."""
    if not roles.by:
        rows = table.with_columns(pl.Series("_trial", range(len(table)), dtype=pl.Int64))
        return rows, [str(index) for index in range(len(table))]
    if roles.name is not None and table[roles.name].null_count():
        row = int(table[roles.name].is_null().arg_true()[0])
        raise UsageError(f"{path}:{line_of(row)}: {roles.name} is empty. Say whose row it is.")
    trials = table.select(roles.by).unique(maintain_order=True)
    places = trials.with_columns(pl.Series("_trial", range(len(trials)), dtype=pl.Int64))
    keyed = table.join(places, on=roles.by, how="left", nulls_equal=True, maintain_order="left")
    if roles.name is None:
        return keyed, [str(index) for index in range(len(trials))]
    return keyed, [str(name) for name in trials[roles.name]]


def _parameters(keyed: pl.DataFrame, roles: Roles, skipped: list[str]) -> dict[str, str]:
    """Columns that have one value a trial; the others are left out, and said to be."""
    if not roles.config:
        return {}
    kinds = pl.col(list(roles.config)).drop_nulls().n_unique()
    counts = keyed.group_by("_trial").agg(kinds)
    vary = [name for name in roles.config if (counts[name] > 1).any()]
    if vary:
        skipped.append(f"{', '.join(vary)}: no parameter, for it changes within a trial")
    return {name: bare for name, bare in roles.config.items() if name not in vary}


def _epochs(
    keyed: pl.DataFrame, path: Path, roles: Roles, guessed: list[str], skipped: list[str]
) -> tuple[pl.DataFrame, int]:
    """The table of epochs, and the furthest one."""
    if roles.epoch is None:
        numbered = keyed.with_columns(pl.lit(1, pl.Int64).alias("_epoch"))
    else:
        numeric(keyed, path, roles.epoch, needed=True)
        blank = keyed[roles.epoch].is_null()
        if blank.any():
            skipped.append(f"{plural(int(blank.sum()), 'row')} without an epoch")
        steps = epochs_of(keyed[roles.epoch].drop_nulls().to_list())
        if steps.words:
            guessed.append(f"epochs: {steps.words}")
        mapped = [steps.epochs.get(step) for step in keyed[roles.epoch].to_list()]
        numbered = keyed.with_columns(pl.Series("_epoch", mapped, dtype=pl.Int64))
        numbered = numbered.drop_nulls("_epoch")
    kept = numbered.unique(["_trial", "_epoch"], keep="last", maintain_order=True)
    if len(kept) < len(numbered):
        rows = plural(len(numbered) - len(kept), "row")
        skipped.append(f"{rows} of an epoch that is there again: the last one counts")
    seconds = pl.lit(None, pl.Float64) if roles.seconds is None else pl.col(roles.seconds)
    epochs = kept.select(
        pl.col("_trial").cast(pl.Int64).alias("trial"),
        pl.col("_epoch").alias("epoch"),
        pl.lit(None, pl.Float64).alias("epoch_seconds"),
        seconds.cast(pl.Float64).alias("total_seconds"),
        *(pl.when(pl.col(name).cast(pl.Float64).is_finite()).then(pl.col(name).cast(pl.Float64))
          .alias(f"metric.{bare}") for name, bare in roles.metrics.items()),
    )  # fmt: skip
    if roles.metrics:  # Rows of which no metric has a value say nothing.
        epochs = epochs.filter(pl.any_horizontal(pl.exclude(*EPOCHS).is_not_null()))
    return epochs, int(epochs["epoch"].max() or 1)  # type: ignore[arg-type]  # an int column


def _trials(
    keyed: pl.DataFrame,
    names: Sequence[str],
    roles: Roles,
    config: dict[str, str],
    epochs: pl.DataFrame,
    last: int,
    metric: str,
) -> tuple[ForeignTrial, ...]:
    """A trial of the last value of each of its columns."""
    wanted = [name for name in (*config, roles.state, roles.seconds) if name is not None]
    rows = keyed.sort("_trial", maintain_order=True).group_by("_trial", maintain_order=True).agg(
        pl.col(dict.fromkeys(wanted)).drop_nulls().last()
    ).rows(named=True)  # fmt: skip
    came = dict(epochs.group_by("trial").agg(pl.col("epoch").max()).iter_rows())
    scored = set(epochs.drop_nulls(f"metric.{metric}")["trial"].to_list())
    found = []
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        said = _STATES.get(str(row.get(roles.state or "") or "").lower())
        has_result = place in scored
        state = _state(said, has_result=has_result, reached=came.get(place, 0) >= last)
        error = "failed" if has_result else f"no {metric} in the table"
        seconds = row.get(roles.seconds or "")
        found.append(
            ForeignTrial(
                name=name,
                state=state,
                config={bare: value for column, bare in config.items()
                        if (value := _scalar(row[column])) is not None},
                number=int(name) if name.isdecimal() and len(name) <= _DIGITS else None,
                error=error if state is State.FAILED else None,
                seconds=None if seconds is None else float(seconds),
            )
        )  # fmt: skip
    return tuple(found)


def _state(said: State | None, *, has_result: bool, reached: bool) -> State:
    """How a trial ended: as the table says, unless it names a result that is not there."""
    if said is not None and said is not State.COMPLETED:
        return said
    if not has_result:
        return State.FAILED
    return State.COMPLETED if said is not None or reached else State.PRUNED


def _scalar(value: Any) -> Scalar | None:
    return value if isinstance(value, bool | int | float | str) else None
