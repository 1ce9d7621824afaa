"""The results and the config of one trial of Ray Tune, as its folder has them."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from orchestrator.importing.foreign import EPOCHS, plural
from searchspaces import Scalar

_NO_METRIC = frozenset({
    "timestamp", "checkpoint_dir_name", "should_checkpoint", "done", "training_iteration",
    "trial_id", "date", "time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip",
    "time_since_restore", "iterations_since_restore", "experiment_id", "experiment_tag",
    "timesteps_since_restore", "timesteps_total", "episodes_total", "warmup_time",
})  # fmt: skip
"""What Ray itself adds to a result."""
_OBJECT = re.compile(r"<.+ at 0x[0-9a-f]+>|<(class|function|module) .*>")
MANY = 8
"""Names in a line at most."""


@dataclass
class Lost:
    """What could not be used, counted while trials are read."""

    torn: int = 0
    repeated: int = 0
    pending: int = 0
    unreadable: list[str] = field(default_factory=list)
    objects: dict[str, None] = field(default_factory=dict)

    def words(self) -> tuple[str, ...]:
        """A line a kind."""
        lines = []
        if self.torn:
            lines.append(f"{plural(self.torn, 'line')} of results that cannot be read")
        if self.repeated:
            lines.append(
                f"{plural(self.repeated, 'result')} of iterations that ran again: the last counts"
            )
        if self.pending:
            lines.append(f"{plural(self.pending, 'trial')} that never began")
        if self.unreadable:
            lines.append(f"results of {', '.join(self.unreadable[:MANY])}: cannot be read")
        if self.objects:
            lines.append(f"{', '.join(self.objects)}: Python objects are no parameters")
        return tuple(lines)


@dataclass(frozen=True)
class Results:
    """One trial.

    Attributes:
        folder: where it lies.
        config: parameter to value; nested names are joined by a slash.
        epochs: a row an iteration, as in :class:`~orchestrator.importing.foreign.Foreign`,
            without ``trial``.
        last: its furthest iteration; 0 without a result.
        final: what Ray says in the result of that one.
        began: in seconds since 1970, if it has a result.
        ended: the same.
    """

    folder: Path
    config: dict[str, Scalar]
    epochs: pl.DataFrame
    last: int
    final: dict[str, Any]
    began: float | None
    ended: float | None


def read_trial(folder: Path, lost: Lost) -> Results:
    """The trial in ``folder``; what cannot be used of it is counted in ``lost``."""
    rows: dict[int, dict[str, Any]] = {}
    for result in _results(folder, lost):
        iteration = number(result.get("training_iteration"))
        if iteration is None or iteration < 1:
            lost.torn += 1
            continue
        lost.repeated += int(iteration) in rows
        rows[int(iteration)] = result
    final = rows[max(rows)] if rows else {}
    config = read_json(folder / "params.json")
    if not isinstance(config, dict):
        config = {key.removeprefix("config/"): value for key, value in final.items()
                  if key.startswith("config/")}  # fmt: skip
    stamps = [stamp for row in rows.values() if (stamp := number(row.get("timestamp")))]
    took = number(rows[min(rows)].get("time_this_iter_s")) if rows else None
    return Results(
        folder=folder,
        config=_config(config, lost),
        epochs=_frame(rows),
        last=max(rows, default=0),
        final=final,
        began=min(stamps) - (took or 0.0) if stamps else None,
        ended=max(stamps, default=None),
    )


def loaded(part: object) -> dict[str, Any]:
    """The mapping in a JSON text; empty if it is none."""
    try:
        found = json.loads(part) if isinstance(part, str) else part
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read_json(path: Path) -> Any:
    """What a JSON file holds; None if that cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _results(folder: Path, lost: Lost) -> Iterator[dict[str, Any]]:
    """The results of a trial, as they were written; lines that are no JSON are counted."""
    path = folder / "result.json"
    try:
        if path.is_file() and path.stat().st_size:
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    result = loaded(line)
                    if result:
                        yield dict(_flat(result))
                    elif line.strip():
                        lost.torn += 1
        elif (folder / "progress.csv").is_file():
            with (folder / "progress.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    if None in row or None in row.values():
                        lost.torn += 1
                    else:
                        yield {key: _read_number(value) for key, value in row.items()}
    except (OSError, csv.Error, UnicodeDecodeError):
        lost.unreadable.append(folder.name)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from _flat(value, f"{above}{key}/")
        else:
            yield f"{above}{key}", value


def _config(config: Mapping[str, Any], lost: Lost) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for key, value in _flat(config):
        if isinstance(value, dict) and not value:
            continue
        if isinstance(value, dict) or (isinstance(value, str) and _OBJECT.fullmatch(value)):
            lost.objects[key] = None
        elif isinstance(value, list):
            found[key] = json.dumps(value)
        elif isinstance(value, bool | int | float | str):
            found[key] = value
    return found


def _frame(rows: Mapping[int, Mapping[str, Any]]) -> pl.DataFrame:
    kept = [
        {"epoch": iteration,
         "epoch_seconds": number(row.get("time_this_iter_s")),
         "total_seconds": number(row.get("time_total_s")),
         "reported_at": _time(number(row.get("timestamp"))),
         **{f"metric.{key}": number(value) for key, value in row.items() if _is_metric(key, value)}}
        for iteration, row in rows.items()
    ]  # fmt: skip
    schema = {name: dtype for name, dtype in EPOCHS.items() if name != "trial"}
    schema["reported_at"] = pl.Datetime("us", "UTC")
    names = dict.fromkeys(name for row in kept for name in row if name not in schema)
    return pl.DataFrame(kept, schema={**schema, **dict.fromkeys(names, pl.Float64)})


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _is_metric(key: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return key not in _NO_METRIC and not key.startswith(("config/", "_"))


def _read_number(text: str) -> Any:
    """A cell of ``progress.csv``."""
    if text in {"True", "False"}:
        return text == "True"
    try:
        return float(text)
    except ValueError:
        return text
