"""Synthetic runs with known answers, written as the orchestrator writes its tables.

``write_run`` simulates HyperBand on two workers over trials whose curves follow
``floor(config) + depth * (x - 1 - ln x)`` with ``x = epoch / optimum``: least at
``x = 1``, falling fast before and rising slowly after, as overfitting does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

EPOCH_SECONDS = 0.4

PARAMETERS: dict[str, dict[str, Any]] = {
    "num_layers": {"group": "space", "kind": "int", "low": 1, "high": 4},
    "hidden_size": {"group": "space", "kind": "int", "low": 16, "high": 256, "log": True},
    "dropout": {
        "group": "space", "kind": "float", "low": 0.0, "high": 0.5,
        "when": {"num_layers": [2, 3, 4]},
    },
    "learning_rate": {"group": "training", "kind": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "batch_size": {"group": "training", "kind": "int", "low": 16, "high": 256, "powers_of": 2},
    "clip": {"group": "training", "kind": "constant", "value": 1.0},
}  # fmt: skip


def draw_config(rng: np.random.Generator) -> dict[str, Any]:
    layers = int(rng.integers(1, 5))
    return {
        "num_layers": layers,
        "hidden_size": round(math.exp(rng.uniform(math.log(16), math.log(256)))),
        "dropout": float(rng.uniform(0, 0.5)) if layers > 1 else None,
        "learning_rate": float(math.exp(rng.uniform(math.log(1e-4), math.log(1e-1)))),
        "batch_size": int(2 ** rng.integers(4, 9)),
        "clip": 1.0,
    }


def quality(config: dict[str, Any]) -> float:
    """The floor of a config's loss: learning rate first, hidden size second, the rest nothing."""
    rate = math.log10(config["learning_rate"]) + 2.2
    size = math.log2(config["hidden_size"] / 16) / 4
    return 0.15 + 0.35 * rate**2 + 0.3 * (1 - size)


@dataclass
class Plan:
    """What a synthetic run is made of."""

    trials: int = 46
    max_epochs: int = 27
    optimum: float = 18.0
    second_optimum: float = 22.0
    noise: float = 0.01
    jitter: float = 0.05
    fail: tuple[int, ...] = ()
    hyperband: bool = True
    metric: str = "valid_loss"
    mode: str = "min"
    seed: int = 0
    floor: Callable[[dict[str, Any]], float] = quality
    config: Callable[[np.random.Generator], dict[str, Any]] = draw_config
    parameters: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(PARAMETERS))
    finished: bool = True


def curve(plan: Plan, config: dict[str, Any], number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng((plan.seed, number, 7))
    epochs = np.arange(1, plan.max_epochs + 1)
    optimum = plan.optimum * math.exp(rng.normal(0, plan.jitter))
    x, y = epochs / optimum, epochs / plan.second_optimum
    floor = plan.floor(config)
    noise = rng.normal(0, plan.noise, (2, len(epochs)))
    valid = floor + 0.5 * (x - 1 - np.log(x)) + noise[0]
    accuracy = 1 - 0.25 * floor - 0.15 * (y - 1 - np.log(y)) + 0.3 * noise[1]
    return {
        "train_loss": floor * np.exp(-epochs / 15) + 1.2 * np.exp(-epochs / 4),
        "valid_loss": valid,
        "accuracy": np.clip(accuracy, 0, 1),
        "learning_rate": np.full(len(epochs), config.get("learning_rate", 0.01)),
    }


def halvings(losses: np.ndarray, max_epochs: int) -> list[tuple[tuple[int, ...], list[list[int]]]]:
    """Brackets of eta 3 (Li et al., table 1), repeated: epochs of the rungs, trials given each."""
    levels = [max_epochs]
    while levels[0] >= 3:
        levels.insert(0, levels[0] // 3)
    top, start, brackets = len(levels) - 1, 0, []
    while start < len(losses):
        for s in range(top, -1, -1):
            alive = list(range(start, min(start + (top + 1) // (s + 1) * 3**s, len(losses))))
            start += len(alive)
            rungs = []
            for level in levels[top - s :]:
                rungs.append(alive)
                alive = sorted(alive, key=lambda n: losses[n, level - 1])[: max(1, len(alive) // 3)]
            if rungs[0]:
                brackets.append((tuple(levels[top - s :]), rungs))
    return brackets


def report_times(
    brackets: list[tuple[tuple[int, ...], list[list[int]]]], ends: list[int], workers: int = 2
) -> tuple[list[float], list[list[float]]]:
    """Seconds at which each trial started and at which its epochs were over, one rung at a time.

    A trial goes to the worker that is free first, which takes 0.05 s; a rung is begun when
    the one before is over.
    """
    started, reported = [0.0] * len(ends), [[] for _ in ends]
    free = [0.0] * workers
    for levels, rungs in brackets:
        for before, level, alive in zip((0, *levels), levels, rungs, strict=False):
            free = [max(free)] * workers
            for number in alive:
                worker = free.index(min(free))
                begin = free[worker] + 0.05
                if not before:
                    started[number] = free[worker]
                times = [begin + EPOCH_SECONDS * k
                         for k in range(1, min(level, ends[number]) - before + 1)]  # fmt: skip
                reported[number] += times
                free[worker] = times[-1] if times else free[worker]
    return started, reported


def write_run(folder: Path, plan: Plan | None = None, **changes: Any) -> Path:
    """Write both tables of a synthetic run into ``folder`` and return it."""
    plan = plan or Plan(**changes)
    folder.mkdir(parents=True, exist_ok=True)
    configs = [plan.config(np.random.default_rng((plan.seed, k))) for k in range(plan.trials)]
    curves = [curve(plan, config, number) for number, config in enumerate(configs)]
    sign = -1 if plan.mode == "max" else 1
    losses = np.array([sign * c[plan.metric] for c in curves]).reshape(plan.trials, plan.max_epochs)
    if plan.hyperband:
        brackets = halvings(losses, plan.max_epochs)
    else:
        brackets = [((plan.max_epochs,), [list(range(plan.trials))])]
    ends, bracket_of = [0] * plan.trials, [0] * plan.trials
    for bracket, (levels, given) in enumerate(brackets):
        for level, numbers in zip(levels, given, strict=True):
            for number in numbers:
                ends[number], bracket_of[number] = level, bracket
    ends = [max(1, end // 2) if number in plan.fail else end for number, end in enumerate(ends)]
    started, reported = report_times(brackets, ends)
    rungs = [plan.max_epochs]
    while plan.hyperband and rungs[0] >= 3:
        rungs.insert(0, rungs[0] // 3)
    began = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    trial_rows, epoch_rows = [], []
    for number, config in enumerate(configs):
        end = ends[number]
        failed = number in plan.fail
        levels = brackets[bracket_of[number]][0]
        for epoch in range(1, end + 1):
            row = {
                f"metric.{name}": float(values[epoch - 1])
                for name, values in curves[number].items()
            }
            if failed and epoch == end:
                row["metric.valid_loss"] = math.nan
            epoch_rows.append({
                "trial_id": f"t{number:05d}", "number": number, "attempt": 1, "epoch": epoch,
                "epoch_seconds": EPOCH_SECONDS, "total_seconds": EPOCH_SECONDS * epoch,
                "reported_at": began + timedelta(seconds=reported[number][epoch - 1]),
                "bracket": bracket_of[number],
                "rung": sum(level < epoch for level in levels), **row,
            })  # fmt: skip
        shown = losses[number, :end].copy()
        if failed:
            shown = shown[:-1]
        best = int(np.argmin(shown)) + 1 if len(shown) else None
        state = "failed" if failed else "completed" if end == plan.max_epochs else "pruned"
        trial_rows.append({
            "trial_id": f"t{number:05d}", "number": number, "state": state, "attempts": 1,
            "epochs": end, "objective": None if best is None else float(sign * shown[best - 1]),
            "best_epoch": best, "seconds": EPOCH_SECONDS * end,
            "weights": 100 * config.get("hidden_size", 10),
            "error": "loss became nan" if failed else None, "seed": plan.seed + number,
            "repeat": 0, "fold": 0, "parent": None, "space_version": 1, "node": "here",
            "started_at": began + timedelta(seconds=started[number]),
            "ended_at": began + timedelta(seconds=reported[number][-1]),
            **{f"config.{name}": config[name] for name in plan.parameters},
            **{f"metric.{name}": None if best is None else float(values[best - 1])
               for name, values in curves[number].items()},
        })  # fmt: skip
    meta = {
        "schema": 1, "run": folder.name, "sweep": "gru-bohb", "architecture": "gru",
        "dataset": "digits", "split": "random", "metric": plan.metric, "mode": plan.mode,
        "max_epochs": plan.max_epochs, "trials": plan.trials, "seed": plan.seed, "searcher": {},
        "scheduler": {}, "parameters": plan.parameters, "rungs": rungs,
        "journal": {"records": len(epoch_rows), "sequence": len(epoch_rows)},
        "finished": plan.finished,
    }  # fmt: skip
    write_tables(folder, _frame(trial_rows, TRIALS), _frame(epoch_rows, EPOCHS), meta)
    return folder


TRIALS = {
    "trial_id": pl.String, "number": pl.Int64, "state": pl.String, "attempts": pl.Int64,
    "epochs": pl.Int64, "objective": pl.Float64, "best_epoch": pl.Int64, "seconds": pl.Float64,
    "weights": pl.Int64, "error": pl.String, "seed": pl.Int64, "repeat": pl.Int64,
    "fold": pl.Int64, "parent": pl.String, "space_version": pl.Int64, "node": pl.String,
    "started_at": pl.Datetime("us", "UTC"), "ended_at": pl.Datetime("us", "UTC"),
}  # fmt: skip
EPOCHS = {
    "trial_id": pl.String, "number": pl.Int64, "attempt": pl.Int64, "epoch": pl.Int64,
    "epoch_seconds": pl.Float64, "total_seconds": pl.Float64,
    "reported_at": pl.Datetime("us", "UTC"), "bracket": pl.Int64, "rung": pl.Int64,
}  # fmt: skip


def _frame(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=schema)
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)


def write_tables(
    folder: Path, trials: pl.DataFrame, epochs: pl.DataFrame, meta: dict[str, Any]
) -> None:
    for name, frame in (("trials", trials), ("epochs", epochs)):
        frame.write_parquet(folder / f"{name}.parquet", metadata={"orch": json.dumps(meta)})


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a synthetic run, of which keywords are fields of ``Plan``."""

    def make(name: str = "1121-gru-bohb-7f3a", **changes: Any) -> Path:
        return write_run(tmp_path / "runs" / name, Plan(**changes))

    return make


@pytest.fixture
def rewrite() -> Callable[..., None]:
    """A function that writes given tables and metadata into a folder."""
    return write_tables
