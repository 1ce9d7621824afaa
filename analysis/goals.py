"""What a sweep is judged by beside its metric: further objectives, limits that trials keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.metrics import Mode


@dataclass(frozen=True)
class Goal:
    """One of the objectives of a sweep.

    Attributes:
        metric: its name.
        mode: ``min`` or ``max``.
    """

    metric: str
    mode: Mode

    @property
    def sign(self) -> int:
        """Factor that makes it one to minimise."""
        return -1 if self.mode == "max" else 1


def goals_of(raw: Mapping[str, Any], only: Goal) -> tuple[Goal, ...]:
    """The objectives that a run's metadata name; ``only`` where they name none."""
    return tuple(
        Goal(str(each["metric"]), "max" if each["mode"] == "max" else "min")
        for each in raw.get("objectives") or ()
    ) or (only,)


def keeps_of(epochs: pl.DataFrame) -> NDArray[np.bool_]:
    """Which epochs break no limit: bool (epochs,); all of a run without limits."""
    if "keeps" not in epochs.columns:
        return np.ones(len(epochs), dtype=np.bool_)
    return epochs["keeps"].fill_null(value=True).to_numpy()


def broken_note(trials: pl.DataFrame, limits: Sequence[str]) -> tuple[str, ...]:
    """A line that says how many trials break the limits and are compared nowhere."""
    if not limits or "keeps" not in trials.columns:
        return ()
    keeps = trials["keeps"].drop_nulls()
    broken = len(keeps) - int(keeps.sum())
    if not broken:
        return ()
    break_ = "trial breaks" if len(keeps) == 1 else "trials break"
    return (
        f"{broken} of {len(keeps)} {break_} {', '.join(limits)} at every epoch; no figure or "
        f"number counts them",
    )
