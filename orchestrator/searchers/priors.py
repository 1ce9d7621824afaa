"""What people believe of single parameters, worked into any searcher's suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Protocol

import numpy as np

from orchestrator.searchers.base import Searcher
from searchspaces import Choice, Config, DataFacts, JointSpace
from searchspaces.beliefs import Confidence
from searchspaces.domains import AnyDomain, Domain
from searchspaces.errors import ConfigurationError
from searchspaces.unit_cube import domain_to_unit

SHARE = 0.75
"""Share of the suggestions that follow the priors before anything was observed."""
FADING = 10
"""Trials observed after which that share is half of what it was."""
DEVIATION: Mapping[Confidence, float] = {"low": 0.5, "medium": 0.25, "high": 0.125}
"""Of the normal distribution around the value, in widths of the domain."""
WEIGHT: Mapping[Confidence, float] = {"low": 0.25, "medium": 0.5, "high": 0.75}
"""Probability of the value of an unordered choice; the rest is spread over all its values."""
TRIES = 100
"""Draws that constraints may refuse before the searcher's own suggestion is taken."""

_MIX, _DRAW = 0xB1_0000, 0xB2_0000
"""Purposes of random streams; see ``Searcher.generator``. Attempts count on from the second."""


class Source(Protocol):
    """Where configs come from: a searcher, or one that heeds what people believe."""

    @property
    def repeats(self) -> bool:
        """Whether a config may be trained a second time."""

    @property
    def laid_out(self) -> bool:
        """All its configs are known from the start."""

    def suggest(self, number: int) -> Config:
        """The config of a trial."""

    def suggest_other(self, number: int, attempt: int) -> Config:
        """Another suggestion for the trial."""

    def generator(self, number: int, purpose: int = 0) -> np.random.Generator:
        """A random stream."""


class Believing:
    """A searcher some of whose suggestions follow the priors of the space.

    With n trials of the sweep observed a share ``SHARE * FADING / (FADING + n)`` of the
    suggestions gets the parameters that have a prior from it: on the unit cube from a normal
    distribution around the value, cut off at the bounds, and of an unordered choice the value
    more often than others. All other parameters stay as the searcher has chosen them; those
    that become active are drawn. So a prior helps while little is known, whatever the searcher,
    and a wrong one is overcome.

    Args:
        searcher: that was begun on the space.
        space: with a prior in it.
        facts: of the data, for constraints.

    Source: a prior for each parameter with three grades of confidence, drawn from beside what
    the method suggests: Mallik et al., PriorBand, NeurIPS 2023, sections 4 and 5; an influence
    that fades with what was observed: Hvarfner et al., piBO, ICLR 2022, section 4.
    """

    def __init__(self, searcher: Searcher, space: JointSpace, facts: DataFacts | None) -> None:
        self._searcher = searcher
        self._space = space
        self._facts = facts
        self._priors = believed(space)
        self._places = [space.cube().names.index(name) for name in self._priors]
        self._observed: set[int] = set()

    @property
    def repeats(self) -> bool:
        """As the searcher."""
        return self._searcher.repeats

    @property
    def laid_out(self) -> bool:
        """As the searcher."""
        return self._searcher.laid_out

    @property
    def share(self) -> float:
        """Of the next suggestions that follow the priors."""
        return SHARE * FADING / (FADING + len(self._observed))

    def observed(self, number: int) -> None:
        """Something was observed of a trial; those of earlier runs have not tested the prior."""
        if number >= 0:
            self._observed.add(number)

    def suggest(self, number: int) -> Config:
        """The searcher's config, or one near it that follows the priors."""
        return self._mixed(self._searcher.suggest(number), number, 0)

    def suggest_other(self, number: int, attempt: int) -> Config:
        """Another one; see :meth:`Searcher.suggest_other`."""
        return self._mixed(self._searcher.suggest_other(number, attempt), number, attempt)

    def generator(self, number: int, purpose: int = 0) -> np.random.Generator:
        """As the searcher."""
        return self._searcher.generator(number, purpose)

    def _mixed(self, config: Config, number: int, attempt: int) -> Config:
        if self.generator(number, _MIX).random() >= self.share:
            return config
        rng = self.generator(number, _DRAW + attempt)
        cube = self._space.cube()
        chosen = cube.to_unit(config)
        for _ in range(TRIES):
            anew = rng.random(cube.dimensions)
            point = np.where(np.isnan(chosen), anew, chosen)
            point[self._places] = [drawn(prior, rng) for prior in self._priors.values()]
            try:
                return self._space.validate(cube.from_unit(point), self._facts)
            except ConfigurationError:
                continue
        return config


def believed(space: JointSpace) -> dict[str, AnyDomain]:
    """The domains that have a prior, by name."""
    return {
        name: domain
        for name, domain in space.parameters().items()
        if isinstance(domain, Domain) and getattr(domain, "prior", None) is not None
    }


def drawn(domain: AnyDomain, rng: np.random.Generator) -> float:
    """A coordinate in [0, 1], drawn from the prior of a domain that has one."""
    sure: Confidence = domain.confidence or "medium"
    value = domain_to_unit(domain, domain.prior)  # type: ignore[arg-type]  # it has one
    if isinstance(domain, Choice) and not domain.ordered:
        return value if rng.random() < WEIGHT[sure] else float(rng.random())
    return truncated(value, DEVIATION[sure], rng)


def truncated(mean: float, deviation: float, rng: np.random.Generator) -> float:
    """A number from a normal distribution that is cut off at 0 and 1.

    Args:
        mean: in [0, 1].
        deviation: of the whole normal distribution.
        rng: is asked for one number.
    """
    normal = NormalDist(mean, deviation)
    low, high = normal.cdf(0), normal.cdf(1)
    return min(max(normal.inv_cdf(low + rng.random() * (high - low)), 0.0), 1.0)


def source_of(searcher: Searcher, space: JointSpace, facts: DataFacts | None) -> Source:
    """The searcher itself where nobody believes anything."""
    if not believed(space) or searcher.laid_out:
        return searcher
    return Believing(searcher, space, facts)
