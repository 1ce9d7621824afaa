"""Strategies in pairs: how far they are apart, and whether that could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from analysis.comparison.statistics import holm, p_value
from analysis.parameters import FloatArray

SURE = 0.05
"""The p-value below which a difference is called one."""


class Scored(Protocol):
    """A strategy with the final score of each repeat."""

    @property
    def name(self) -> str:
        """Of the strategy."""

    @property
    def finals(self) -> FloatArray:
        """Shape (repeats,)."""

    @property
    def mean(self) -> float:
        """Of the final scores."""


@dataclass(frozen=True)
class Difference:
    """Two strategies against each other, after the common budget.

    Attributes:
        better: name of the one with the better mean.
        worse: name of the other.
        gap: how far their means are apart, not negative.
        p: two-sided p-value of this pair; None for single runs.
        adjusted: the same for the number of pairs (Holm).
        repeats_needed: of each strategy, to see a gap of this size four times in five;
            None where that cannot be told.
    """

    better: str
    worse: str
    gap: float
    p: float | None
    adjusted: float | None
    repeats_needed: int | None


def differences_of(standings: Sequence[Scored], *, paired: bool) -> tuple[Difference, ...]:
    """Every pair of strategies, given the best mean first.

    Args:
        standings: the strategies.
        paired: whether repeats at the same place belong together.
    """
    pairs = list(combinations(standings, 2))
    raw = [p_value(one.finals, other.finals, paired=paired) for one, other in pairs]
    adjusted = iter(holm([p for p in raw if p is not None]))
    return tuple(
        Difference(
            one.name,
            other.name,
            abs(one.mean - other.mean),
            p,
            None if p is None else next(adjusted),
            _needed(one.finals, other.finals, paired=paired),
        )
        for (one, other), p in zip(pairs, raw, strict=True)
    )


def _needed(one: FloatArray, other: FloatArray, *, paired: bool) -> int | None:
    """Repeats for a power of 0.8 at the gap and scatter that were seen, normal theory.

    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), ch. 2.
    """
    gap = abs(float(one.mean() - other.mean()))
    if min(len(one), len(other)) < 3 or not gap:
        return None
    variance = (one - other).var(ddof=1) if paired else one.var(ddof=1) + other.var(ddof=1)
    # Two more make up for what t loses to the normal with few repeats.
    return int(np.ceil((1.96 + 0.84) ** 2 * variance / gap**2)) + 2


def winner_of(standings: Sequence[Scored], differences: Sequence[Difference]) -> str | None:
    """The best mean, where it is surely better than every other; else None.

    Each pair is tested at the full level: to win, all must hold at once, which among equal
    strategies happens less often than one of them does.

    Source: Berger, Multiparameter hypothesis testing and acceptance sampling,
        Technometrics 24 (1982): the intersection-union test.
    """
    if len(standings) < 2:
        return None
    leader = standings[0].name
    led = [pair for pair in differences if pair.better == leader]
    return leader if all(pair.p is not None and pair.p < SURE for pair in led) else None
