"""Results of earlier runs: read from their tables, and kept in the folder of the new run.

``warm_start.parquet`` has a row for each earlier trial and epoch that a searcher is told of. It
is in the run's folder before the run has begun, so that to go on with it needs no other run.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.earlier import Earlier, Seen, carried
from orchestrator.engine.journal import read
from orchestrator.engine.knowledge import Knowledge
from orchestrator.engine.learning import Learning
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import Opened
from orchestrator.engine.trial import FAILED
from orchestrator.runs.folder import RunFolder, find_run
from searchspaces import DataFacts
from searchspaces.cells import config_of
from searchspaces.errors import ConfigurationError, OrchError

if TYPE_CHECKING:
    import polars as pl

    from orchestrator.engine.objective import Objective
    from orchestrator.spec import SweepSpec
    from trainables.data import AnyData

TABLE = "warm_start.parquet"


def named(spec: SweepSpec, runs: Path) -> SweepSpec:
    """The spec with the whole ids of the runs that it begins with.

    Raises:
        RunNotFoundError: one is not there.
        ConfigurationError: one is there twice.
    """
    found: list[str] = []
    for index, part in enumerate(spec.warm_start):
        run = find_run(runs, part)
        name = run.id if run.path.parent.resolve() == runs.resolve() else part
        if name in found:
            raise ConfigurationError(
                f"run {run.id} is there twice. Name it once.", place=f"warm_start.{index}"
            )
        found.append(name)
    return spec.model_copy(update={"warm_start": tuple(found)}) if found else spec


def collected(spec: SweepSpec, runs: Path, data: AnyData | None) -> tuple[Earlier, ...]:
    """The trials of the runs that a spec names, first to last.

    Args:
        spec: of the new sweep.
        runs: where run folders lie.
        data: of the new sweep.

    Raises:
        RunNotFoundError: one is not there.
        ConfigurationError: its results say nothing about this sweep, or leave nothing to try.
        OrchError: it cannot be read.
    """
    from orchestrator.runs.refresh import refresh  # loads polars; a letter does without

    found = []
    for part in spec.warm_start:
        run = find_run(runs, part)
        refresh(run)
        trials, epochs, meta = _tables(run)
        _check(run, meta, epochs, spec, data)
        found += _trials(run, trials, epochs, meta, spec)
    earlier = tuple(
        Earlier(run, index - len(found), values, seen)
        for index, (run, values, seen) in enumerate(found)
    )
    if not spec.points:  # a point is trained in any case
        facts, searcher = data.facts if data else None, spec.searcher.model_copy()
        Learning(searcher, spec.joint, spec.seed, facts, earlier).most_trials(spec.trials)
    return earlier


def in_words(spec: SweepSpec, earlier: Sequence[Earlier], facts: DataFacts | None) -> list[str]:
    """How many trials of each earlier run lie in the space of the new sweep, in a line each."""
    idle = f" ({spec.searcher.kind} does not learn, but tries none of them again)"
    also = "" if spec.searcher.learns else idle
    lines = []
    for run in dict.fromkeys(trial.run for trial in earlier):
        its = [trial for trial in earlier if trial.run == run]
        here = len(carried(spec.joint, its, seed=spec.seed, facts=facts))
        lines.append(f"{here} of {len(its)} trials of {run} lie in this space{also}")
    return lines


def packed(earlier: Sequence[Earlier]) -> bytes:
    """The table that is kept in the new run's folder."""
    import polars as pl

    rows = [
        {
            "run": trial.run,
            "number": trial.number,
            "config": json.dumps(trial.values),
            "epoch": seen.epoch,
            "loss": seen.loss,
            "losses": list(seen.losses),
        }
        for trial in earlier
        for seen in trial.seen
    ]
    schema: dict[str, Any] = {
        "run": pl.String, "number": pl.Int64, "config": pl.String, "epoch": pl.Int64,
        "loss": pl.Float64, "losses": pl.List(pl.Float64),
    }  # fmt: skip
    table = io.BytesIO()
    pl.DataFrame(rows, schema=schema).write_parquet(table)
    return table.getvalue()


def knowledge_of(folder: RunFolder, spec: SweepSpec) -> Knowledge:
    """What people knew when a run began.

    Raises:
        OrchError: its table of earlier results is gone or damaged.
    """
    return Knowledge(spec.points, _kept(folder) if spec.warm_start else ())


def trials_of(
    spec: SweepSpec, folder: RunFolder | None = None, facts: DataFacts | None = None
) -> int:
    """How many trials a sweep has: fewer than planned where nothing else is left to try.

    Args:
        spec: of the sweep.
        folder: of its run, which has what earlier runs have tried.
        facts: of its data; None are those that the run's journal names, if it has begun.
    """
    with suppress(OrchError):  # what it began with is gone: whoever goes on with it is told
        opened = _opened(folder) if folder is not None and facts is None else None
        if opened is not None and opened.facts:
            facts = DataFacts(**opened.facts)
        earlier = folder is not None and bool(spec.warm_start)
        if facts is not None or earlier:  # else a spec knows it as well
            return ledger_of(folder, spec, facts).trials
    return spec.planned_trials


def ledger_of(folder: RunFolder | None, spec: SweepSpec, facts: DataFacts | None) -> Ledger:
    """The state of a run before the first record of its journal."""
    return Ledger(
        space=spec.joint,
        searcher=spec.searcher.model_copy(),
        scheduler=spec.scheduler.model_copy(),
        objective=spec.objective,
        trials=spec.planned_trials,
        max_epochs=spec.epochs,
        seed=spec.seed,
        facts=facts,
        knowledge=knowledge_of(folder, spec) if folder else Knowledge(spec.points),
    )


def _kept(folder: RunFolder) -> tuple[Earlier, ...]:
    import polars as pl

    path = folder.path / TABLE
    try:
        rows = pl.read_parquet(path).to_dicts()
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = "it is gone" if isinstance(error, FileNotFoundError) else "it is damaged"
        raise OrchError(
            f"{path}: cannot be read ({reason}). It holds the earlier results that run "
            f"{folder.id} began with: restore it, or start a new sweep."
        ) from error
    seen: dict[int, list[Seen]] = {}
    for row in rows:
        one = Seen(row["epoch"], row["loss"], tuple(row["losses"]))
        seen.setdefault(row["number"], []).append(one)
    first = {row["number"]: row for row in reversed(rows)}
    return tuple(
        Earlier(row["run"], number, json.loads(row["config"]), tuple(seen[number]))
        for number, row in sorted(first.items())
    )


def _tables(run: RunFolder) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    import polars as pl

    try:
        meta = json.loads(pl.read_parquet_metadata(run.trials)["orch"])
        return pl.read_parquet(run.trials), pl.read_parquet(run.epochs), meta
    except (OSError, pl.exceptions.PolarsError, ValueError, KeyError) as error:
        raise OrchError(
            f"run {run.id} has no results that can be read. See: orch show {run.id}"
        ) from error


def _check(
    run: RunFolder,
    meta: Mapping[str, Any],
    epochs: pl.DataFrame,
    spec: SweepSpec,
    data: AnyData | None,
) -> None:
    """Refuse results that cannot be compared with those to come."""
    pairs = {
        "sought": (f"{meta['metric']} {meta['mode']}", f"{spec.metric} {spec.mode}"),
        "trained on": (meta.get("dataset") or "no data set", spec.dataset or "no data set"),
        "held out": (meta.get("split") or "", data.split if data else ""),
        "trained": _trained(meta, spec),
    }
    for verb, (there, here) in pairs.items():
        if there != here:
            raise _incomparable(run, f"{verb} {there}, not {here}")
    opened = _opened(run)
    fingerprint = opened.fingerprint if opened else ""
    if data and fingerprint and fingerprint != data.fingerprint:
        why = "its data were others since: they have changed"
        if meta.get("seed") != spec.seed:
            why = f"held out other data, drawn with seed {meta.get('seed')}, not {spec.seed}"
        raise _incomparable(run, why)
    if any(name.startswith("config.") for name in epochs.columns):
        raise _incomparable(run, "changed configs while they trained, so no loss is of one config")


def _opened(run: RunFolder) -> Opened | None:
    """What the run's first process wrote when it took it over."""
    journal = read(run.journal) if run.journal.is_dir() else ()
    return next((entry.record for entry in journal if isinstance(entry.record, Opened)), None)


def _trained(meta: Mapping[str, Any], spec: SweepSpec) -> tuple[str, str]:
    """The architectures of both; what is not of orch has any name, and is not compared."""
    there = str(meta.get("architecture") or "")
    own = not spec.program.learns_by_itself and ":" not in f"{there}{spec.trains}"
    return (there, spec.trains) if own else ("", "")


def _incomparable(run: RunFolder, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"run {run.id} {why}: its results cannot be compared with those to come. Leave it out, "
        f"or sweep as it did.",
        place="warm_start",
    )


def _trials(
    run: RunFolder,
    trials: pl.DataFrame,
    epochs: pl.DataFrame,
    meta: Mapping[str, Any],
    spec: SweepSpec,
) -> list[tuple[str, dict[str, Any], tuple[Seen, ...]]]:
    """Config and what was seen of every trial that has a result, in the order of starting."""
    reported: dict[int, list[dict[str, Any]]] = {}
    for row in epochs.sort("number", "epoch").iter_rows(named=True):
        reported.setdefault(row["number"], []).append(row)
    found, objective = [], spec.objective
    for trial in trials.sort("number").iter_rows(named=True):
        rows = reported.get(trial["number"], [])
        try:
            seen = _seen(trial, rows, meta, objective, spec.epochs, spec.searcher.looks)
        except ConfigurationError as error:
            raise _incomparable(run, f"does not know a metric ({error.problem})") from error
        if seen:
            config = config_of(trial, meta.get("parameters", {}))
            found.append((run.id, config, tuple(seen)))
    return found


def _seen(
    trial: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
    meta: Mapping[str, Any],
    objective: Objective,
    max_epochs: int,
    looks: Callable[[int], bool],
) -> list[Seen]:
    """What a searcher would have been told: where it looks, at the ends of rungs and of the trial.

    Nothing beyond the new sweep's last epoch: there the loss at that epoch is told.
    """
    ends: dict[int, Seen] = {}  # by rung
    looked: list[Seen] = []
    best = Seen(0, math.inf)
    for row in epochs:
        if row["epoch"] > max_epochs:
            break
        metrics = {
            name.removeprefix("metric."): value
            for name, value in row.items()
            if name.startswith("metric.")
        }
        also = {"weights": trial.get("weights"), "epoch_seconds": row.get("epoch_seconds")}
        metrics = {**{name: value for name, value in also.items() if value is not None}, **metrics}
        loss = objective.loss(metrics)
        if loss < best.loss:
            losses = objective.losses(metrics) if objective.several else ()
            best = Seen(row["epoch"], loss, losses)
        if not math.isinf(best.loss):
            here = ends[row.get("rung") or 0] = Seen(row["epoch"], best.loss, best.losses)
            if looks(row["epoch"]):
                looked.append(here)
    seen = sorted({*looked, *ends.values()}, key=lambda one: one.epoch)
    last = epochs[-1]["epoch"] if epochs else 0
    if trial["state"] == "completed" and seen and last < max_epochs:
        end = max(last, min(int(meta["max_epochs"]), max_epochs))
        seen[-1] = Seen(end, seen[-1].loss, seen[-1].losses)
    if trial["state"] in FAILED and last < max_epochs:
        seen.append(Seen(last + 1, math.inf))
    return seen
