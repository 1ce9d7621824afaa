"""Trials of an earlier run, carried into the space of this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from searchspaces import Config, DataFacts, JointSpace, Value
from searchspaces.conditions import condition, unmet
from searchspaces.domains import AnyDomain, Domain
from searchspaces.errors import ConfigurationError
from searchspaces.scalars import plain, same
from searchspaces.unit_cube import domain_from_unit

TRIES = 100
"""Draws of what the earlier run did not have, of which one must suit the rest."""
_CARRIED = 0xEA
"""Tells the random stream of a carried config from those of the searcher."""


@dataclass(frozen=True)
class Seen:
    """What was observed of an earlier trial at one epoch.

    Attributes:
        epoch: counted from 1.
        loss: the least up to there, to be small; infinity where the trial failed.
        losses: all of them, of several objectives; empty of one, or where it failed.
    """

    epoch: int
    loss: float
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Earlier:
    """A trial of an earlier run.

    Attributes:
        run: its id.
        number: among all earlier trials; negative, so that no trial of the sweep has it.
        values: its config, as that run wrote it.
        seen: what a searcher is told of it, by epoch.
    """

    run: str
    number: int
    values: Mapping[str, Any]
    seen: tuple[Seen, ...]


@dataclass(frozen=True)
class Carried:
    """What an earlier trial is in the present space.

    Attributes:
        number: of the earlier trial.
        config: there.
        seen: as of the earlier trial.
        whole: what the earlier trial trained: none of its parameters is gone or not active any
            more, and none was drawn.
    """

    number: int
    config: Config
    seen: tuple[Seen, ...]
    whole: bool


def carried(
    space: JointSpace, earlier: Sequence[Earlier], *, seed: int, facts: DataFacts | None
) -> list[Carried]:
    """The earlier trials that lie in the space, as they lie there.

    A parameter that the space does not have any more is dropped, and so is one that is not
    active there. One that the earlier run did not have is its constant, or it is drawn, for
    each trial anew, so that a model sees no preference; if other values depend on it, so that
    they are active. A trial with a value outside the space, or refused by a constraint whatever
    is drawn, does not lie in it.

    Args:
        space: to be searched.
        earlier: the trials.
        seed: of the sweep; what is drawn depends on it and the trial's number alone.
        facts: of the data, for constraints.
    """
    found = []
    for trial in earlier:
        words = [seed, -trial.number, _CARRIED]
        rng = np.random.default_rng(np.random.SeedSequence(words))
        config, whole = _config(space, trial.values, rng, facts)
        if config is not None:
            found.append(Carried(trial.number, config, trial.seen, whole))
    return found


def _config(
    space: JointSpace,
    values: Mapping[str, Any],
    rng: np.random.Generator,
    facts: DataFacts | None,
) -> tuple[Config | None, bool]:
    """The config of these values and what is drawn beside them, and whether it is whole."""
    wanted = _wanted(space, values)
    for _ in range(TRIES):
        drawing = _drawing(space, values, wanted, rng)
        if drawing.outside:
            return None, False
        with suppress(ConfigurationError):
            if not drawing.lost:
                gone = not set(values) <= set(drawing.chosen)
                return space.validate(drawing.chosen, facts), not (gone or drawing.drawn)
        if not drawing.drawn:
            break
    return None, False


@dataclass
class _Drawing:
    """One try at a config.

    Attributes:
        chosen: the values.
        drawn: something was.
        outside: a value is outside the space, whatever is drawn.
        lost: a value has no place because of what was drawn.
    """

    chosen: dict[str, Value] = field(default_factory=dict)
    drawn: bool = False
    outside: bool = False
    lost: bool = False


def _wanted(space: JointSpace, values: Mapping[str, Any]) -> dict[str, list[tuple[Value, ...]]]:
    """What parameters that have no value must be for the values given to be active."""
    parameters = space.parameters()
    known: dict[str, Any] = {
        name: plain(values[name]) if name in values else parameter
        for name, parameter in parameters.items()
        if name in values or not isinstance(parameter, Domain)
    }
    found: dict[str, list[tuple[Value, ...]]] = {}
    for name in reversed(space.order()):
        parents = set(unmet(parameters[name], known))
        if (name in values or name in found) and known.keys().isdisjoint(parents):
            for parent in parents:
                found.setdefault(parent, []).append(condition(parameters[name])[parent])
    return found


def _drawn(
    parameter: AnyDomain, wanted: Sequence[tuple[Value, ...]], rng: np.random.Generator
) -> Value:
    """A value, after some draws if it takes them one of each of those that are wanted."""
    for _ in range(TRIES):
        value = domain_from_unit(parameter, rng.random())
        if all(any(same(value, one) for one in allowed) for allowed in wanted):
            break
    return value


def _drawing(
    space: JointSpace,
    values: Mapping[str, Any],
    wanted: Mapping[str, Sequence[tuple[Value, ...]]],
    rng: np.random.Generator,
) -> _Drawing:
    made, parameters = _Drawing(), space.parameters()
    chance: set[str] = set()  # parameters that are what they are by what was drawn
    for name in space.order():
        parameter = parameters[name]
        parents = set(unmet(parameter, made.chosen))
        by_chance = not chance.isdisjoint(condition(parameter)) and parents <= chance
        if parents:
            made.lost |= by_chance and name in values
            chance |= {name} if by_chance else set()
            continue
        if not isinstance(parameter, Domain):
            made.chosen[name] = parameter
            made.outside |= name in values and not same(plain(values[name]), parameter)
        elif name in values:
            member = parameter.normalise(values[name])
            if member is None:
                made.outside |= not by_chance
                made.lost |= by_chance
                continue
            made.chosen[name] = member
        else:
            made.chosen[name] = _drawn(parameter, wanted.get(name, ()), rng)
            made.drawn = True
            chance.add(name)
    return made
