"""Which column of a table is the trial, the epoch, a metric or a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from orchestrator.importing.foreign import listed
from orchestrator.importing.objective import mode_of, words_of
from searchspaces.errors import ConfigurationError, nearest_first

_EPOCH = ("epoch", "training_iteration", "iteration", "step", "_step", "global_step", "epochs")
_COUNTED = ("epoch", "training_iteration")
"""What counts epochs even where every row is a trial of its own."""
_TRIAL = ("trial", "trial_id", "run", "run_id", "trial_number", "number", "id", "name", "run_name",
          "tags.mlflow.runname")  # fmt: skip
_STRONG = 6
"""The first of these mean a trial wherever they stand."""
_STATE = ("state", "status")
_SECONDS = ("_runtime", "runtime", "time_total_s", "seconds", "duration_seconds", "total_seconds")
_BESIDE = frozenset({
    "notes", "user", "tags", "sweep", "hostname", "host", "node", "pid", "group", "created",
    "updated", "date", "time", "timestamp", "start", "end", "started", "ended", "duration",
    "runtime", "elapsed", "artifact", "uri", "uuid", "id", "datetime",
})  # fmt: skip
"""Words in the names of columns that say something about a trial other than its config."""
_PARAMETERS = ("params.", "params_", "param.", "param_", "config.", "config/", "config_",
               "hparams/", "hparams.")  # fmt: skip
_METRICS = ("metrics.", "metrics_", "metric.", "metric_", "summary.", "summary/")


@dataclass(frozen=True)
class Said:
    """What a person said about the columns.

    Attributes:
        metric: the objective.
        epoch: what counts the epochs.
        trial: whose row it is.
        config: the hyperparameters; none is to guess them.
    """

    metric: str | None = None
    epoch: str | None = None
    trial: str | None = None
    config: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Attributes:
        by: columns that together say whose row it is; none where every row is a trial.
        name: the column with the trials' names, if there is one.
        epoch: what counts the epochs.
        state: how the trial ended.
        seconds: it took so far.
        metrics: column to name of the metric.
        config: column to name of the parameter.
        guessed: lines on what nobody said.
    """

    by: tuple[str, ...]
    name: str | None
    epoch: str | None
    state: str | None
    seconds: str | None
    metrics: dict[str, str]
    config: dict[str, str]
    guessed: list[str] = field(default_factory=list)


def roles_of(table: pl.DataFrame, path: Path, said: Said) -> Roles:
    """What the person said, and for the rest what names and values say.

    Raises:
        ConfigurationError: a column that is not there, or no telling whose a row is.
    """
    _check(table, path, said)
    guessed: list[str] = []
    trial, epoch = _trial_and_epoch(table, said)
    guessed += [f"{what}: column {name}" for what, name, known in
                (("trial", trial, said.trial), ("epoch", epoch, said.epoch))
                if name is not None and known is None]  # fmt: skip
    used = {said.metric, trial, epoch, *said.config}
    free = [name for name in table.columns if name not in used]
    texts = [name for name in free if table[name].dtype == pl.String]
    state = next((name for name in texts if name.lower() in _STATE), None)
    numbers = [name for name in free if table[name].dtype.is_numeric()]
    seconds = next((name for name in numbers if name.lower() in _SECONDS), None)
    free = [name for name in free if name not in {state, seconds}]
    metrics = {name: _bare(name, _METRICS) for name in free if _is_metric(table, name)}
    if said.metric is not None:
        metrics = {said.metric: _bare(said.metric, _METRICS), **metrics}
    config = list(said.config) or [name for name in free if _bare(name, _PARAMETERS) != name] or [
        name for name in free
        if name not in metrics and not name.startswith("_") and not set(words_of(name)) & _BESIDE
    ]  # fmt: skip
    by: tuple[str, ...] = () if trial is None else (trial,)
    if trial is None and epoch is not None and table.select(config).is_duplicated().any():
        by = tuple(config)
        guessed.append(f"trial: rows that are alike in {', '.join(config)}")
    if epoch is None and by and table.select(by).is_duplicated().any():
        raise ConfigurationError(
            f"{path} has several rows of a trial. Give the column that counts its epochs: "
            f"{listed(free)}.",
            place="--epoch",
        )
    if trial is None and by and table.select(*by, str(epoch)).is_duplicated().any():
        raise ConfigurationError(
            f"{path} has several rows of an epoch. Give the column that says whose they are: "
            f"{listed(free)}.",
            place="--trial",
        )
    parameters = {name: _bare(name, _PARAMETERS) for name in config}
    return Roles(by, trial, epoch, state, seconds, metrics, parameters, guessed)


def _check(table: pl.DataFrame, path: Path, said: Said) -> None:
    for place, names in (("--metric", [said.metric]), ("--epoch", [said.epoch]),
                         ("--trial", [said.trial]), ("--config", said.config)):  # fmt: skip
        for name in names:
            if name is not None and name not in table.columns:
                raise ConfigurationError(
                    f"{path} has no column {name!r}. Columns: "
                    f"{listed(nearest_first(name, table.columns))}.",
                    place=place,
                )


def _trial_and_epoch(table: pl.DataFrame, said: Said) -> tuple[str | None, str | None]:
    """What names the trials and what counts their epochs.

    A column called ``trial`` may repeat itself, then its trials have several rows; otherwise a
    column that never does is better than a name that happens to.
    """
    taken = {said.metric, *said.config, said.trial, said.epoch}
    free = table.select(name for name in table.columns if name not in taken)
    epochs = [name for name in _named(free, _EPOCH) if table[name].dtype.is_numeric()]
    counted = said.epoch or next((name for name in epochs if name.lower() in _COUNTED), None)
    whole = [name for name in _named(free, _TRIAL) if not table[name].null_count()]
    unique = [name for name in whole if table[name].n_unique() == len(table)]
    strong = [name for name in whole if name in _named(free, _TRIAL[:_STRONG])]
    for trial in [said.trial] if said.trial else [*strong, *unique, *whole]:
        if table[trial].n_unique() == len(table):
            return trial, counted
        for epoch in [said.epoch] if said.epoch else epochs:
            sure = bool(said.trial and said.epoch)
            if sure or 2 * table.select(trial, epoch).n_unique() > len(table):
                return trial, epoch
    return said.trial, counted


def _named(table: pl.DataFrame, known: Sequence[str]) -> list[str]:
    """The columns of the known names, in the order of these."""
    lower = {name.lower().replace(" ", "_"): name for name in reversed(table.columns)}
    return [lower[name] for name in known if name in lower]


def _bare(name: str, prefixes: Sequence[str]) -> str:
    """A name without the prefix that says what it is."""
    return next((name.removeprefix(start) for start in prefixes
                 if name.startswith(start) and name != start), name)  # fmt: skip


def _is_metric(table: pl.DataFrame, name: str) -> bool:
    if not table[name].dtype.is_numeric() or _bare(name, _PARAMETERS) != name:
        return False
    known = name in {"value", "objective"} or mode_of(name) is not None
    return known or _bare(name, _METRICS) != name
