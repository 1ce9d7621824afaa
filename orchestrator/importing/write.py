"""The run folder of a sweep that orch did not run."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from orchestrator.engine.trial import State
from orchestrator.importing.domains import Column, column, outside
from orchestrator.importing.foreign import Foreign, plural
from orchestrator.importing.frames import frames
from orchestrator.masking import command_line
from orchestrator.runs.folder import SPEC, RunFolder, all_runs
from orchestrator.runs.tables import SCHEMA
from orchestrator.spec_file import to_yaml
from searchspaces.describe import describe, describe_value
from searchspaces.domains import AnyDomain, Choice, Domain
from searchspaces.errors import ConfigurationError, OrchError, UnknownNameError, UsageError

_NAME = 40
_MOST_RUNGS = 6
_ABOUT = """\
# This run was imported. What orch needs of it lies in trials.parquet and epochs.parquet; there
# is no sweep here to run again. The space below may be copied into a sweep of your own.
"""


@dataclass(frozen=True)
class Imported:
    """A run folder that was made of a foreign sweep.

    Attributes:
        run: the folder.
        foreign: the sweep, with all that was guessed about it.
        columns: its parameters.
    """

    run: RunFolder
    foreign: Foreign
    columns: dict[str, Column]


class AlreadyImportedError(UsageError):
    """The same sweep with the same results lies in a run folder already.

    Attributes:
        run: that run.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        super().__init__(
            f"the same results were imported before, as run {run.id}. "
            f"Use that one, or delete {run.path} first."
        )


def write(foreign: Foreign, runs: Path, given: Mapping[str, AnyDomain] | None = None) -> Imported:
    """Make the run folder of ``foreign``, whole or not at all.

    Args:
        foreign: what was read.
        runs: where run folders lie.
        given: domains that a person said; they replace guessed and recorded ones.

    Raises:
        AlreadyImportedError: a run in ``runs`` has the same content.
        UnknownNameError: ``given`` names no parameter.
        UsageError: there is no trial, or ``runs`` cannot be written.
    """
    if not foreign.trials:
        raise UsageError(f"{foreign.source}: there is no trial in it. Nothing was imported.")
    columns, foreign = _columns(foreign, given or {})
    space = {name: found.as_mapping() for name, found in columns.items()
             if found.parameter is not None}  # fmt: skip
    digest = foreign.digest(space)
    for run in all_runs(runs):
        if _digest_of(run) == digest:
            raise AlreadyImportedError(run)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", foreign.name)[:_NAME].strip("-._") or foreign.kind
    origin = {"from": foreign.kind, "source": foreign.source, "name": foreign.name,
              "digest": digest}  # fmt: skip
    if foreign.version:
        origin["version"] = foreign.version
    day = datetime.now().astimezone().strftime("%m%d")
    suffix = digest[:4]
    try:
        runs.mkdir(parents=True, exist_ok=True)
        while (runs / f"{day}-import-{name}-{suffix}").exists():
            suffix = secrets.token_hex(2)
        run = RunFolder(runs / f"{day}-import-{name}-{suffix}")
        part = runs / f".{run.id}.part"
        part.mkdir()
        try:
            _fill(part, run, foreign, columns, name, space, origin)
            part.rename(run.path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{runs}: no run can be written there ({error.strerror}). "
            f"Give another folder: --runs FOLDER"
        ) from error
    return Imported(run, foreign, columns)


def _fill(
    part: Path,
    run: RunFolder,
    foreign: Foreign,
    columns: Mapping[str, Column],
    name: str,
    space: dict[str, Any],
    origin: dict[str, Any],
) -> None:
    trials, epochs = frames(run, foreign, columns)
    meta = {
        "schema": SCHEMA,
        "run": run.id,
        "sweep": foreign.name,
        "architecture": "",
        "dataset": foreign.dataset,
        "split": foreign.split,
        "warning": "",
        "metric": foreign.metric,
        "mode": foreign.mode,
        "max_epochs": foreign.max_epochs,
        "trials": len(foreign.trials),
        "seed": None,
        "searcher": {"kind": "imported"},
        "scheduler": {"kind": "imported"},
        "parameters": space,
        "rungs": _rungs(trials, foreign.max_epochs),
        "journal": None,
        "finished": True,
        "owned": False,
        "imported": {**origin, "space": space_in_words(columns), "chosen": foreign.chosen,
                     "guessed": list(foreign.guessed), "skipped": list(foreign.skipped)},
    }  # fmt: skip
    metadata = {"orch": json.dumps(meta)}
    epochs.write_parquet(part / run.epochs.name, metadata=metadata)
    trials.write_parquet(part / run.trials.name, metadata=metadata)
    unsaid = {"group", "inferred"}
    spec = {
        "imported": origin,
        "name": name,
        "metric": foreign.metric,
        "mode": foreign.mode,
        "trials": len(foreign.trials),
        "epochs": foreign.max_epochs,
        "space": {
            key: entry["value"] if entry["kind"] == "constant"
            else {field: value for field, value in entry.items() if field not in unsaid}
            for key, entry in space.items()
        },
        "provenance": {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"orch": version("orch-sweep")},
            "command": command_line([Path(sys.argv[0]).name, *sys.argv[1:]]),
        },
    }  # fmt: skip
    (part / SPEC).write_text(_ABOUT + to_yaml(spec), encoding="utf-8")


def _rungs(trials: pl.DataFrame, last: int) -> list[int]:
    """Epochs at which trials seem to have been compared: the few at which many pruned ones end."""
    pruned = pl.col("state") == State.PRUNED.value
    ends = trials.filter(pruned & pl.col("epochs").is_between(1, last - 1))["epochs"]
    found = sorted(ends.unique().to_list())
    return [*found, last] if 0 < len(found) <= _MOST_RUNGS and len(found) < len(ends) else []


def space_in_words(columns: Mapping[str, Column]) -> str:
    """What differs between trials: ``learning_rate 1e-4..0.1 log, num_layers 1..4``."""
    domains = {name: found.parameter for name, found in columns.items()
               if isinstance(found.parameter, Domain)}  # fmt: skip
    return describe(domains, domains)


def _columns(foreign: Foreign, given: Mapping[str, AnyDomain]) -> tuple[dict[str, Column], Foreign]:
    """The parameters' columns, and the sweep with lines on what was guessed about them."""
    names = foreign.parameters
    for name in given:
        if name not in names:
            raise UnknownNameError("parameter", name, names)
    found: dict[str, Column] = {}
    free: list[str] = []
    guessed = list(foreign.guessed)
    for name in names:
        values = [trial.config.get(name) for trial in foreign.trials]
        made = found[name] = column(values, given.get(name, foreign.domains.get(name)))
        if made.parameter is None and any(value is not None for value in values):
            free.append(name)
        beyond = outside(given[name], values) if name in given else 0
        if not beyond:
            continue
        words = f"{plural(beyond, 'trial')} of {len(values)}"
        if isinstance(given[name], Choice):
            raise ConfigurationError(
                f"{words} have another value than {describe_value(given[name])}. Name every value.",
                place=f"--domain {name}",
            )
        guessed.append(f"{name}: {words} outside {describe_value(given[name])} count as at its end")
    skipped = list(foreign.skipped)
    if free:
        skipped.append(f"{', '.join(free)}: text that hardly repeats itself is no parameter")
    inferred = [
        name for name, made in found.items() if made.inferred and made.parameter is not None
    ]
    if inferred:
        guessed.append(
            f"{'all domains' if len(inferred) == len(_searched(found)) else ', '.join(inferred)}"
            ": from the values seen; --domain NAME=... says better"
        )
    return found, replace(foreign, guessed=tuple(guessed), skipped=tuple(skipped))


def _searched(columns: Mapping[str, Column]) -> list[str]:
    return [name for name, found in columns.items() if isinstance(found.parameter, Domain)]


def _digest_of(run: RunFolder) -> str | None:
    """The digest of an imported run; None for any other."""
    if run.journal.is_dir():
        return None
    try:
        meta = json.loads(pl.read_parquet_metadata(run.trials)["orch"])
        return str(meta["imported"]["digest"])
    except (OSError, OrchError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
        return None
