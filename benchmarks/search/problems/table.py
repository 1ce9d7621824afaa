"""Real learning curves, recorded once: the nearest recorded config stands for a suggested one.

``benchmarks/search/record.py`` makes the table. Each config was trained with two seeds: the
searcher is shown the one, and judged by the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.problems.base import Floats, Problem
from searchspaces import Choice, Config, Float, GruSpace, Int, JointSpace, Training

CONFIGS, EPOCHS = 150, 27
TABLE = Path(__file__).resolve().parent.parent / "curves" / "gru-spoken-arabic-digits.parquet"


def gru_space() -> JointSpace:
    """The recorded space: small GRUs, and how they are trained."""
    return JointSpace(
        GruSpace(num_layers=Int(1, 2), hidden_size=Int(8, 64, log=True)),
        Training(
            optimizer=Choice(("adam", "rmsprop")),
            momentum=Float(0.0, 0.95),
            learning_rate=Float(1e-4, 1e-1, log=True),
            batch_size=Int(16, 256, powers_of=2),
        ),
    )


class Table(Problem):
    """A table of losses and seconds, by config, seed and epoch."""

    name = "gru"
    use = "release"
    about = "recorded curves of GRUs on spoken Arabic digits, 7 parameters, 2 of them conditional"
    max_epochs = EPOCHS

    def missing(self) -> str:
        """Whether all of the table was recorded."""
        there = len(self.recorded[0]) if TABLE.is_file() else 0
        more = f"{there} of {CONFIGS} configs are recorded. Run: python -m benchmarks.search.record"
        return more if there < CONFIGS else ""

    def make_space(self) -> JointSpace:
        """What was recorded."""
        return gru_space()

    @cached_property
    def recorded(self) -> tuple[Floats, Floats, Floats]:
        """Points (n, d), losses (n, 2, epochs) and seconds per epoch (n,) of complete configs."""
        import polars as pl

        rows = pl.read_parquet(TABLE).sort("index", "seed")
        points, losses, seconds = [], [], []
        for _, group in rows.group_by("index", maintain_order=True):
            if len(group) == 2:
                values = {
                    name: group[f"config.{name}"][0]
                    for name in self.space.cube().names
                    if group[f"config.{name}"][0] is not None
                }
                points.append(point_of(self.space, self.space.validate(values)))
                losses.append([list(curve) for curve in group["losses"]])
                seconds.append(float(np.median(np.concatenate([*group["seconds"]]))))
        return np.array(points), np.array(losses), np.array(seconds)

    def nearest(self, config: Config) -> int:
        """The row of the recorded config that is nearest in the unit cube."""
        distance = np.abs(self.recorded[0] - point_of(self.space, config))
        kinds = np.array(self.space.cube().kinds)
        distance[:, kinds == "unordered"] = 2.0 * (distance[:, kinds == "unordered"] > 0)
        return int(np.argmin((distance**2).sum(axis=1)))

    @property
    def optimum(self) -> float:
        """The least recorded loss."""
        return float(self.recorded[1].min())

    def optimum_of(self, seed: int) -> float:
        """The least loss by the training seed that judges this run."""
        return float(self.recorded[1][:, 1 - seed % 2].min())

    def train(self, config: Config, seed: int) -> Iterator[float]:
        """The recorded curve of one of the two seeds."""
        yield from self.recorded[1][self.nearest(config), seed % 2].tolist()

    def value(self, config: Config, epoch: int, seed: int) -> float:
        """What the other seed gave."""
        return float(self.recorded[1][self.nearest(config), 1 - seed % 2, epoch - 1])

    def seconds(self, config: Config) -> float:
        """As recorded, the median epoch."""
        return float(self.recorded[2][self.nearest(config)])


def point_of(space: JointSpace, config: Config) -> Floats:
    """The unit cube, -1 for what is inactive: as far away as the other end and more."""
    return np.nan_to_num(space.cube().to_unit(config), nan=-1.0)


def columns(config: Config) -> dict[str, Any]:
    """A config as columns of the table; None for what is inactive."""
    return {f"config.{name}": config.get(name) for name in gru_space().cube().names}


PROBLEMS = (Table,)
