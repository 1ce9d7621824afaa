"""Where in the space trials fail: one split of one parameter, if that is no chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from analysis.encoding import active_points
from analysis.fidelity import IntArray
from analysis.load import Run
from analysis.parameters import FloatArray, Parameter, plain
from analysis.warnings.settings import option, snippet
from searchspaces import Choice, Float, Int, Value, domain_from_unit

SURE = 0.01
"""Probability of such a pattern by chance, over all splits tried."""


@dataclass(frozen=True)
class Region:
    """A part of one parameter's range in which trials fail.

    Attributes:
        name: the parameter.
        side: ``above`` or ``below`` the value, or ``at`` it, for a choice.
        value: where the region begins.
        hits: trials that failed so in it.
        inside: trials in it that failed so or did not fail.
        of: all trials that failed so.
        p: probability of a split as good by chance, corrected for all splits and causes tried.
        key: what to set to leave the region out; empty where nothing can be set.
        narrowed: the value to set it to: a bound, or the values left; None if there is no key.
        keeps_winner: whether the best trial lies outside.
    """

    name: str
    side: str
    value: Value
    hits: int
    inside: int
    of: int
    p: float
    key: str = ""
    narrowed: Value | tuple[Value, ...] | None = None
    keeps_winner: bool = True

    @property
    def yaml(self) -> str:
        """The narrowed range as lines for a sweep file; empty if there is none."""
        return snippet({self.key: self.narrowed}) if self.key else ""

    def words(self) -> tuple[str, ...]:
        """Where trials failed, and the range that leaves that out."""
        side = "=" if self.side == "at" else f" {self.side} "
        which = f"{self.name}{side}{plain(self.value)}"
        seen = f"{self.hits} of the {self.inside} trials with {which} failed so"
        if self.hits == self.inside:
            seen = f"all {self.inside} trials with {which} failed so"
        if not self.keeps_winner:
            return (f"{seen}, but the best trial is one of them",)
        return (seen, option(self.key, self.narrowed)) if self.key else (seen,)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        narrowed = list(self.narrowed) if isinstance(self.narrowed, tuple) else self.narrowed
        return {**asdict(self), "narrowed": narrowed, "yaml": self.yaml}


def failing_region(
    run: Run,
    failed: Sequence[int],
    others: NDArray[np.bool_],
    winner: int | None,
    causes: int = 1,
) -> Region | None:
    """The split that parts failed trials best from others, if it is clear.

    Every split of a numeric range, on both sides, and every value of a choice is tried.
    The chance that a region holds so many of the failed trials is hypergeometric
    (Fisher's exact test), times the number of splits and causes tried (Bonferroni); below 1 % the
    best is told if at least half of the trials in it failed, and half of those that failed
    lie in it. A trial that was pruned counts as one that did not fail.

    Args:
        run: the run.
        failed: rows of ``run.trials`` that failed for one cause.
        others: rows that did not fail, bool (trials,).
        winner: the best trial's row; None if there is none.
        causes: for how many causes a region is sought.

    Source: Fisher, Statistical Methods for Research Workers (1934), section 21.02.
    """
    rows = np.concatenate([np.asarray(failed, dtype=np.int64), np.flatnonzero(others)])
    bad = np.arange(len(rows)) < len(failed)
    if len(failed) < 2 or bad.all() or not run.meta.parameters:
        return None
    points = active_points(run.trials[rows], run.meta.parameters)
    tried = 0
    found: tuple[float, Parameter, Splits, int] | None = None
    for column, parameter in enumerate(run.meta.parameters):
        splits = _splits(parameter, points[:, column], bad)
        hits_of, inside_of = splits.hits, splits.inside
        tried += len(hits_of)
        able = np.flatnonzero((2 * hits_of >= np.maximum(inside_of, len(failed)))
                              & (hits_of * len(rows) > inside_of * len(failed)))  # fmt: skip
        if not len(able):
            continue
        chances = _log_chance(len(rows), len(failed), inside_of[able], hits_of[able])
        best = int(np.argmin(chances))
        if found is None or chances[best] < found[0]:
            found = (float(chances[best]), parameter, splits, int(able[best]))
    if found is None:
        return None
    _, parameter, splits, at = found
    side, edge, beyond = splits.sides[at], float(splits.edges[at]), float(splits.beyonds[at])
    hits, inside = int(splits.hits[at]), int(splits.inside[at])
    p = min(1.0, causes * tried * _tail(len(rows), len(failed), inside, hits))
    if p >= SURE:
        return None
    keeps = True
    if winner is not None:
        place = active_points(run.trials[[winner]], [parameter])[0, 0]
        keeps = not bool(_inside(np.array([place]), side, edge, beyond)[0])
    value = _between(parameter, edge, beyond)
    key, narrowed = _narrowed(parameter, side, value) if keeps else ("", None)
    return Region(
        parameter.name, side, value, hits, inside, len(failed), p,
        key, narrowed, keeps,
    )  # fmt: skip


@dataclass(frozen=True)
class Splits:
    """Candidates along one parameter, each of shape (splits,).

    Attributes:
        sides: ``above``, ``below`` or ``at``.
        edges: the last coordinate outside.
        beyonds: the first inside.
        hits: failed trials inside.
        inside: all trials inside.
    """

    sides: list[str]
    edges: FloatArray
    beyonds: FloatArray
    hits: IntArray
    inside: IntArray


def _splits(parameter: Parameter, places: FloatArray, bad: NDArray[np.bool_]) -> Splits:
    known = np.isfinite(places)
    values = np.unique(places[known])
    order = np.searchsorted(values, places[known])
    counts = np.bincount(order, minlength=len(values))
    fails = np.bincount(order, weights=bad[known], minlength=len(values)).astype(np.int64)
    if isinstance(parameter.domain, Choice) and not parameter.domain.ordered:
        return Splits(["at"] * len(values), values, values, fails, counts)
    below, failed_below = np.cumsum(counts)[:-1], np.cumsum(fails)[:-1]
    low, high = values[:-1], values[1:]

    def in_turn(under: Any, over: Any) -> Any:
        return np.stack([under, over], axis=1).ravel()

    return Splits(
        ["below", "above"] * len(below),
        in_turn(high, low),
        in_turn(low, high),
        in_turn(failed_below, fails.sum() - failed_below),
        in_turn(below, counts.sum() - below),
    )


def _inside(places: FloatArray, side: str, edge: float, beyond: float) -> NDArray[np.bool_]:
    if side == "at":
        return np.equal(places, edge)
    return np.greater_equal(places, beyond) if side == "above" else np.less_equal(places, beyond)


def _log_chance(trials: int, failed: int, inside: IntArray, hits: IntArray) -> FloatArray:
    """Logarithm of the probability that ``hits`` of ``inside`` trials drawn are failed ones."""
    found: FloatArray = (
        _log_choose(failed, hits)
        + _log_choose(trials - failed, inside - hits)
        - _log_choose(trials, inside)
    )
    return found


def _log_choose(of: int, count: IntArray) -> FloatArray:
    from scipy.special import gammaln

    found: FloatArray = gammaln(of + 1) - gammaln(count + 1) - gammaln(of - count + 1)
    return found


def _tail(trials: int, failed: int, inside: int, hits: int) -> float:
    """Probability that at least ``hits`` of ``inside`` trials drawn are failed ones."""
    further = np.arange(hits, min(failed, inside) + 1)
    drawn = np.full(len(further), inside)
    return float(np.exp(_log_chance(trials, failed, drawn, further)).sum())


def _between(parameter: Parameter, edge: float, beyond: float) -> Value:
    """The roundest value from the last outside to before the first inside the region."""
    outside, inside = (domain_from_unit(parameter.domain, place) for place in (edge, beyond))
    if not isinstance(parameter.domain, Float) or parameter.domain.step is not None:
        return outside
    first, last = float(cast("float", outside)), float(cast("float", inside))
    middle = math.sqrt(first * last) if parameter.log else (first + last) / 2
    for digits in range(1, 17):
        value = float(f"{middle:.{digits - 1}e}")
        if min(first, last) < value < max(first, last):
            return value
    return first


def _narrowed(
    parameter: Parameter, side: str, value: Value
) -> tuple[str, Value | tuple[Value, ...] | None]:
    """The key and what to set it to, to leave the region out."""
    domain, key = parameter.domain, f"{parameter.group}.{parameter.name}"
    if isinstance(domain, Float | Int):
        return f"{key}.{'high' if side == 'above' else 'low'}", value
    place = domain.index_of(value)
    left = {
        "at": domain.values[:place] + domain.values[place + 1 :],
        "above": domain.values[: place + 1],
        "below": domain.values[place:],
    }[side]
    return f"{key}.values", tuple(left)
