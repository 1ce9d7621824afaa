"""When trials trained, and how many at once.

The tables say when each epoch was reported and how long it took, so that it trained
from the one time less the other on. Between its epochs a trial waits: for a moment, or
after a rung for those it is compared with, while its worker trains another.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from analysis.budget.times import UNKNOWN, began, epoch_times, seconds_taken
from analysis.fidelity import IntArray
from analysis.load import Run
from analysis.parameters import FloatArray

_GAP, _LONGEST_GAP = 0.1, 1.0
"""Epochs are one piece if at most this share of the longer one, and these seconds, lie between.

A rung always ends a piece: there a worker may have taken another trial at once.
"""
_SLACK = 1e-3
"""Pieces that overlap by less, in seconds, follow each other: clocks are that exact."""


@dataclass(frozen=True)
class Timeline:
    """Pieces of training in time; times are seconds since the first trial started.

    Attributes:
        pieces: a row for what a trial trained up to a rung or a pause, ordered by ``begin``:
            ``number``, ``begin``, ``end``, ``seconds`` in epochs, ``first`` and ``last`` epoch.
        began: when the first trial started, UTC.
        wall: seconds from there to the last end.
        trained: seconds spent in epochs, over all trials.
        workers: the most trials that trained at the same moment.
        machines: nodes the trials ran on.
        resumed: whether some trial went on after an interruption.
        unknown: why there is no timeline, else empty.
    """

    pieces: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)
    began: datetime | None = None
    wall: float = 0.0
    trained: float = 0.0
    workers: int = 0
    machines: int = 0
    resumed: bool = False
    unknown: str = ""

    @property
    def busy(self) -> float | None:
        """Share of the time of ``workers`` workers that was spent in epochs; None if unknown."""
        if self.wall <= 0 or not self.workers:
            return None
        return min(self.trained / (self.wall * self.workers), 1.0)

    def lanes(self) -> IntArray:
        """A lane for each piece, from 0, of which a pause frees it: shape (pieces,).

        A piece takes the lowest lane that is free, so that there are ``workers`` of them.
        Which worker it was the tables do not say.
        """
        begin, end = _spans(self.pieces)
        lanes = np.zeros(len(begin), dtype=np.int64)
        free: list[int] = []
        taken: list[tuple[float, int]] = []
        for place, start in enumerate(begin.tolist()):
            while taken and taken[0][0] <= start:
                heapq.heappush(free, heapq.heappop(taken)[1])
            lane = heapq.heappop(free) if free else len(taken)
            heapq.heappush(taken, (float(end[place]), lane))
            lanes[place] = lane
        return lanes

    def steps(self) -> tuple[FloatArray, IntArray]:
        """Edges of times, shape (steps + 1,), and how many trials trained between: (steps,)."""
        begin, end = (np.sort(self.pieces[name].to_numpy()) for name in ("begin", "end"))
        edges = np.unique(np.concatenate([[0.0, self.wall], begin, end]))
        middle = (edges[:-1] + edges[1:]) / 2
        return edges, np.searchsorted(begin, middle) - np.searchsorted(end, middle)

    def running(self, bins: int) -> tuple[FloatArray, FloatArray]:
        """Edges of times, shape (bins + 1,), and mean trials that trained between: (bins,)."""
        edges = np.linspace(0, max(self.wall, 1e-9), bins + 1)
        begin, end = (_ramps(self.pieces[name].to_numpy(), edges) for name in ("begin", "end"))
        return edges, np.diff(begin - end) / np.diff(edges)

    def words(self) -> tuple[str, ...]:
        """``2 at a time over 1:01:50, busy 92 % of the time``."""
        if self.busy is None:
            return ()
        share = round(100 * self.busy)
        return (f"{self.workers} at a time over {clock(self.wall)}, busy {share} % of the time",)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the pieces are left out."""
        return {
            "began": None if self.began is None else self.began.isoformat(),
            "wall_seconds": self.wall,
            "trained_seconds": self.trained,
            "workers": self.workers,
            "machines": self.machines,
            "busy": self.busy,
            "resumed": self.resumed,
            "unknown": self.unknown,
            "words": list(self.words()),
        }


def timeline(run: Run) -> Timeline:
    """Lay out when trials trained."""
    if not len(run.epochs):
        return Timeline(unknown="no trial has finished an epoch")
    times = epoch_times(run)
    if times is None:
        return Timeline(unknown=UNKNOWN)
    seconds = _epoch_seconds(run)
    if seconds is None:
        return Timeline(unknown="the tables do not say how long each epoch took")
    pieces = _pieces(run, times, seconds)
    trials = run.trials
    machines = trials["node"].drop_nulls().n_unique() if "node" in trials.columns else 0
    attempts = trials["attempts"].cast(pl.Int64) if "attempts" in trials.columns else pl.Series([1])
    resumed = bool((attempts > 1).any())
    return Timeline(pieces, began(run), seconds_taken(run, times), float(seconds.sum()),
                    _at_once(pieces), machines, resumed)  # fmt: skip


def _epoch_seconds(run: Run) -> FloatArray | None:
    """What each epoch took, shape (rows,); None if that is not known of all."""
    if "epoch_seconds" not in run.epochs.columns:
        return None
    column = run.epochs["epoch_seconds"].cast(pl.Float64, strict=False).fill_null(np.nan)
    seconds = column.to_numpy()
    return np.maximum(seconds, 0.0) if np.isfinite(seconds).all() else None


def _pieces(run: Run, times: FloatArray, seconds: FloatArray) -> pl.DataFrame:
    """Epochs of a trial that follow each other, as one."""
    number, epoch = (run.epochs[name].to_numpy() for name in ("number", "epoch"))
    begin = times - seconds
    gap = begin[1:] - times[:-1]
    small = np.minimum(_GAP * np.maximum(seconds[1:], seconds[:-1]), _LONGEST_GAP)
    opens = np.append(True, (gap > small) | (number[1:] != number[:-1]))
    if "rung" in run.epochs.columns:
        rung = run.epochs["rung"].fill_null(0).to_numpy()
        opens[1:] |= rung[1:] != rung[:-1]
    firsts = np.flatnonzero(opens)
    lasts = np.append(firsts[1:], len(opens)) - 1
    pieces = pl.DataFrame({
        "number": number[firsts],
        "begin": np.minimum.reduceat(begin, firsts),
        "end": np.maximum.reduceat(times, firsts),  # a clock that was set back ends nothing
        "seconds": np.add.reduceat(seconds, firsts),
        "first": epoch[firsts],
        "last": epoch[lasts],
    })  # fmt: skip
    return pieces.sort("begin", "number")


def _spans(pieces: pl.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Begin and end of the pieces, the end as early as the exactness of times lets it be.

    Imported times may be whole seconds: one trial then seems to begin before the other,
    in whose place it came, has ended.
    """
    begin, end = (pieces[name].to_numpy() for name in ("begin", "end"))
    since = end - end[:1]
    slack = 1.0 if (np.abs(since - np.rint(since)) < _SLACK / 2).all() else _SLACK
    return begin, end - np.minimum(slack, (end - begin) / 2)


def _at_once(pieces: pl.DataFrame) -> int:
    """The most pieces that overlap."""
    begin, end = _spans(pieces)
    running = np.arange(1, len(begin) + 1) - np.searchsorted(np.sort(end), begin, side="right")
    return int(np.max(running, initial=1))


def _ramps(starts: FloatArray, edges: FloatArray) -> FloatArray:
    """Sum over starts of ``max(edge - start, 0)`` at each edge."""
    starts = np.sort(starts)
    count = np.searchsorted(starts, edges, side="right")
    return np.asarray(count * edges - np.concatenate([[0.0], np.cumsum(starts)])[count])


def clock(seconds: float) -> str:
    """A time as ``m:ss``, or ``h:mm:ss`` from an hour on."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
