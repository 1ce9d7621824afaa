"""What live pages show, as plain JSON values: a run's report, its best so far, runs compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.budget.history import history
from analysis.budget.times import epoch_times, seconds_taken
from analysis.comparison.agreement import SCORE, said
from analysis.comparison.compare import Comparison, compare_runs
from analysis.comparison.incumbent import incumbent
from analysis.comparison.words import at
from analysis.load import Run, load_run
from analysis.metrics import label, plural, short_label
from analysis.parameters import plain
from analysis.report.trials import rounded
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from analysis.frames import TrialView

_MOST_STEPS = 400


def warm() -> None:
    """Import what a first report would wait for."""
    import importlib

    for name in ("analysis.findings", "analysis.report.payload", "sklearn.ensemble",
                 "matplotlib.figure", "matplotlib.textpath", "ruamel.yaml"):  # fmt: skip
        importlib.import_module(name)


def report(folder: Path) -> dict[str, Any]:
    """What the page of a run is filled with.

    Raises:
        UsageError: no trial has a result.
    """
    from analysis.findings import find
    from analysis.report.payload import payload

    return payload(find(_loaded(folder)))


def curve(folder: Path) -> dict[str, Any]:
    """The best value seen after any epoch of any trial, over the epochs that the run spent.

    Raises:
        UsageError: the tables cannot be read.
    """
    run = _loaded(folder)
    return {**_axis(run), **_any_epoch(run)}


def compare(folders: Sequence[Path]) -> dict[str, Any]:
    """Runs side by side: apart where their scores mean different things.

    Returns:
        ``groups``, each with its axis, a curve a run, what can be said, and best configs.
    """
    runs = [_loaded(folder) for folder in folders]
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(tuple(said(run.meta, name) for name in SCORE), []).append(run)
    return {"groups": [_group(group) for group in groups.values()]}


def _loaded(folder: Path) -> Run:
    """A run; the page itself says that it is still running."""
    run = load_run(folder)
    return replace(run, notes=()) if run.meta.raw.get("owned") else run


def _group(runs: Sequence[Run]) -> dict[str, Any]:
    found, words = None, []
    if len(runs) > 1:
        try:
            found = compare_runs(runs)
            words = list(found.words())
        except UsageError as error:
            words = [f"not compared: {error}"]
    curves = [_any_epoch(run) if found is None else _compared(run, found) for run in runs]
    return {
        **_axis(runs[0]),
        "data": runs[0].meta.data,
        "words": words,
        "basis": "best value after any epoch of any trial" if found is None
        else f"best trial at {at(found)}",
        "curves": [{"id": run.meta.run, **line} for run, line in zip(runs, curves, strict=True)],
        "configs": _configs(runs),
    }  # fmt: skip


def _axis(run: Run) -> dict[str, Any]:
    meta = run.meta
    return {
        "metric": meta.metric,
        "mode": meta.mode,
        "label": label(meta.metric),
        "short": short_label(meta.metric),
        "dataset": str(meta.raw.get("dataset") or ""),
        "split": meta.split,
        "limits": said(meta, "outcomes") or "",
    }


def _any_epoch(run: Run) -> dict[str, Any]:
    found = history(run)
    steps = found.any_epoch
    times = None if any(step.seconds is None for step in steps) else [
        step.seconds for step in steps
    ]  # fmt: skip
    scores = [step.score for step in steps]
    return _line([step.epochs for step in steps], times, scores, found.epochs, found.seconds)


def _compared(run: Run, found: Comparison) -> dict[str, Any]:
    """The best trial at the epoch of a comparison, as that counts it."""
    steps, times = incumbent(run, found.epoch), epoch_times(run)
    seconds = None if times is None else np.sort(times)[steps.budgets - 1].tolist()
    took = None if times is None else seconds_taken(run, times)
    return _line(steps.budgets.tolist(), seconds, steps.scores.tolist(), steps.spent, took)


def _line(
    epochs: Sequence[int],
    seconds: Sequence[float | None] | None,
    scores: Sequence[float],
    spent: int,
    took: float | None,
) -> dict[str, Any]:
    """Steps of the best so far; of very many the last one of every few."""
    every = -(-len(scores) // _MOST_STEPS)
    kept = [place for place in range(len(scores)) if (len(scores) - 1 - place) % every == 0]
    return {
        "epochs": [epochs[place] for place in kept],
        "seconds": None if seconds is None else rounded((seconds[place] for place in kept), 6),
        "scores": rounded(scores[place] for place in kept),
        "spent": spent,
        "took": None if took is None else round(took, 3),
    }


@dataclass(frozen=True)
class _Best:
    run: Run
    trial: TrialView


def _configs(runs: Sequence[Run]) -> dict[str, Any] | None:
    """The best config of each run, a row a parameter; None where no run has one."""
    best = [_Best(run, trial) for run in runs if (trial := run.best()) is not None]
    if not best:
        return None
    names = dict.fromkeys(parameter.name for each in best for parameter in each.run.meta.parameters)
    return {
        "runs": [each.run.meta.run for each in best],
        "trials": [
            f"trial {each.trial.number}, {each.trial.state}, {plural(each.trial.epochs, 'epoch')}"
            for each in best
        ],
        "rows": [[name, *(_value(each, name) for each in best)] for name in names],
    }


def _value(best: _Best, name: str) -> str:
    return plain(best.trial.config[name]) if name in best.trial.config else "-"
