"""Several runs of one space as one run, so that every analysis and figure can look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from analysis.comparison.agreement import SCORE, require_same
from analysis.comparison.unite import Entry, Said, unite
from analysis.load import Meta, Run
from analysis.parameters import parse_parameters, plain
from searchspaces.errors import UsageError

SAME = {
    **SCORE, "objectives": "objectives", "seeds": "seeds of each trial",
    "architecture": "architecture", "max_epochs": "epochs of a full trial",
}  # fmt: skip
"""What runs must share to be one, beside their space."""


def merge_runs(runs: Sequence[Run], folder: Path) -> Run:
    """The trials of several runs as one run; nothing is written.

    Trials are numbered on: those of the second run follow the last of the first.
    Ids stay, or get their run before them where two are the same. The trials have a
    column ``run``. Brackets are numbered on too, since they never span runs.

    A parameter whose bounds differ takes the union of its ranges. One that is constant
    in some runs and searched in others counts as searched; its trials lie at that value.

    Runs of different ``max_epochs`` are not merged: a trial complete after 9 of 9 epochs
    would count as one that ran 27.

    Args:
        runs: at least two, each once.
        folder: of the merged run; its name is the run's.

    Raises:
        UsageError: the runs differ in metric, data set, split, limits, objectives, seeds of a
            trial, architecture, epochs or space; the line says in what.
    """
    require_same(runs, SAME, "merged")
    names = [run.meta.run for run in runs]
    entries, notes = _space(runs)
    trials, epochs, number, bracket = [], [], 0, 0
    places: list[str] = []
    ids = pl.concat([run.trials["trial_id"] for run in runs])
    prefix = bool(ids.is_duplicated().any())
    for run in runs:
        frame = run.trials.with_columns(
            (pl.col("number") + number).alias("number"), pl.lit(run.meta.run).alias("run")
        )
        rows = run.epochs.with_columns((pl.col("number") + number).alias("number"))
        if "bracket" in rows.columns:
            rows = rows.with_columns((pl.col("bracket") + bracket).alias("bracket"))
            bracket += 1 + _most(run.epochs, "bracket")
        if prefix:
            tail = f"{run.meta.run.rpartition('-')[2]}-"
            frame = frame.with_columns((tail + pl.col("trial_id")).alias("trial_id"))
            if "trial_id" in rows.columns:
                rows = rows.with_columns((tail + pl.col("trial_id")).alias("trial_id"))
        trials.append(frame)
        epochs.append(rows)
        end = number + _most(run.trials, "number")
        if len(run.trials):
            places.append(f"{number}-{end} of {run.meta.run.rpartition('-')[2]}")
        number = end + 1
    return Run(
        folder,
        pl.concat(trials, how="diagonal_relaxed"),
        pl.concat(epochs, how="diagonal_relaxed"),
        _meta([run.meta for run in runs], folder.name, entries),
        (_numbered(places), *notes, *_split_note(runs), *_own_notes(runs, names)),
    )


def _numbered(places: Sequence[str]) -> str:
    """Which trials are whose; of many runs the first and the last."""
    shown = [*places[:4], "...", places[-1]] if len(places) > 6 else places
    return f"trials are numbered on: {', '.join(shown)}"


def _most(frame: pl.DataFrame, column: str) -> int:
    most = frame[column].max()
    return int(most) if isinstance(most, int) else -1


def _space(runs: Sequence[Run]) -> tuple[dict[str, Entry], list[str]]:
    """The entries of the common space, and what had to be widened, in words."""
    names = list(dict.fromkeys(name for run in runs for name in run.meta.raw["parameters"]))
    entries: dict[str, Entry] = {}
    notes: list[str] = []
    missing: dict[str, list[str]] = {}
    for name in names:
        given = [
            Said(run.meta.run, run.meta.raw["parameters"][name])
            for run in runs
            if name in run.meta.raw["parameters"]
        ]
        absent = [run.meta.run for run in runs if name not in run.meta.raw["parameters"]]
        searched = [said for said in given if said.entry["kind"] != "constant"]
        if absent and searched:
            raise UsageError(
                f"runs {searched[0].run} and {absent[0]} cannot be merged: {name} is a parameter "
                f"of the first only. Compare them instead."
            )
        if absent:
            missing.setdefault(absent[0], []).append(name)
        entries[name], note = unite(name, given)
        notes += [note] if note else []
    for run, lacking in missing.items():
        named = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if lacking[3:] else "")
        notes.append(f"{run} does not say {named}; taken to be what the others have")
    return entries, notes


def _meta(metas: Sequence[Meta], name: str, entries: Mapping[str, Entry]) -> Meta:
    raw: dict[str, Any] = dict(metas[0].raw)
    for key in ("sweep", "searcher", "scheduler", "seed", "warning"):
        values = [meta.raw.get(key) for meta in metas]
        if any(value != values[0] for value in values):
            different = dict.fromkeys(str(value) for value in values if value)
            join = {"sweep": " + ", "warning": "; "}.get(key)
            raw[key] = None if join is None else join.join(different)
    rungs = tuple(sorted({epoch for meta in metas for epoch in meta.rungs}))
    trials = sum(meta.trials for meta in metas)
    raw.pop("journal", None)  # there is none that holds all
    raw.update(
        run=name,
        trials=trials,
        rungs=list(rungs),
        parameters=dict(entries),
        finished=all(meta.finished for meta in metas),
        runs=[meta.run for meta in metas],
    )
    return replace(
        metas[0],
        run=name,
        trials=trials,
        rungs=rungs,
        parameters=parse_parameters(entries),
        finished=bool(raw["finished"]),
        raw=raw,
    )


def _split_note(runs: Sequence[Run]) -> list[str]:
    """The seed draws what is held out, unless the data set publishes it."""
    seeds = sorted({run.meta.raw.get("seed") for run in runs}, key=str)
    if len(seeds) < 2 or not runs[0].meta.split or runs[0].meta.split.startswith("published"):
        return []
    shown = ", ".join(plain(seed) for seed in seeds)
    return [f"seeds {shown} hold out different data; scores differ by that too"]


def _own_notes(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """Each run's own notes with the run before them; those that all share, once."""
    shared = [note for note in runs[0].notes if all(note in run.notes for run in runs)]
    own = [
        f"{name}: {note}"
        for name, run in zip(names, runs, strict=True)
        for note in run.notes
        if note not in shared
    ]
    return [*shared, *own]
