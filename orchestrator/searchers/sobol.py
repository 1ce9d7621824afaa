"""Sobol's sequence: configs that fill the space more evenly than random ones."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import PrivateAttr

from orchestrator.searchers.base import Searcher
from searchspaces import Config, DataFacts, JointSpace, Value

BLOCK = 256
"""Points looked at together; a power of two."""

MOST = 1_000
"""Points per trial that constraints may refuse before a random config is taken."""


class SobolSearch(Searcher):
    """Scrambled Sobol points of the unit cube, which the space maps to configs.

    Trial n has point n. Where a space has constraints, trial n has the n-th of the points
    that they allow, so that the allowed part is filled as evenly; each point is looked at
    once a process. The coordinate of an inactive parameter is not used.

    Source: Sobol', USSR Computational Mathematics 7 (1967); direction numbers of Joe and
    Kuo, SIAM J. Sci. Comput. 30 (2008), and scrambling of Matoušek, J. Complexity 14
    (1998), as ``scipy.stats.qmc.Sobol`` has them.
    """

    kind: Literal["sobol"] = "sobol"

    _points: Any = PrivateAttr(default=None)
    _allowed: list[tuple[int, dict[str, Value]]] = PrivateAttr(default_factory=list)
    _looked: int = PrivateAttr(default=0)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget the points."""
        super().begin(space, seed=seed, facts=facts)
        self._points, self._allowed, self._looked = None, [], 0

    def suggest(self, number: int) -> Config:
        """The config at the trial's point."""
        if self.attempt or not self.space.cube().dimensions:
            return self._random(number)
        if self._points is None:
            # Imported where it is used: it takes a third of a second.
            from scipy.stats.qmc import Sobol

            self._points = Sobol(self.space.cube().dimensions, rng=self.lasting_generator(0))
        if self.space.constraints():
            return self._nth_allowed(number)
        self._points.reset()
        if number:  # SciPy cannot go forward by nothing
            self._points.fast_forward(number)
        [point] = self._points.random(1)
        return self.space.validate(self.space.cube().from_unit(point), self._facts)

    def _nth_allowed(self, number: int) -> Config:
        """The config at the n-th point that constraints allow."""
        cube, last = self.space.cube(), MOST * (number + 1)
        while len(self._allowed) <= number and self._looked < last:
            for index, point in enumerate(self._points.random(BLOCK), self._looked):
                values = cube.from_unit(point)
                if self.space.permits(values, self._facts):
                    self._allowed.append((index, values))
            self._looked += BLOCK
        if len(self._allowed) <= number or self._allowed[number][0] >= last:
            return self._random(number)
        return self.space.validate(self._allowed[number][1], self._facts)

    def _random(self, number: int) -> Config:
        return self.space.sample(self.generator(number, 1), self._facts)
