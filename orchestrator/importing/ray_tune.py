"""Read the folder of a Ray Tune experiment: its JSON and CSV files, and none of its pickles.

A pickle from elsewhere can run any code, so ``tuner.pkl``, ``params.pkl``, ``error.pkl`` and the
pickled values within JSON files are never opened. What they alone hold (the search space, the
scheduler, the mode) is guessed, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from orchestrator.engine.trial import State
from orchestrator.importing.foreign import EPOCHS, Foreign, ForeignTrial, plural
from orchestrator.importing.objective import choose
from orchestrator.importing.ray_results import (
    MANY,
    Lost,
    Results,
    loaded,
    number,
    read_json,
    read_trial,
)
from searchspaces.errors import UsageError

_ID = re.compile(r"_([0-9a-f]{5,8}_\d{5})(?:_|$)")
_NO_REASON = "Ray kept no reason"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class _Known:
    """What the experiment's state file says: per trial id its status and start."""

    status: Mapping[str, str]
    started: Mapping[str, float]
    metric: str | None


def read_ray(folder: Path, *, metric: str | None = None, mode: str | None = None) -> Foreign:
    """The experiment in ``folder``, which is ``storage_path/name`` of its ``RunConfig``.

    A trial is completed if it came to the furthest iteration of any; one that ended before
    that without an error counts as pruned.

    Raises:
        UsageError: no such folder, no experiment in it, or no telling what its objective is.
    """
    folders = _trial_folders(folder)
    known, lost = _known(folder), Lost()
    trials: list[ForeignTrial] = []
    frames: list[pl.DataFrame] = []
    read = [read_trial(path, lost) for path in folders]
    last = max(results.last for results in read)
    for results in read:
        trial = _trial(results, known, last)
        if trial is not None:
            frames.append(results.epochs.with_columns(pl.lit(len(trials), pl.Int64).alias("trial")))
            trials.append(trial)
    named = {trial.name for trial in trials}
    lost.pending = len(known.status.keys() - named)
    epochs = pl.concat([pl.DataFrame(schema=EPOCHS), *frames], how="diagonal")
    names = [name.removeprefix("metric.") for name in epochs.columns if name.startswith("metric.")]
    chosen = choose(names, metric=metric, mode=mode, recorded=known.metric, place=str(folder))
    guessed = []
    short = sum(trial.state is State.PRUNED for trial in trials)
    if short:
        guessed.append(
            f"pruned: {plural(short, 'trial')} that ended before epoch {last} without an error"
        )
    return Foreign(
        kind="ray",
        source=str(folder.resolve()),
        name=folder.resolve().name,
        trials=tuple(trials),
        epochs=epochs,
        metric=chosen.metric,
        mode=chosen.mode,
        chosen=chosen.how,
        guessed=tuple(guessed),
        skipped=lost.words(),
    )


def _trial_folders(folder: Path) -> list[Path]:
    if not folder.exists():
        raise UsageError(
            f"no folder {folder}. Give an experiment's: orch import ray ~/ray_results/NAME"
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file. Give the folder of an experiment.")
    found = [path for path in _below(folder) if _is_trial(path)]
    if found:
        return found
    if _is_trial(folder):
        raise UsageError(
            f"{folder} is a single trial. Give its experiment: {folder.resolve().parent}"
        )
    inner = [path for path in _below(folder) if any(_is_trial(below) for below in _below(path))]
    if inner:
        names = ", ".join(path.name for path in inner[:MANY])
        more = f" and {len(inner) - MANY} more" if len(inner) > MANY else ""
        what = "an experiment" if len(inner) == 1 else f"{len(inner)} experiments"
        raise UsageError(f"{folder} holds {what}: {names}{more}. Give one: {inner[0]}")
    raise UsageError(
        f"{folder} is no Ray Tune experiment: no folder in it has a params.json or result.json."
    )


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _is_trial(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("params.json", "result.json", "progress.csv"))


def _known(folder: Path) -> _Known:
    """The newest state file that can be read; older versions of Ray call the trials so too."""
    for path in sorted(folder.glob("experiment_state-*.json"), reverse=True):
        document = read_json(path)
        if not isinstance(document, dict):
            continue
        status: dict[str, str] = {}
        started: dict[str, float] = {}
        for entry in document.get("trial_data") or document.get("checkpoints") or []:
            said: dict[str, Any] = {}
            for part in entry if isinstance(entry, list) else [entry]:
                said |= loaded(part)
            if "trial_id" in said:
                status[str(said["trial_id"])] = str(said.get("status", ""))
                if isinstance(said.get("start_time"), int | float):
                    started[str(said["trial_id"])] = float(said["start_time"])
        runner = document.get("runner_data")
        metric = runner.get("_metric") if isinstance(runner, dict) else None
        return _Known(status, started, metric if isinstance(metric, str) else None)
    return _Known({}, {}, None)


def _trial(results: Results, known: _Known, last: int) -> ForeignTrial | None:
    """None for a trial that never began."""
    final = results.final
    match = _ID.search(results.folder.name)
    name = str(final.get("trial_id") or (match[1] if match else results.folder.name))
    status = known.status.get(name)
    error = _error(results.folder)
    if not results.last and error is None and status in {"PENDING", "PAUSED"}:
        return None
    state = _state(status, error, final, reached=results.last >= last)
    if state is State.FAILED and error is None:
        error = _NO_REASON if results.last else "reported nothing"
    tail = name.rpartition("_")[2]
    host = final.get("hostname")
    return ForeignTrial(
        name=name,
        state=state,
        config=results.config,
        number=int(tail) if tail.isdigit() and len(tail) == 5 else None,
        error=error if state is State.FAILED else None,
        seconds=number(final.get("time_total_s")),
        started_at=known.started.get(name, results.began),
        ended_at=results.ended,
        node=host if isinstance(host, str) else None,
    )


def _state(status: str | None, error: str | None, final: dict[str, Any], *, reached: bool) -> State:
    """How a trial ended; without a state file its error and its last result say it."""
    if status == "ERROR" or (error is not None and status != "TERMINATED"):
        return State.FAILED
    if status in {"TERMINATED", None}:
        if not final:
            return State.FAILED
        if reached:
            return State.COMPLETED
        over = status is not None or final.get("done") is not False
        return State.PRUNED if over else State.INTERRUPTED
    return State.PAUSED if status == "PAUSED" else State.INTERRUPTED


def _error(folder: Path) -> str | None:
    """The last line of ``error.txt``; ``error.pkl`` beside it is not opened."""
    try:
        text = (folder / "error.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _NO_REASON if (folder / "error.pkl").exists() else None
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    return lines[-1] if lines else _NO_REASON
