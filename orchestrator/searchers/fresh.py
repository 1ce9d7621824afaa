"""No config is trained twice: other suggestions in place of known ones, and when there are none.

A searcher may come back to a config, and in a small space it must. What it then is asked
for again, and how many different configs there are at all, is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping

from orchestrator.searchers.base import Searcher
from orchestrator.searchers.known import Known, known
from orchestrator.searchers.priors import Source
from searchspaces import Config, DataFacts, JointSpace, Value
from searchspaces.conditions import is_active
from searchspaces.domains import Domain
from searchspaces.errors import ConfigurationError

OTHERS = 8
"""Suggestions to ask a searcher for before a config is drawn from the space."""

DRAWS = 100
"""Configs to draw from the space before all are gone through."""

LISTABLE = 10_000
"""A space of more configs than this, constraints aside, is not gone through."""

_FRESH = 0xF5E5
"""The purpose of the random stream used here; see ``Searcher.generator``."""


def most_trials(
    searcher: Searcher,
    space: JointSpace,
    wanted: int,
    facts: DataFacts | None = None,
    *,
    tried: Collection[Known] = (),
    points: Collection[Mapping[str, Value]] = (),
) -> int:
    """How many of the trials wanted a sweep has: at least one, and each with its own config.

    Args:
        searcher: its own limit counts too.
        space: to search.
        wanted: number of trials.
        facts: of the data, for constraints.
        tried: configs that count as trained already.
        points: different configs that people ask for.

    Raises:
        ConfigurationError: there is no other, and nobody asks for one.
    """
    limit = searcher.limit(space)
    if limit is not None:
        return min(wanted, limit)
    if wanted == 1 and not tried:
        return wanted
    found = untried(searcher, space, wanted, facts, tried=tried, points=points)
    if tried and not found:
        raise ConfigurationError(
            "every config of the space was tried before. Search a wider space, or allow that "
            "with --set searcher.repeats=true.",
            place="warm_start",
        )
    return max(found, 1)


def untried(
    searcher: Searcher,
    space: JointSpace,
    wanted: int,
    facts: DataFacts | None,
    *,
    tried: Collection[Known],
    points: Collection[Mapping[str, Value]],
) -> int:
    """How many of the trials wanted can have a config of their own.

    All of them where repeats are allowed, where nothing is searched (all there is to see
    then are seeds) and in a space of more than ``LISTABLE`` configs, constraints aside. What
    people ask for is trained in any case, also what was tried before.

    Args:
        searcher: says whether configs may repeat.
        space: to search.
        wanted: number of trials.
        facts: of the data, for constraints.
        tried: configs that count as trained already.
        points: different configs that people ask for.
    """
    if searcher.repeats or not 1 < space.size <= LISTABLE:
        return wanted
    asked = {known(config) for config in points}
    found = len(points)
    for values in every(space):
        if found >= wanted:
            break
        new = known(values) not in tried and known(values) not in asked
        found += new and space.permits(values, facts)
    return min(found, wanted)


def fresh(
    searcher: Source,
    number: int,
    tried: Container[Known],
    space: JointSpace,
    facts: DataFacts | None,
) -> Config:
    """The searcher's suggestion, or one that was not tried before in its place.

    What comes depends on the suggestions and on what was tried, so it is the same after an
    interruption. If nothing new is found, and in a space of at most ``LISTABLE`` configs if
    there is nothing new, the suggestion stays.
    """
    config = searcher.suggest(number)
    if searcher.repeats or searcher.laid_out or known(config) not in tried:
        return config
    for attempt in range(1, OTHERS + 1):
        other = searcher.suggest_other(number, attempt)
        if known(other) not in tried:
            return other
    rng = searcher.generator(number, _FRESH)
    for _ in range(DRAWS if space.size > 1 else 0):
        other = space.sample(rng, facts)
        if known(other) not in tried:
            return other
    if 1 < space.size <= LISTABLE:
        allowed = (space.validate(v, facts) for v in every(space) if space.permits(v, facts))
        left = [other for other in allowed if known(other) not in tried]
        if left:
            return left[int(rng.integers(len(left)))]
    return config


def every(space: JointSpace) -> Iterator[dict[str, Value]]:
    """The values of every config that conditions allow, constants included; for finite spaces."""
    parameters, order = space.parameters(), space.order()

    def from_here(position: int, values: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if position == len(order):
            yield {name: values[name] for name in parameters if name in values}
            return
        name = order[position]
        parameter = parameters[name]
        if not isinstance(parameter, Domain):
            yield from from_here(position + 1, {**values, name: parameter})
        elif not is_active(parameter, values):
            yield from from_here(position + 1, values)
        else:
            for index in range(int(parameter.size)):
                yield from from_here(position + 1, {**values, name: parameter.value_at(index)})

    return from_here(0, {})
