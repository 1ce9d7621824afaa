"""Which strategy finds better trials for the same number of epochs, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.comparison.agreement import SCORE, require_same
from analysis.comparison.differences import Difference, differences_of, winner_of
from analysis.comparison.incumbent import Incumbent, incumbent
from analysis.comparison.statistics import (
    half_width,
    mean_ranks,
    rank_interval,
    rank_shares,
)
from analysis.comparison.strategies import Strategy, strategies
from analysis.fidelity import IntArray, reached
from analysis.load import Run
from analysis.metrics import Mode
from analysis.parameters import FloatArray
from analysis.typed import resume
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Standing:
    """One strategy among those compared.

    Attributes:
        name: of the strategy.
        runs: ids of its repeats, by seed.
        seeds: of its repeats.
        curves: incumbents, shape (repeats, budgets), NaN before a repeat's first.
        to_target: epochs each repeat spent until it was as good as the common target.
        ranks: mean rank among the strategies, 1 is best, shape (budgets,); NaN while no
            strategy has a score in every repeat.
        rank_interval: 95 % interval of the last rank; None for single runs.
        first: share of the repeats in which it ends first, ties shared.
    """

    name: str
    runs: tuple[str, ...]
    seeds: tuple[Any, ...]
    curves: FloatArray
    to_target: tuple[int, ...]
    ranks: FloatArray
    rank_interval: tuple[float, float] | None
    first: float

    @property
    def repeats(self) -> int:
        """How many runs it has."""
        return len(self.runs)

    @property
    def finals(self) -> FloatArray:
        """The best score of each repeat after the common budget, shape (repeats,)."""
        return self.curves[:, -1]

    @property
    def mean(self) -> float:
        """Of the final scores."""
        return float(self.finals.mean())

    @property
    def half(self) -> float | None:
        """Half the 95 % interval of that mean; None from one repeat."""
        return float(half_width(self.finals)) if self.repeats > 1 else None

    @property
    def rank(self) -> float:
        """The mean rank after the common budget."""
        return float(self.ranks[-1])


@dataclass(frozen=True)
class Comparison:
    """Strategies at the same cost.

    Attributes:
        metric: what trials are judged by.
        mode: which way it improves.
        data: data set and split, in words.
        epoch: trials count with their best score up to this epoch, once they reached it.
        max_epochs: the most epochs of a full trial in any run.
        spent: epochs, the common budget: the least that a run spent.
        budgets: epochs at which any incumbent changed, and ``spent``; ascending.
        standings: the strategies, best mean first.
        differences: every pair of strategies.
        paired: whether repeats of equal seeds are compared with each other.
        target: the score that every run reached.
        winner: the strategy that is better than every other, surely; None if there is none.
        ahead_from: epochs spent from which the leader's mean is better than all others'
            to the end; None for one strategy, or if two end equal.
        notes: what else to know.
    """

    metric: str
    mode: Mode
    data: str
    epoch: int
    max_epochs: int
    spent: int
    budgets: IntArray
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]
    paired: bool
    target: float
    winner: str | None
    ahead_from: int | None
    notes: tuple[str, ...] = ()

    @property
    def sign(self) -> int:
        """Factor that makes scores ones to minimise."""
        return -1 if self.mode == "max" else 1

    @property
    def leader(self) -> Standing:
        """The strategy with the best mean."""
        return self.standings[0]

    @property
    def closest(self) -> Difference | None:
        """The leader's least certain lead; None for one strategy."""
        led = [pair for pair in self.differences if pair.better == self.leader.name]
        return max(led, key=lambda pair: 2.0 if pair.p is None else pair.p, default=None)

    def words(self) -> tuple[str, ...]:
        """The verdict, a line a strategy, and what it takes to be surer."""
        from analysis.comparison.words import words

        return words(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        from analysis.comparison.words import as_dict

        return as_dict(self)


def compare_runs(runs: Sequence[Run], *, seed: int = 0) -> Comparison:
    """Compare strategies over the epochs that all runs spent.

    Runs of one strategy are repeats of it (see :func:`strategies`). Every run is judged by
    its best trial at one epoch of training: the furthest that each run reached.

    Args:
        runs: at least two, each once.
        seed: of what is drawn for intervals of ranks.

    Raises:
        UsageError: the runs differ in metric, data set, split or limits, or one has no results.
    """
    require_same(runs, SCORE, "compared")
    sign = runs[0].meta.sign
    groups = strategies(runs)
    epoch, steps, spent = _common(runs)
    changes = np.unique(np.concatenate([step.budgets for step in steps.values()]))
    budgets = np.append(changes[changes < spent], spent).astype(np.int64)
    curves = [np.stack([steps[r.meta.run].at(budgets) for r in group.runs]) for group in groups]
    paired = _pairs(groups)
    losses = [sign * values for values in curves]
    target = sign * max(float(values[:, -1].max()) for values in losses)
    ranks = mean_ranks(losses, paired=paired)
    ranks[:, ~_any_whole(losses)] = np.nan
    shares = rank_shares([values[:, -1] for values in losses], paired=paired, seed=seed)
    count = min(len(group.runs) for group in groups)
    order = sorted(range(len(groups)), key=lambda index: (losses[index][:, -1].mean(), index))
    standings = tuple(
        Standing(
            groups[index].name,
            tuple(run.meta.run for run in groups[index].runs),
            groups[index].seeds,
            curves[index],
            tuple(_to(steps[run.meta.run], target, sign) for run in groups[index].runs),
            ranks[index],
            rank_interval(shares[index], count, seed),
            float(shares[index, 0]),
        )
        for index in order
    )
    differences = differences_of(standings, paired=paired)
    winner = winner_of(standings, differences)
    return Comparison(
        metric=runs[0].meta.metric,
        mode=runs[0].meta.mode,
        data=runs[0].meta.data,
        epoch=epoch,
        max_epochs=max(run.meta.max_epochs for run in runs),
        spent=spent,
        budgets=budgets,
        standings=standings,
        differences=differences,
        paired=paired,
        target=target,
        winner=winner,
        ahead_from=_ahead_from([losses[index] for index in order], budgets),
        notes=_notes(runs, groups, steps, spent),
    )


def _common(runs: Sequence[Run]) -> tuple[int, dict[str, Incumbent], int]:
    """The furthest epoch at which each run has a trial within the epochs that all spent.

    Raises:
        UsageError: a run has no results, or none within those epochs.
    """
    ends = [reached(run) for run in runs]
    for run, epochs in zip(runs, ends, strict=True):
        if not epochs.max(initial=0):
            raise UsageError(
                f"run {run.meta.run} has no results: no trial has finished an epoch. "
                f"Run: {resume(run.folder, run.meta.raw)}"
            )
    furthest = min(
        min(int(epochs.max()), run.meta.max_epochs) for run, epochs in zip(runs, ends, strict=True)
    )
    spent = min(len(run.epochs) for run in runs)
    known = np.unique(np.minimum(np.concatenate(ends), furthest))
    for epoch in known[known > 0][::-1].tolist():
        steps = {run.meta.run: incumbent(run, epoch) for run in runs}
        late = [name for name, step in steps.items() if not (step.budgets <= spent).any()]
        if not late:
            return epoch, steps, spent
    shortest = min(runs, key=lambda run: len(run.epochs))
    raise UsageError(
        f"run {late[0]} had no result after {spent} epochs, all that {shortest.meta.run} spent; "
        f"there is nothing to compare. Run: {resume(shortest.folder, shortest.meta.raw)}"
    )


def _pairs(groups: Sequence[Strategy]) -> bool:
    """Whether all strategies ran with the same seeds, each once."""
    first = groups[0].seeds
    return (
        len(groups) > 1
        and None not in first
        and len(set(first)) == len(first)
        and all(group.seeds == first for group in groups)
    )


def _any_whole(losses: Sequence[FloatArray]) -> Any:
    """Budgets at which some strategy has a score in every repeat: bool (budgets,)."""
    return np.any([np.isfinite(values).all(axis=0) for values in losses], axis=0)


def _to(steps: Incumbent, target: float, sign: int) -> int:
    there = steps.reaches(target, sign)
    return steps.spent if there is None else there


def _ahead_from(losses: Sequence[FloatArray], budgets: IntArray) -> int | None:
    """From which budget the first is better than all others on average, to the end."""
    if len(losses) < 2:
        return None
    means = np.stack([values.mean(axis=0) for values in losses])
    means = np.where(np.isnan(means), np.inf, means)
    behind = np.flatnonzero(~(means[0] < means[1:].min(axis=0)))
    start = int(behind[-1]) + 1 if len(behind) else 0
    return int(budgets[start]) if start < len(budgets) else None


def _notes(
    runs: Sequence[Run], groups: Sequence[Strategy], steps: dict[str, Incumbent], spent: int
) -> tuple[str, ...]:
    notes = []
    longest = max(step.spent for step in steps.values())
    if longest > spent:
        short = min(steps, key=lambda name: steps[name].spent)
        notes.append(
            f"compared up to {spent} epochs, all that {short} spent; others spent up to {longest}"
        )
    if len({run.meta.max_epochs for run in runs}) > 1:
        notes.append("full trials differ in epochs, so their learning rates may fall differently")
    for group in groups:
        twice = [
            seed for seed in set(group.seeds) if seed is not None and group.seeds.count(seed) > 1
        ]
        if twice:
            notes.append(
                f"{group.name} has several runs of seed {min(twice)}: repeats of one seed "
                f"scatter less than chance does"
            )
    untimed = [name for name, step in steps.items() if not step.timed]
    if untimed:
        notes.append(f"{untimed[0]} does not say when epochs ran; its trials count one by one")
    notes += [
        f"{run.meta.run}: {note}"
        for run in runs
        if not run.meta.finished
        for note in run.notes[-1:]
    ]
    return tuple(notes)
