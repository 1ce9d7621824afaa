"""Where in the space trials fail: one split of one parameter, if that is no chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.encoding import active_points
from analysis.load import Run
from analysis.parameters import FloatArray, Parameter, plain
from analysis.warnings.settings import option, snippet
from searchspaces import Choice, Float, Int, Scalar, domain_from_unit

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
        p: probability of a split as good by chance, corrected for all that were tried.
        key: what to set to leave the region out; empty where nothing can be set.
        narrowed: the value to set it to: a bound, or the values left; None if there is no key.
        keeps_winner: whether the best trial lies outside.
    """

    name: str
    side: str
    value: Scalar
    hits: int
    inside: int
    of: int
    p: float
    key: str = ""
    narrowed: Scalar | tuple[Scalar, ...] | None = None
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
    run: Run, failed: Sequence[int], others: NDArray[np.bool_], winner: int | None
) -> Region | None:
    """The split that parts failed trials best from others, if it is clear.

    Every split of a numeric range, on both sides, and every value of a choice is tried.
    The chance that a region holds so many of the failed trials is hypergeometric
    (Fisher's exact test), times the number of splits tried (Bonferroni); below 1 % the
    best is told if at least half of the trials in it failed, and half of those that failed
    lie in it. A trial that was pruned counts as one that did not fail.

    Args:
        run: the run.
        failed: rows of ``run.trials`` that failed for one cause.
        others: rows that did not fail, bool (trials,).
        winner: the best trial's row; None if there is none.

    Source: Fisher, Statistical Methods for Research Workers (1934), section 21.02.
    """
    rows = np.concatenate([np.asarray(failed, dtype=np.int64), np.flatnonzero(others)])
    bad = np.arange(len(rows)) < len(failed)
    if len(failed) < 2 or bad.all() or not run.meta.parameters:
        return None
    points = active_points(run.trials[rows], run.meta.parameters)
    tried = 0
    found: tuple[float, Parameter, str, float, float, int, int] | None = None
    for column, parameter in enumerate(run.meta.parameters):
        places = points[:, column]
        for side, edge, beyond, hits, inside in _splits(parameter, places, bad):
            tried += 1
            if 2 * hits < max(inside, len(failed)) or hits * len(rows) <= inside * len(failed):
                continue
            chance = _log_chance(len(rows), len(failed), inside, hits)
            if found is None or chance < found[0]:
                found = (chance, parameter, side, edge, beyond, hits, inside)
    if found is None:
        return None
    _, parameter, side, edge, beyond, hits, inside = found
    p = min(1.0, tried * _tail(len(rows), len(failed), inside, hits))
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


def _splits(
    parameter: Parameter, places: FloatArray, bad: NDArray[np.bool_]
) -> list[tuple[str, float, float, int, int]]:
    """Candidates: side, the last coordinate outside, the first inside, failed and all inside."""
    known = np.isfinite(places)
    values = np.unique(places[known])
    order = np.searchsorted(values, places[known])
    counts = np.bincount(order, minlength=len(values))
    fails = np.bincount(order, weights=bad[known], minlength=len(values)).astype(np.int64)
    if isinstance(parameter.domain, Choice) and not parameter.domain.ordered:
        return [
            ("at", float(value), float(value), int(hits), int(inside))
            for value, hits, inside in zip(values, fails, counts, strict=True)
        ]
    below, failed_below = np.cumsum(counts), np.cumsum(fails)
    candidates = []
    for place in range(len(values) - 1):
        low, high = float(values[place]), float(values[place + 1])
        hits, inside = int(failed_below[place]), int(below[place])
        candidates.append(("below", high, low, hits, inside))
        candidates.append(("above", low, high, int(fails.sum()) - hits, int(below[-1]) - inside))
    return candidates


def _inside(places: FloatArray, side: str, edge: float, beyond: float) -> NDArray[np.bool_]:
    if side == "at":
        return np.equal(places, edge)
    return np.greater_equal(places, beyond) if side == "above" else np.less_equal(places, beyond)


def _log_chance(trials: int, failed: int, inside: int, hits: int) -> float:
    """Logarithm of the probability that ``hits`` of ``inside`` trials drawn are failed ones."""
    return (
        _log_choose(failed, hits)
        + _log_choose(trials - failed, inside - hits)
        - _log_choose(trials, inside)
    )


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)


def _tail(trials: int, failed: int, inside: int, hits: int) -> float:
    """Probability that at least ``hits`` of ``inside`` trials drawn are failed ones."""
    most = min(failed, inside)
    return sum(math.exp(_log_chance(trials, failed, inside, k)) for k in range(hits, most + 1))


def _between(parameter: Parameter, edge: float, beyond: float) -> Scalar:
    """The roundest value from the last outside to before the first inside the region."""
    outside, inside = (domain_from_unit(parameter.domain, place) for place in (edge, beyond))
    if not isinstance(parameter.domain, Float) or parameter.domain.step is not None:
        return outside
    first, last = float(outside), float(inside)
    middle = math.sqrt(first * last) if parameter.log else (first + last) / 2
    for digits in range(1, 17):
        value = float(f"{middle:.{digits - 1}e}")
        if min(first, last) < value < max(first, last):
            return value
    return first


def _narrowed(
    parameter: Parameter, side: str, value: Scalar
) -> tuple[str, Scalar | tuple[Scalar, ...] | None]:
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
