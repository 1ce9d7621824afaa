"""Read an Optuna study through Optuna's own interface, without writing to its storage."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from orchestrator.engine.objective import Mode
from orchestrator.engine.trial import State
from orchestrator.importing.domains import text
from orchestrator.importing.foreign import EPOCHS, Foreign, ForeignTrial, plural
from orchestrator.importing.optuna_domains import domains_of
from orchestrator.importing.steps import epochs_of
from searchspaces import Scalar
from searchspaces.errors import ConfigurationError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RETURNED, REPORTED = "returned", "reported"
"""What a second metric is called where trials return another value than they report."""
_STATES = {"COMPLETE": State.COMPLETED, "PRUNED": State.PRUNED, "FAIL": State.FAILED,
           "RUNNING": State.INTERRUPTED}  # fmt: skip
_MAGIC = b"SQLite format 3\x00"
_CLOSE = 1e-9


def read_optuna(
    url: str, *, study: str | None = None, metric: str | None = None, mode: str | None = None
) -> Foreign:
    """The study in the storage at ``url``: ``sqlite:///FILE``, another database, or a file's path.

    Steps become epochs from 1. A trial that reports no steps has one epoch, with its value.
    ``metric`` chooses among several objectives, by index or name.

    Raises:
        UsageError: Optuna is not installed, there is no such storage or study, or the storage
            cannot be read.
        UnknownNameError: no study of that name.
        ConfigurationError: several studies or objectives, and nobody said which.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            "reading a study needs Optuna, which is not installed. Run: pip install optuna"
        ) from error
    read = _read(url, study)
    waiting = sum(trial.state.name == "WAITING" for trial in read.trials)
    frozen = [trial for trial in read.trials if trial.state.name != "WAITING"]
    guessed: list[str] = []
    epochs, name, index, how = _epochs(frozen, read.names, metric, guessed)
    recorded = read.modes[index]
    if mode is not None and mode != recorded:
        raise ConfigurationError(f"the study says {recorded}. Leave --mode out.", place="--mode")
    domains, differ = domains_of(frozen)
    if differ:
        guessed.append(f"{', '.join(differ)}: ranges differ between trials; their union is taken")
    attributes = sum(bool(trial.user_attrs) for trial in frozen)
    skipped = [f"{plural(waiting, 'trial')} that never began"] if waiting else []
    if attributes:
        skipped.append(f"user attributes of {plural(attributes, 'trial')}")
    return Foreign(
        kind="optuna",
        source=_source(url),
        name=read.study,
        trials=tuple(_trial(trial) for trial in frozen),
        epochs=epochs,
        metric=name,
        mode=recorded,
        chosen=how,
        domains=domains,
        guessed=tuple(guessed),
        skipped=tuple(skipped),
        version=optuna.__version__,
    )


@dataclass(frozen=True)
class _Study:
    """A study as it was read.

    Attributes:
        study: its name.
        names: of its objectives.
        modes: of each.
        trials: all of them.
    """

    study: str
    names: list[str]
    modes: list[Mode]
    trials: list[FrozenTrial]


def _read(url: str, name: str | None) -> _Study:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    shown = _without_password(url)
    storage = None
    try:
        storage = optuna.storages.RDBStorage(_read_only(url), skip_table_creation=True)
        studies = optuna.study.get_all_study_names(storage)
        if not studies:
            raise UsageError(f"{shown}: there is no study in it.")
        if name is None and len(studies) > 1:
            raise ConfigurationError(
                f"{shown} holds {len(studies)} studies. Give one of: {', '.join(studies)}.",
                place="--study",
            )
        if name is not None and name not in studies:
            raise UnknownNameError("study", name, studies)
        study = optuna.load_study(study_name=name or studies[0], storage=storage)
        modes: list[Mode] = [
            "max" if way is optuna.study.StudyDirection.MAXIMIZE else "min"
            for way in study.directions
        ]
        plain = ["value"] if len(modes) == 1 else [f"value_{i}" for i in range(len(modes))]
        return _Study(study.study_name, study.metric_names or plain, modes, study.get_trials())
    except ImportError as error:
        raise UsageError(f"{shown}: the driver of that database is missing: {error}.") from error
    except (SQLAlchemyError, RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{shown}: Optuna cannot read it: {reason}") from error
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def _source(url: str) -> str:
    """The address without a password; of a file the absolute one."""
    path = _file(url)
    return _without_password(url) if path is None else f"sqlite:///{path.resolve()}"


def _file(url: str) -> Path | None:
    """The file that an address means; None for a server's."""
    if "://" not in url:
        return Path(url)
    if url.startswith("sqlite:///") and not url.startswith("sqlite:///file:"):
        return Path(url.removeprefix("sqlite:///").partition("?")[0])
    return None


def _read_only(url: str) -> str:
    """The address at which Optuna reads a file and cannot change it; others as they are.

    Raises:
        UsageError: no such file, or none of Optuna's.
    """
    path = _file(url)
    if path is None:
        return url
    if not path.is_file():
        raise UsageError(
            f"no file {path}. Give the study's storage, such as sqlite:///study.db, or "
            "postgresql://USER@HOST/NAME"
        )
    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        raise UsageError(f"{path} is no SQLite file, so it holds no Optuna study.")
    address = f"file:{_quoted(path.resolve())}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'studies'")
            there = tables.fetchone() is not None
    except sqlite3.Error as error:
        raise UsageError(f"{path} is damaged: {error}.") from error
    if not there:
        raise UsageError(f"{path} is an SQLite file without an Optuna study in it.")
    return f"sqlite:///{address}&uri=true"


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)


def _epochs(
    frozen: Sequence[FrozenTrial], names: list[str], wanted: str | None, guessed: list[str]
) -> tuple[pl.DataFrame, str, int, str]:
    """The table of epochs, the objective's name and place, and how it was chosen."""
    if len(names) > 1:
        index = _objective(names, wanted)
        kept = [(place, 1, dict(zip(names, trial.values, strict=True)))
                for place, trial in enumerate(frozen) if trial.values is not None]  # fmt: skip
        return _frame(kept, names), names[index], index, f"one of {len(names)}, as you said"
    [name] = names
    steps = epochs_of(step for trial in frozen for step in trial.intermediate_values)
    if steps.words:
        guessed.append(f"epochs: {steps.words}")
    differ = [trial for trial in frozen if _differs(trial)]
    with_both = [trial for trial in frozen if trial.state.name == "COMPLETE"
                 and trial.intermediate_values and trial.value is not None]  # fmt: skip
    apart = 2 * len(differ) > len(with_both)
    second = REPORTED if apart else RETURNED
    rows: list[tuple[int, int, Mapping[str, float | None]]] = []
    for place, trial in enumerate(frozen):
        points = {steps.epochs[step]: value for step, value in trial.intermediate_values.items()}
        value = trial.value if trial.state.name == "COMPLETE" or not points else None
        if not points:
            if value is not None:
                rows.append((place, 1, {name: value}))
            continue
        for epoch, reported in points.items():
            final = value if epoch == max(points) else None
            pair = (final, reported) if apart else (reported, final)
            rows.append((place, epoch, {name: pair[0], **({second: pair[1]} if differ else {})}))
    if differ:
        other = f"{name} is what they {'return' if apart else 'report'}"
        guessed.append(
            f"{len(differ)} of {len(with_both)} completed trials return a value that they did not "
            f"report: {other}; --metric {second} takes the other"
        )
    known = [name, second] if differ else [name]
    if wanted is not None and wanted not in known and wanted != "0":
        raise UnknownNameError("metric", wanted, known)
    taken = second if wanted == second else name
    return _frame(rows, known), taken, 0, "recorded in the study"


def _objective(names: list[str], wanted: str | None) -> int:
    if wanted is None:
        raise ConfigurationError(
            f"the study has {len(names)} objectives. Give one, by number or name: "
            f"{', '.join(f'{i} {name}' for i, name in enumerate(names))}.",
            place="--metric",
        )
    if wanted in names:
        return names.index(wanted)
    if wanted.isdigit() and int(wanted) < len(names):
        return int(wanted)
    raise UnknownNameError("metric", wanted, names)


def _differs(trial: FrozenTrial) -> bool:
    """Whether a trial returned what it had not reported before."""
    if trial.state.name != "COMPLETE" or not trial.intermediate_values or trial.value is None:
        return False
    value = trial.value
    return not any(
        math.isclose(value, other, rel_tol=_CLOSE, abs_tol=1e-12) or value == other
        for other in trial.intermediate_values.values()
    )


def _frame(
    rows: Sequence[tuple[int, int, Mapping[str, float | None]]], names: Sequence[str]
) -> pl.DataFrame:
    kept = [
        {"trial": place, "epoch": epoch,
         **{f"metric.{name}": value if value is not None and math.isfinite(value) else None
            for name, value in metrics.items()}}
        for place, epoch, metrics in rows
    ]  # fmt: skip
    schema = {**EPOCHS, **{f"metric.{name}": pl.Float64 for name in names}}
    return pl.DataFrame(kept, schema=schema)


def _trial(trial: FrozenTrial) -> ForeignTrial:
    begun, over = _seconds(trial.datetime_start), _seconds(trial.datetime_complete)
    state = _STATES[trial.state.name]
    reason = trial.system_attrs.get("fail_reason") if state is State.FAILED else None
    return ForeignTrial(
        name=str(trial.number),
        state=state,
        config={name: _scalar(value)
                for name, value in trial.params.items()},
        number=trial.number,
        error=" ".join(str(reason or "Optuna kept no reason").split())
        if state is State.FAILED else None,
        seconds=None if begun is None or over is None else max(0.0, over - begun),
        started_at=begun,
        ended_at=over,
    )  # fmt: skip


def _seconds(moment: datetime | None) -> float | None:
    """Optuna writes the local time of the machine, without its zone."""
    return None if moment is None else moment.timestamp()


def _scalar(value: Any) -> Scalar:
    """None is a choice like any other to Optuna, and means inactive here: it becomes a text."""
    return value if isinstance(value, bool | int | float | str) else text(value)
