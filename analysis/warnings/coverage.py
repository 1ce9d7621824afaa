"""How much of the space was tried: pairs of thirds, gaps, and how many trials that took."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.encoding import active_points
from analysis.fidelity import IntArray, comparable, full, reached
from analysis.load import Run
from analysis.metrics import plural
from analysis.parameters import FloatArray, Parameter, plain
from searchspaces import Choice, Value, domain_from_unit
from searchspaces.constraints import BoundConstraint
from searchspaces.domains import Parameter as AnyParameter
from searchspaces.flat import FlatSpace

PARTS = 3
"""Parts that a range is split into."""
PER_PARAMETER = 5
"""Trials a parameter below which a space counts as hardly tried."""
ENOUGH = 0.75
"""Share of the pairs of parts that should have been tried: what 12 random draws reach."""
_AIM = 0.9
_DRAWS = 1_024
_GAP = 0.4
_LONG = 1_000
_FEW_VALUES = 6


@dataclass(frozen=True)
class Pair:
    """How much was tried of two parameters together.

    Attributes:
        names: the two.
        tried: pairs of their parts with at least one trial.
        of: pairs of parts that the conditions allow.
    """

    names: tuple[str, str]
    tried: int
    of: int


@dataclass(frozen=True)
class Gap:
    """The widest stretch of a parameter's range in which nothing was tried.

    Attributes:
        name: the parameter.
        low: the value below it, or the range's bound.
        high: the value above it, or the range's bound.
        share: its part of the range, on the range's scale.
    """

    name: str
    low: Value
    high: Value
    share: float


@dataclass(frozen=True)
class Coverage:
    """What part of the space the trials saw.

    Attributes:
        trials: trials with a result, after however many epochs.
        compared: those that reached the epoch at which most analyses compare.
        full: those that ran all epochs.
        parameters: how many were searched.
        dimensions: parameters that are active in a config on average.
        share: tried part of the pairs of parts, from 0 to 1; None with fewer than two parameters.
        share_compared: the same for the trials that were compared.
        pairs: pair by pair, the least tried first.
        gaps: parameter by parameter, the widest first.
        distinct: how many different configs were tried.
        configs: how many there are; None if there is no end of them.
        needed: trials of a random search that would be enough.
        unknown: why nothing can be said, else empty.
        planned: trials that the sweep was to have, with a result or not.
    """

    trials: int
    compared: int = 0
    full: int = 0
    parameters: int = 0
    dimensions: float = 0.0
    share: float | None = None
    share_compared: float | None = None
    pairs: tuple[Pair, ...] = ()
    gaps: tuple[Gap, ...] = ()
    distinct: int = 0
    configs: int | None = None
    needed: int = 0
    unknown: str = ""
    planned: int = 0

    @property
    def too_few(self) -> bool:
        """Whether the trials are too few for the space.

        So they are with fewer than 5 configs for each parameter that acts, or with less than three
        quarters of the pairs of parts tried; not where half of all configs were.
        """
        if self.unknown:
            return False
        if self.configs is not None and self.distinct >= self.configs / 2:
            return False
        sparse = self.share is not None and self.share < ENOUGH
        return sparse or self.distinct < PER_PARAMETER * self.dimensions

    def words(self) -> tuple[str, ...]:
        """How much was tried and what least, and what to do; nothing if it was enough."""
        if not self.too_few:
            return ()
        trials, for_all = plural(self.trials, "trial"), plural(self.parameters, "parameter")
        if self.distinct <= self.trials / 2:
            trials += f" of {plural(self.distinct, 'config')}"
        seen = f"{trials} for {for_all}"
        if self.share is not None and self.share >= ENOUGH:
            seen = f"{trials} are few for {for_all}"
        if self.configs is not None:
            seen += f": {self.distinct} of {self.configs} configs were tried"
        elif self.share is None:
            seen += " are few"
        else:
            least = self.pairs[0]
            seen += (f": {round(100 * self.share)} % of the pairs of thirds were tried; "
                     f"{' x '.join(least.names)} least ({least.tried} of {least.of})")  # fmt: skip
        wide = next(iter(self.gaps), None)
        if wide is not None and wide.share >= _GAP:
            seen += f"; no {wide.name} between {plain(wide.low)} and {plain(wide.high)}"
        advice = f"try --trials {self.needed}"
        if self.needed <= self.trials:  # those were not drawn at random
            advice = f"about {self.needed} random trials would do: --set searcher.kind=random"
        elif self.needed <= self.planned:  # it was stopped, or they broke a limit or failed
            advice = f"let more of the {self.planned} trials that were planned come to a result"
        return seen, f"{advice}, or narrow the space"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        fields = {key: getattr(self, key) for key in (
            "trials", "compared", "full", "parameters", "dimensions", "share", "share_compared",
            "distinct", "configs", "needed", "too_few", "unknown")}  # fmt: skip
        return {
            **fields,
            "pairs": [{**asdict(pair), "names": list(pair.names)} for pair in self.pairs],
            "gaps": [asdict(gap) for gap in self.gaps],
            "words": list(self.words()),
        }


class _Space(FlatSpace):
    """A run's space, as its tables describe it: without constraints, which they do not hold."""

    def __init__(self, run: Run) -> None:
        recorded = run.meta.raw.get("parameters")
        self._parameters: dict[str, AnyParameter] = {
            name: entry["value"]
            for name, entry in (recorded.items() if isinstance(recorded, dict) else ())
            if entry.get("kind") == "constant" and entry.get("value") is not None
        } | {parameter.name: parameter.domain for parameter in run.meta.parameters}

    def parameters(self) -> dict[str, AnyParameter]:
        return self._parameters

    def constraints(self) -> tuple[BoundConstraint, ...]:
        return ()


def coverage(run: Run, *, seed: int = 0) -> Coverage:
    """Measure what part of a run's space its trials saw.

    Each range is split into thirds of its scale, a choice or a short grid into its
    values, and every two parameters are looked at together: how many of the (mostly 9)
    pairs of parts have a trial. Pairs that conditions rule out do not count; they are
    told by 1,024 uniform draws. No scores are compared, so a trial counts however early
    it was stopped.

    Where searchers look closer at what is good, the rest of the space is tried less: a
    run with enough trials may leave pairs empty, but hardly a quarter of them.

    Args:
        run: the run.
        seed: of the draws.
    """
    parameters = run.meta.parameters
    tried = reached(run) > 0
    count = int(tried.sum())
    if not parameters:
        return Coverage(count, unknown="every parameter is a constant")
    if not count:
        return Coverage(0, parameters=len(parameters), unknown="no trial has a result")
    points = active_points(run.trials, parameters)
    group = comparable(run)
    space = _Space(run)
    drawn = _draws(space, parameters, seed)
    dimensions = float(np.isfinite(drawn).sum(axis=1).mean())
    sizes = [_parts(parameter) for parameter in parameters]
    found = _split(points[tried], sizes)
    possible = _split(drawn, sizes)
    pairs = _pairs(found, possible, parameters, sizes)
    configs = space.size
    few = max(PER_PARAMETER * dimensions, _draws_for(possible, sizes))
    gaps = [_gap(parameter, points[tried, column]) for column, parameter in enumerate(parameters)]
    return Coverage(
        count,
        group.trials,
        full(run).trials,
        len(parameters),
        dimensions,
        _share(pairs),
        _share(_pairs(_split(points[group.rows], sizes), possible, parameters, sizes)),
        tuple(sorted(pairs, key=lambda pair: pair.tried / pair.of)),
        tuple(sorted((gap for gap in gaps if gap is not None), key=lambda gap: -gap.share)),
        len(np.unique(np.nan_to_num(points[tried], nan=-1.0), axis=0)),
        None if configs == math.inf else int(configs),
        min(math.ceil(few), int(configs)) if configs != math.inf else math.ceil(few),
        planned=run.meta.trials,
    )


def _draws(space: _Space, parameters: tuple[Parameter, ...], seed: int) -> FloatArray:
    """Uniform draws from the space, shape (draws, parameters), NaN where inactive."""
    cube = space.cube()
    uniform = np.random.default_rng(seed).random((_DRAWS, cube.dimensions))
    drawn = np.full((_DRAWS, len(parameters)), np.nan)
    columns = [cube.names.index(parameter.name) for parameter in parameters]
    for row, vector in enumerate(uniform):
        drawn[row] = cube.to_unit(cube.from_unit(vector))[columns]
    return drawn


def _parts(parameter: Parameter) -> int:
    """How many parts a range is split into: thirds, or the values of a short choice or grid."""
    size = parameter.domain.size
    if isinstance(parameter.domain, Choice):
        return int(size) if size <= _FEW_VALUES else PARTS
    return PARTS if size >= PARTS else int(size)


def _split(points: FloatArray, sizes: list[int]) -> IntArray:
    """The part in which each coordinate lies, -1 where inactive: the shape of ``points``."""
    numbers = np.array(sizes)
    inside = np.minimum(np.nan_to_num(points, nan=0.0) * numbers, numbers - 1).astype(np.int64)
    return np.where(np.isfinite(points), inside, -1)


def _cells(parts: IntArray, one: int, other: int, sizes: list[int]) -> NDArray[np.bool_]:
    """Which pairs of parts of two parameters occur, shape (parts of one, parts of other)."""
    both = (parts[:, one] >= 0) & (parts[:, other] >= 0)
    there = np.zeros((sizes[one], sizes[other]), dtype=bool)
    there[parts[both, one], parts[both, other]] = True
    return there


def _pairs(
    found: IntArray, possible: IntArray, parameters: tuple[Parameter, ...], sizes: list[int]
) -> list[Pair]:
    pairs = []
    for one, other in combinations(range(len(parameters)), 2):
        there = _cells(found, one, other, sizes)
        allowed = _cells(possible, one, other, sizes) | there
        if allowed.any():
            names = (parameters[one].name, parameters[other].name)
            pairs.append(Pair(names, int(there.sum()), int(allowed.sum())))
    return pairs


def _share(pairs: list[Pair]) -> float | None:
    of = sum(pair.of for pair in pairs)
    return sum(pair.tried for pair in pairs) / of if of else None


def _draws_for(possible: IntArray, sizes: list[int]) -> int:
    """Random draws of which nine tenths of the pairs of parts are to be expected."""
    chances = []
    for one, other in combinations(range(len(sizes)), 2):
        both = (possible[:, one] >= 0) & (possible[:, other] >= 0)
        cells = possible[both, one] * sizes[other] + possible[both, other]
        chances.append(np.bincount(cells, minlength=sizes[one] * sizes[other]) / len(possible))
    chance = np.concatenate(chances) if chances else np.empty(0)
    chance = chance[chance > 0]
    if not len(chance):
        return 0
    draws = 1
    while (1 - (1 - chance) ** draws).mean() < _AIM:
        draws += max(1, draws // 20)
    return draws


def _gap(parameter: Parameter, coordinates: FloatArray) -> Gap | None:
    """The widest stretch without a trial.

    None for a choice, a range of which every value was tried, or one that never was active.
    """
    known = np.unique(coordinates[np.isfinite(coordinates)])
    domain = parameter.domain
    if isinstance(domain, Choice) or not len(known):
        return None
    ends = np.concatenate([[0.0], known, [1.0]])
    widths = np.diff(ends)
    cells = parameter.cells() if domain.size <= _LONG else None
    if cells is not None:  # between neighbours of a grid there is nothing to try
        centres, edges = cells
        tried = np.searchsorted(centres, known - 1e-9)
        widths = edges[np.append(tried, len(centres))] - edges[np.append(-1, tried) + 1]
    widest = int(np.argmax(widths))
    if widths[widest] <= 0:
        return None
    low, high = (domain_from_unit(domain, float(ends[place])) for place in (widest, widest + 1))
    return Gap(parameter.name, low, high, float(widths[widest]))
