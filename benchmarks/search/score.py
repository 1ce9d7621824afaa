"""What rows say: mean ranks with intervals, regrets, and how soon one method reaches another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Table:
    """Regrets of methods on problems.

    Attributes:
        problems: names, p of them.
        methods: names, m of them.
        regrets: shape (p, m, seeds, trainings); NaN where there is none.
    """

    problems: list[str]
    methods: list[str]
    regrets: Floats

    def at(self, budget: int) -> Floats:
        """Regrets after so many full trainings, shape (p, m, seeds)."""
        found: Floats = self.regrets[..., budget - 1]
        return found

    def median(self, budget: int) -> Floats:
        """The median over seeds, shape (p, m)."""
        return _median(self.at(budget))


def table(rows: pl.DataFrame, *, by: str, workers: int, methods: list[str] | None = None) -> Table:
    """The regrets of one axis and number of workers.

    Args:
        rows: of the benchmark.
        by: ``epochs`` or ``seconds``.
        workers: trials at a time.
        methods: which, in what order; all by default.
    """
    some = rows.filter((pl.col("by") == by) & (pl.col("workers") == workers))
    problems = sorted(some["problem"].unique())
    known = sorted(some["method"].unique())
    names = known if methods is None else [name for name in methods if name in known]
    seeds = int(some["seed"].max() or 0) + 1 if len(some) else 0  # type: ignore[arg-type]  # whole
    length = max(map(len, some["regrets"]), default=0)
    regrets = np.full((len(problems), len(names), seeds, length), np.nan)
    for row in some.iter_rows(named=True):
        if row["method"] in names:
            place = problems.index(row["problem"]), names.index(row["method"]), row["seed"]
            values = [np.nan if value is None else value for value in row["regrets"]]
            regrets[place][: len(values)] = values
    # Where no optimum is known, a run may have found something better than the reference.
    for index in range(len(problems)):
        least = np.nanmin(regrets[index], initial=0.0)
        regrets[index] -= min(least, 0.0)
    return Table(problems, names, regrets)


def ranks(found: Table, budget: int) -> tuple[Floats, Floats, Floats]:
    """Mean rank of each method, 1 the best, and a 95 % interval.

    A method's rank on a problem is one more than the number of the others that were better,
    averaged over the seeds that both have: where all have the same seeds, the mean rank.
    The mean over the :func:`shared` problems; seeds are resampled within each problem for
    the interval.

    Returns:
        mean, low and high, each of shape (m,); NaN if there is no such problem.
    """
    rng = np.random.default_rng(0)
    means: list[Floats] = []
    draws: list[Floats] = []
    for values in found.at(budget)[shared(found, budget)]:  # (m, seeds)
        seeds = values.shape[1]
        counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES)
        weights = np.concatenate([np.ones((1, seeds)), counts])  # (1 + resamples, seeds)
        both = np.isfinite(values[:, None]) & np.isfinite(values[None])  # (m, m, seeds)
        worse = np.where(values[:, None] > values[None], 1.0, 0.0)
        worse += 0.5 * (values[:, None] == values[None])
        lost = np.einsum("bs,ijs->bij", weights, np.where(both, worse, 0.0))
        times = np.einsum("bs,ijs->bij", weights, both.astype(float))
        with np.errstate(invalid="ignore", divide="ignore"):
            share = lost / times
        # A draw without a seed that two methods share says nothing new about these two.
        share = np.where(np.isnan(share), share[:1], share)
        share[:, np.arange(len(values)), np.arange(len(values))] = 1.0  # itself: rank 1
        rank = share.sum(axis=2)
        means.append(rank[0])
        draws.append(rank[1:])
    if not means:
        nothing = np.full(len(found.methods), np.nan)
        return nothing, nothing, nothing
    mean = np.mean(means, axis=0)
    low, high = np.quantile(np.mean(draws, axis=0), [0.025, 0.975], axis=0)
    return mean, low, high


def shared(found: Table, budget: int) -> NDArray[np.bool_]:
    """The problems on which any two methods have a seed in common, shape (p,)."""
    there = np.isfinite(found.at(budget))
    both = np.einsum("pis,pjs->pij", there.astype(float), there.astype(float)) > 0
    everywhere: NDArray[np.bool_] = np.all(both.reshape(len(there), -1), axis=1)
    return everywhere


def reached(found: Table, method: str, goal: str, budget: int) -> Floats:
    """Full trainings after which a method has the median regret that another has at a budget.

    Returns:
        shape (p,); infinity where it never has.
    """
    ours, theirs = (
        _median(found.regrets[:, found.methods.index(name)], axis=1) for name in (method, goal)
    )
    there = ours <= theirs[:, budget - 1 : budget] + 1e-12
    return np.where(there.any(axis=1), there.argmax(axis=1) + 1.0, np.inf)


def _median(values: Floats, axis: int = -1) -> Floats:
    """The median of what is there; NaN where nothing is."""
    empty = ~np.isfinite(values).any(axis=axis, keepdims=True)
    found: Floats = np.nanmedian(np.where(empty, np.inf, values), axis=axis)
    return np.where(np.isfinite(found), found, np.nan)
