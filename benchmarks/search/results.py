"""Runs of the benchmark and what is kept of them, so that what was interrupted goes on."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.search.methods.base import Method
from benchmarks.search.problems import problem
from benchmarks.search.replay import BUDGETS, SHARED, Task, Trace, replay

AXES = ("epochs", "seconds")

SCHEMA: dict[str, Any] = {
    "problem": pl.String,
    "method": pl.String,
    "settings": pl.String,
    "workers": pl.Int64,
    "seed": pl.Int64,
    "trainings": pl.Int64,
    "by": pl.String,
    "regrets": pl.List(pl.Float64),
    "epochs": pl.Int64,
    "trials": pl.Int64,
    "full": pl.Int64,
    "suggest_ms": pl.Float64,
    "cpu": pl.Float64,
    "wall": pl.Float64,
}
"""A row per run and axis; ``regrets`` has one after each full training's worth."""


@dataclass(frozen=True)
class Unit:
    """One run: a method, a problem, workers and a seed."""

    problem: str
    method: Method
    workers: int
    seed: int
    trainings: int

    @property
    def settings(self) -> str:
        """What it depends on; results of anything else are run again."""
        return f"{self.method!r} on version {problem(self.problem).version}"

    def rows(self) -> list[dict[str, Any]]:
        """Run it, and say what came out by epochs and by seconds."""
        cpu = time.process_time()
        if self.method.per_budget:
            budgets = [budget for budget in BUDGETS if budget < self.trainings]
            found = {budget: self.trace(budget) for budget in [*budgets, self.trainings]}
            last = found[self.trainings]
            regrets = {
                axis: [
                    self.regrets(found[k], axis)[k - 1] if k in found else math.nan
                    for k in range(1, self.trainings + 1)
                ]
                for axis in AXES
            }
        else:
            last = self.trace(self.trainings)
            regrets = {axis: self.regrets(last, axis) for axis in AXES}
        cpu = time.process_time() - cpu
        return [
            {
                "problem": self.problem,
                "method": self.method.name,
                "settings": self.settings,
                "workers": self.workers,
                "seed": self.seed,
                "trainings": self.trainings,
                "by": axis,
                "regrets": regrets[axis],
                "epochs": last.epochs,
                "trials": last.trials,
                "full": last.full,
                "suggest_ms": 1e3 * last.suggesting / max(last.trials, 1),
                "cpu": cpu,
                "wall": last.wall,
            }
            for axis in AXES
        ]

    def trace(self, trainings: int) -> Trace:
        """Replay it with so many full trainings to spend."""
        known = problem(self.problem)
        first = known.first(SHARED, self.seed)
        task = Task(known, self.seed, self.workers, trainings, first)
        return replay(task, self.method.begin(task))

    def regrets(self, trace: Trace, axis: str) -> list[float]:
        """Regret after each full training's worth; NaN while nothing was seen.

        That of the trial with the least loss the method saw, by a seed it did not see.
        """
        known = problem(self.problem)
        full = known.max_epochs * (known.mean_seconds if axis == "seconds" else 1)
        found = [math.nan] * self.trainings
        for best in trace.bests:
            spent = best.seconds if axis == "seconds" else best.epochs
            start = max(math.ceil(spent / full - 1e-9), 1)
            if start <= self.trainings:
                value = known.value(best.config, best.epoch, self.seed)
                value -= known.optimum_of(self.seed)
                found[start - 1 :] = [value] * (self.trainings - start + 1)
        return found


class Results:
    """Parquet files of rows, one per problem, method and number of workers.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, unit: Unit) -> Path:
        """Where a unit's rows go."""
        return self.folder / unit.problem / f"{unit.method.name}@{unit.workers}.parquet"

    def read(self, unit: Unit) -> pl.DataFrame:
        """The rows beside which a unit's go, those of other settings left out."""
        file = self.file(unit)
        if not file.is_file():
            return pl.DataFrame(schema=SCHEMA)
        return pl.read_parquet(file).filter(pl.col("settings") == unit.settings)

    def has(self, unit: Unit) -> bool:
        """Whether it was run with these settings, to this budget or further."""
        rows = self.read(unit)
        return not rows.filter(
            (pl.col("seed") == unit.seed) & (pl.col("trainings") >= unit.trainings)
        ).is_empty()

    def write(self, unit: Unit, rows: list[dict[str, Any]]) -> None:
        """Put a unit's rows in the place of its earlier ones; whole or not at all."""
        others = self.read(unit).filter(pl.col("seed") != unit.seed)
        file = self.file(unit)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        pl.concat([others, pl.DataFrame(rows, schema=SCHEMA)]).sort("seed", "by").write_parquet(
            part
        )
        part.replace(file)

    def all(self) -> pl.DataFrame:
        """Every row."""
        frames = [pl.read_parquet(file) for file in sorted(self.folder.glob("*/*.parquet"))]
        return pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)


def units(
    methods: list[Method],
    problems: list[str],
    workers: list[int],
    seeds: int,
    trainings: int,
    slow_seeds: int,
) -> Iterator[Unit]:
    """Every run that was asked for, seed by seed, so that an early look is fair."""
    for seed in range(seeds):
        for name in problems:
            for count in workers:
                for method in methods:
                    if seed < (slow_seeds if method.slow else seeds):
                        yield Unit(name, method, count, seed, trainings)
