"""Grid search: every combination once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Searcher
from searchspaces import Choice, Config, DataFacts, Float, Int, JointSpace, Value
from searchspaces.conditions import is_active, parents_first
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError

LARGEST = 100_000
"""A grid of more configs than this is refused: nobody runs it, and it has to be listed."""
LONGEST = 5_000_000
"""Combinations that constraints may have to be asked about, which takes up to a minute."""


class GridSearch(Searcher):
    """Every combination of values once, as far as conditions and constraints allow.

    With ``repeats`` it is gone through again, in the same order, as often as there are trials.

    Choices, powers and domains with a ``step`` give all their values: they are grids
    already. An interval, and an Int without a step that has more than ``points``
    values, gives ``points`` values evenly spaced on its scale, both bounds included.
    Parameters that are inactive are left out, so no config comes twice.

    The order is shuffled by the sweep's seed, so that fewer trials than configs are
    spread over the whole grid; ``order="plain"`` counts up, the last parameter fastest.

    Raises:
        ConfigurationError: more than 100,000 configs, none that is valid, or more than 5,000,000
            combinations for constraints to choose from.
    """

    laid_out: ClassVar[bool] = True

    kind: Literal["grid"] = "grid"
    points: int = Field(default=5, ge=2)
    """Values of an interval."""
    order: Literal["shuffled", "plain"] = "shuffled"
    """In which order the grid is gone through."""

    _grid: list[dict[str, Value]] = PrivateAttr(default_factory=list)

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """List the grid."""
        super().begin(space, seed=seed, facts=facts)
        self._grid = self._listed(space)
        if self.order == "shuffled":
            order = self.generator(0).permutation(len(self._grid))
            self._grid = [self._grid[index] for index in order]

    def suggest(self, number: int) -> Config:
        """The grid's config of that number, counted round and round if configs may repeat.

        Raises:
            ConfigurationError: the grid has no more configs; see :meth:`limit`.
        """
        if number >= len(self._grid) and not self.repeats:
            raise ConfigurationError(
                f"the grid has {len(self._grid)} configs, and trial {number} would need "
                f"one more. Raise searcher.points or ask for fewer trials.",
                place="trials",
            )
        return self.space.validate(self._grid[number % len(self._grid)], self._facts)

    def limit(self, space: JointSpace) -> int | None:
        """Number of configs of the grid; with the data's facts once :meth:`begin` was called.

        None where they may repeat.
        """
        if self.repeats:
            return None
        return len(self._grid) if space is self._space else len(self._listed(space))

    def _listed(self, space: JointSpace) -> list[dict[str, Value]]:
        grid: list[dict[str, Value]] = []
        parameters = space.parameters()
        constants = {name: one for name, one in parameters.items() if not isinstance(one, Domain)}
        for looked, values in enumerate(combinations(parameters, self.points)):
            if looked == LONGEST:
                raise self._beyond(f"{LONGEST:,} combinations, of which constraints leave few")
            if not space.permits({**constants, **values}, self._facts):
                continue
            if len(grid) == LARGEST:
                raise self._beyond(f"{LARGEST:,} configs")
            grid.append(values)
        if not grid:
            raise ConfigurationError(
                f"constraints refuse every config of the grid. Raise searcher.points "
                f"({self.points}) or widen the space.",
                place="searcher",
            )
        return grid

    def _beyond(self, bound: str) -> ConfigurationError:
        """The error of a grid that has more than that."""
        return ConfigurationError(
            f"the grid has more than {bound}. Lower searcher.points ({self.points}), fix some "
            f"parameters, or choose searcher random.",
            place="searcher",
        )


def combinations(parameters: dict[str, Parameter], points: int) -> Iterator[dict[str, Value]]:
    """Every combination of grid values that conditions allow, each once; the last name fastest.

    Constants are left out: they are alike in all of them.
    """
    values: dict[str, Value] = {
        name: one for name, one in parameters.items() if not isinstance(one, Domain)
    }
    order = [name for name in parents_first(parameters, place="grid") if name not in values]
    grids = {name: grid_values(parameters[name], points) for name in order}

    def from_here(position: int) -> Iterator[dict[str, Value]]:
        if position == len(order):
            yield {name: values[name] for name in order if name in values}
            return
        name = order[position]
        if not is_active(parameters[name], values):
            yield from from_here(position + 1)
            return
        for value in grids[name]:
            values[name] = value
            yield from from_here(position + 1)
        del values[name]

    return from_here(0)


def grid_values(parameter: Parameter, points: int) -> list[Value]:
    """The values a grid takes of one parameter, ascending; of a constant the one it has."""
    if not isinstance(parameter, Domain):
        return [parameter]
    if parameter.size <= points or isinstance(parameter, Choice) or _is_grid(parameter):
        return [parameter.value_at(index) for index in range(int(parameter.size))]
    low, high = float(parameter.low), float(parameter.high)
    between = np.geomspace if parameter.log else np.linspace
    inner = [float(x) for x in between(low, high, points)[1:-1]]
    if isinstance(parameter, Float):
        return [parameter.low, *inner, parameter.high]
    indices = sorted({0, *map(parameter.index_of, inner), parameter.size - 1})
    return [parameter.value_at(index) for index in indices]


def _is_grid(domain: Float | Int) -> bool:
    """Whether whoever declared the domain listed its values, by a step or as powers."""
    return domain.step is not None or (isinstance(domain, Int) and domain.powers_of is not None)
