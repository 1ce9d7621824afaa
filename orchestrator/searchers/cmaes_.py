"""CMA-ES on the unit cube, its generations replayed from what was observed."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.extra import need
from orchestrator.searchers.furthest import Furthest
from orchestrator.searchers.kde import Floats
from searchspaces import Config, DataFacts, JointSpace
from searchspaces.domains import Domain
from searchspaces.unit_cube import domain_from_unit

if TYPE_CHECKING:
    from cmaes import CMA

TRIES = 100
"""Points that constraints may refuse in a row before a random config is taken."""

_RANDOM, _ASK, _SPREAD, _START = 0, 1, 2, 3


@dataclass(frozen=True)
class _Generation:
    """One update of the distribution.

    Attributes:
        told: the trials it learnt from, best first.
        after: the distribution that came of it.
        start: how often the search began anew before.
    """

    told: tuple[int, ...]
    after: CMA
    start: int


class CmaEs(Searcher):
    """A normal distribution that moves and stretches to where the best configs lie.

    Each ordered or continuous parameter is a coordinate of the unit cube; an unordered
    choice of c values is c coordinates, of which the greatest decides (one coordinate in
    two halves if c is 2).

    The observed trials, by number, are told in generations; within one they are ranked,
    by furthest epoch, then by loss there, failed ones last: see
    :class:`orchestrator.searchers.furthest.Furthest`. Since the distribution is a function
    of the observed trials, an interruption leaves nothing to restore: generations are told
    anew from the first one whose trials or ranks differ. A trial on a grid is told at a
    random point of its cell, which keeps neighbouring values within reach, and inactive
    parameters at a point drawn from the distribution, from which it learns nothing.

    A point that a constraint refuses or that was tried is drawn again. A distribution that
    has converged is left, and a search with a population twice as large begins elsewhere
    (IPOP). No random configs come first: the first generation is spread over the middle of
    the space.

    Raises:
        UsageError: the library ``cmaes`` is not installed.

    Source: Hansen, The CMA Evolution Strategy, arXiv 1604.00772, as ``cmaes`` 0.13 has it
    (Nomura and Shibata, arXiv 2402.01373); restarts: Auger and Hansen, CEC 2005.
    """

    kind: Literal["cmaes"] = "cmaes"
    sigma0: float = Field(default=0.3, gt=0, le=1)
    """Standard deviation to begin with, in widths of the cube."""
    population: int | None = Field(default=None, ge=4)
    """Trials of a generation; by default 4 + 3 ln d, d being the number of coordinates."""

    _seen: Furthest = PrivateAttr(default_factory=Furthest)
    _configs: dict[int, Config] = PrivateAttr(default_factory=dict)
    _first: _Generation | None = PrivateAttr(default=None)
    _told: list[_Generation] = PrivateAttr(default_factory=list)
    _stale: bool = PrivateAttr(default=False)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget all observations."""
        need("cmaes", self.kind)
        super().begin(space, seed=seed, facts=facts)
        self._seen, self._configs = Furthest(), {}
        self._first, self._told, self._stale = None, [], False

    def observe(self, observation: Observation) -> None:
        """Keep what the trial did at its furthest epoch."""
        self._seen.note(observation)
        self._configs[observation.number] = observation.config
        self._stale = True

    def suggest(self, number: int) -> Config:
        """A config drawn from the distribution."""
        if sum(self._widths()):
            normal = self._now().after
            normal.reseed_rng(int(self.generator(number, _ASK).integers(2**32)))
            for _ in range(TRIES):
                config = self.config_of(self.space.cube().from_unit(self._unit(normal.ask())))
                if config is not None:
                    return config
        return self.space.sample(self.generator(number, _RANDOM), self._facts)

    def _now(self) -> _Generation:
        """The last generation; those whose trials or ranks have changed are told anew."""
        if self._first is None:
            self._first = _Generation((), self._begun(0), 0)
        if not self._stale:
            return self._told[-1] if self._told else self._first
        rank = {number: rank for rank, number in enumerate(self._seen.ranked())}
        numbers, at = sorted(rank), 0
        latest, same, kept = self._first, True, 0
        for index in range(len(numbers)):  # never more generations than trials
            size = latest.after.population_size
            if at + size > len(numbers):
                break
            told = tuple(sorted(numbers[at : at + size], key=rank.__getitem__))
            same = same and index < len(self._told) and self._told[index].told == told
            if not same:
                del self._told[index:]
                self._told.append(self._next(latest, told))
            latest, at, kept = self._told[index], at + size, index + 1
        del self._told[kept:]
        self._stale = False
        return latest

    def _next(self, before: _Generation, told: tuple[int, ...]) -> _Generation:
        normal = copy.deepcopy(before.after)
        points = [self._point(number, normal) for number in told]
        normal.tell([(point, float(rank)) for rank, point in enumerate(points)])
        if not normal.should_stop():
            return _Generation(told, normal, before.start)
        return _Generation(told, self._begun(before.start + 1), before.start + 1)

    def _begun(self, start: int) -> CMA:
        """A distribution that knows nothing: in the middle at first, later elsewhere."""
        from cmaes import CMA

        d = sum(self._widths())
        size = self.population or 4 + math.floor(3 * math.log(d))
        middle = self.lasting_generator(start, _START).random(d) if start else np.full(d, 0.5)
        bounds = np.tile([0.0, 1.0], (d, 1))
        return CMA(
            mean=middle,
            sigma=self.sigma0,
            bounds=bounds,
            n_max_resampling=10 * d,
            population_size=size * 2**start,
            seed=0,  # each suggestion has its own
        )

    def _widths(self) -> list[int]:
        """How many coordinates each parameter has; none if it has one value."""
        cube = self.space.cube()
        return [
            0 if count == 1 else count if kind == "unordered" and count > 2 else 1
            for kind, count in zip(cube.kinds, cube.cardinalities, strict=True)
        ]

    def _unit(self, point: Floats) -> Floats:
        """The point of the space's cube, shape (d,), at a point of the distribution."""
        unit, at = np.full(self.space.cube().dimensions, 0.5), 0
        for dimension, width in enumerate(self._widths()):
            if width == 1:
                unit[dimension] = point[at]
            elif width:
                unit[dimension] = (int(np.argmax(point[at : at + width])) + 0.5) / width
            at += width
        return unit

    def _point(self, number: int, normal: CMA) -> Floats:
        """A point of the distribution that stands for the trial's config."""
        rng = self.lasting_generator(number, _SPREAD)
        cube, config = self.space.cube(), self._configs[number]
        normal.reseed_rng(int(rng.integers(2**32)))
        point: Floats = normal.ask()
        at = 0
        units = cube.to_unit(config).tolist()
        for name, unit, count, width in zip(
            cube.names, units, cube.cardinalities, self._widths(), strict=True
        ):
            spread = rng.random(max(width, 1))
            if width == 1 and name in config:
                point[at] = self._in_cell(name, unit, count, config, float(spread[0]))
            elif width and name in config:
                chosen, best = int(unit * width), int(np.argmax(spread))
                spread[[chosen, best]] = spread[[best, chosen]]
                point[at : at + width] = spread
            at += width
        return point

    def _in_cell(self, name: str, unit: float, count: int, config: Config, spread: float) -> float:
        """A coordinate that means the same value; the cell's middle if it may be narrower."""
        if not count:
            return unit
        moved = unit + (spread - 0.5) / count
        domain = self.space.parameters()[name]
        same = not isinstance(domain, Domain) or domain_from_unit(domain, moved) == config[name]
        return moved if same and 0 <= moved <= 1 else unit
