"""Best trials at a bound of a range: the optimum may lie beyond it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.encoding import active_points
from analysis.fidelity import Fidelity
from analysis.load import Run
from analysis.parameters import Parameter
from analysis.warnings.settings import option, snippet
from searchspaces import Choice, Float, Int

TOP = 5
FEW = 4
_EDGE = 0.1
_CHANCE = 0.02


@dataclass(frozen=True)
class AtBound:
    """A range that the best trials press against.

    Attributes:
        name: the parameter.
        key: what to set, such as ``space.hidden_size.high``.
        value: a wider bound to try.
        hits: how many of the best trials lie at the bound, one a config.
        best: in how many of the best 5 the parameter acts.
        where: the place in words, such as ``the top tenth of 16..256``.
    """

    name: str
    key: str
    value: float
    hits: int
    best: int
    where: str

    def words(self) -> tuple[str, ...]:
        """Two lines: what was seen, and what to type."""
        seen = f"{self.hits} of the best {self.best} lie"
        if self.best < TOP:
            seen = f"of the best {TOP} it acts in {self.best}, and {self.hits} of these lie"
        return (
            f"{self.name}: {seen} {self.where}",
            option(self.key, self.value),
        )

    @property
    def yaml(self) -> str:
        """The widened range as lines for a sweep file."""
        return snippet({self.key: self.value})

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "yaml": self.yaml, "words": self.words()}


def at_bounds(run: Run, group: Fidelity) -> tuple[AtBound, ...]:
    """Parameters of which the best trials lie at a bound more often than chance explains.

    Looks at the best 5 configs of ``group``, each by its best trial, of which at least 4
    must lie in the outer tenth of the range, or at its last value if the range is a coarse
    grid. A bound that cannot be widened (0 dropout, 1 layer, a choice) or was guessed from
    the values is not reported. Nor is one where the best score no better than the worst.
    """
    parameters = run.meta.parameters
    points = active_points(run.trials[group.rows], parameters)
    # Repeats of one config lie at one place, whatever chance does.
    firsts = np.unique(np.nan_to_num(points, nan=-1.0), axis=0, return_index=True)[1]
    if len(firsts) < 2 * TOP or not parameters:
        return ()
    best = np.sort(firsts)[:TOP]
    if group.scores[best[-1]] == group.scores[-1]:
        return ()
    points = points[best]
    found = []
    for column, parameter in enumerate(parameters):
        places = points[:, column][np.isfinite(points[:, column])]
        for bound in ("low", "high"):
            warning = _check(parameter, places, bound)
            if warning is not None:
                found.append(warning)
    return tuple(found)


def _check(parameter: Parameter, places: Any, bound: str) -> AtBound | None:
    wider = None if parameter.inferred else _wider(parameter, bound)
    if wider is None or len(places) < FEW:
        return None
    cells = parameter.cells()
    edge, where = _EDGE, f"in the {'top' if bound == 'high' else 'bottom'} tenth of"
    if cells is not None:
        edges = cells[1]
        width = float(edges[1] if bound == "low" else 1 - edges[-2])
        if width > _EDGE:
            edge, where = width, f"at the {'upper' if bound == 'high' else 'lower'} end of"
    hits = int(((places <= edge) if bound == "low" else (places >= 1 - edge)).sum())
    if hits < FEW or _tail(len(places), hits, edge) > _CHANCE:
        return None
    return AtBound(
        parameter.name, f"{parameter.group}.{parameter.name}.{bound}", wider, hits, len(places),
        f"{where} {parameter.range_words()}",
    )  # fmt: skip


def _tail(trials: int, hits: int, chance: float) -> float:
    """Probability of at least ``hits`` of ``trials`` at the bound if they were uniform draws."""
    return sum(
        math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k)
        for k in range(hits, trials + 1)
    )


def _wider(parameter: Parameter, bound: str) -> float | None:
    """A bound one step further out; None where there is no further."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        return None
    up = bound == "high"
    if isinstance(domain, Int):
        if not up and domain.low <= 1:
            return None
        factor = domain.powers_of or 2
        if parameter.log:
            return domain.high * factor if up else max(1, domain.low // factor)
        span = domain.high - domain.low
        step = domain.step or 1
        more = max(step, round(span / 2 / step) * step)
        return domain.high + more if up else max(min(1, domain.low), domain.low - more)
    return _wider_float(domain, up=up)


def _wider_float(domain: Float, *, up: bool) -> float | None:
    if domain.log:
        factor = max(2.0, (domain.high / domain.low) ** 0.25)
        return _round(domain.high * factor if up else domain.low / factor)
    if not up and domain.low == 0:
        return None
    half = (domain.high - domain.low) / 2
    if up:
        # What lies within 0..1 is taken for a probability, which ends at 1.
        if domain.low >= 0 and domain.high == 1:
            return None
        inside = domain.low >= 0 and domain.high < 1
        wider = min((1 + domain.high) / 2, domain.high + half) if inside else domain.high + half
        return round(wider, 10)
    return round(domain.low / 2 if 0 < domain.low <= half else domain.low - half, 10)


def _round(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten, on a log scale."""
    exponent = math.floor(math.log10(value))
    candidates = [m * 10.0**e for e in (exponent, exponent + 1) for m in (1, 2, 5)]
    nearest = min(candidates, key=lambda x: abs(math.log(x / value)))
    return float(f"{nearest:.0e}")
