"""Which way a parameter pushes the objective: Spearman's rank correlation with the loss.

It sees directions, not importance: a parameter that is best in the middle of its range
has none. Choices have no order and are left out, and a conditional parameter is looked
at where it acts.

Source: Spearman, The proof and measurement of association between two things, Am. J.
    Psychol. 15 (1904); of intervals see ``analysis.importance.spearman``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from analysis.encoding import active_points
from analysis.fidelity import Fidelity, comparable
from analysis.importance.effects import too_few
from analysis.importance.spearman import spearman
from analysis.load import Run
from analysis.parameters import Parameter
from searchspaces import Choice

FEW = 10
"""Trials below which nothing is said of a parameter."""
MANY = 300
"""Trials above which the interval comes from a formula and not from resamples."""
_NAMED = 4


@dataclass(frozen=True)
class RankCorrelation:
    """How one parameter goes with the loss.

    Attributes:
        name: the parameter.
        rho: Spearman's correlation with the loss, from -1 to 1; below 0, higher is better.
        low: lower end of its 95 % interval.
        high: its upper end.
        trials: in how many of the trials it acts.
    """

    name: str
    rho: float
    low: float
    high: float
    trials: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves no doubt about the direction."""
        return self.low > 0 or self.high < 0

    @property
    def direction(self) -> str:
        """``higher is better``, ``lower is better`` or ``no direction``."""
        if not self.clear:
            return "no direction"
        return "higher is better" if self.rho < 0 else "lower is better"


@dataclass(frozen=True)
class RankCorrelations:
    """Which parameters go up or down with the loss.

    Attributes:
        fidelity: the trials compared and the epoch.
        parameters: strongest first; empty if withheld.
        skipped: parameters without an order, or that act in too few trials.
        withheld: why there is nothing to say, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    parameters: tuple[RankCorrelation, ...] = ()
    skipped: tuple[str, ...] = ()
    withheld: str = ""

    def words(self) -> tuple[str, ...]:
        """``higher is better: hidden_size (0.61)``, how strongly, and the other way round."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        lines = []
        for direction in ("higher is better", "lower is better"):
            # Many are looked at, so those are named that a wider interval leaves clear.
            found = [
                each
                for each in self.parameters
                if each.direction == direction and 1.5 * (each.high - each.low) < 2 * abs(each.rho)
            ]
            if found:
                names = ", ".join(f"{each.name} ({abs(each.rho):.2f})" for each in found[:_NAMED])
                lines.append(f"{direction}: {names}")
        return tuple(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **self.fidelity.as_dict(),
            "parameters": [
                {**asdict(each), "direction": each.direction} for each in self.parameters
            ],
            "skipped": list(self.skipped),
            "withheld": self.withheld,
        }


def rank_correlations(
    run: Run, fidelity: Fidelity | None = None, *, seed: int = 0
) -> RankCorrelations:
    """Rank correlation of each ordered parameter with the loss, at equal fidelity.

    Args:
        run: the run.
        fidelity: the trials and epoch; by default ``comparable(run)``.
        seed: of the resamples behind intervals.
    """
    group = comparable(run) if fidelity is None else fidelity
    known = RankCorrelations(group)
    if not run.meta.parameters:
        return replace(known, withheld="every parameter is a constant")
    if group.trials < FEW:
        return replace(known, withheld=too_few(group, FEW))
    losses = run.meta.sign * group.scores
    if losses[0] == losses[-1]:
        return replace(known, withheld=f"every trial has the same {run.meta.metric}")
    points = active_points(run.trials[group.rows], run.meta.parameters)
    found: list[RankCorrelation] = []
    skipped: list[str] = []
    for column, parameter in enumerate(run.meta.parameters):
        acts = np.isfinite(points[:, column])
        places, own = points[acts, column], losses[acts]
        if not _ordered(parameter) or len(own) < FEW or not np.ptp(places) or not np.ptp(own):
            skipped.append(parameter.name)
            continue
        rank = spearman(places, own, seed=seed, many=MANY)
        if rank is not None:
            found.append(RankCorrelation(parameter.name, *rank, len(own)))
    found.sort(key=lambda each: -abs(each.rho))
    return replace(known, parameters=tuple(found), skipped=tuple(skipped))


def _ordered(parameter: Parameter) -> bool:
    return not isinstance(parameter.domain, Choice) or parameter.domain.ordered
