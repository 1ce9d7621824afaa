"""A config near another one: how population based training explores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from orchestrator.schedulers.decisions import Clone, Variation
from searchspaces import Choice, Config, DataFacts, JointSpace, Value
from searchspaces.conditions import is_active
from searchspaces.describe import searched
from searchspaces.domains import Domain, Float, Int, Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.scalars import same
from searchspaces.unit_cube import domain_from_unit

if TYPE_CHECKING:
    from orchestrator.engine.ledger import Ledger

_CLONED = 0xC1
"""Tells the random stream of a copied config from the others of its trial."""
TRIES = 100
"""Changes that constraints may refuse before a config is copied as it is."""


def copy_of(ledger: Ledger, clone: Clone) -> tuple[int, Config] | None:
    """Whom a trial copies, and its config from then on; None where that cannot be.

    Draws from the sweep's seed, the trial and the epoch, and from nothing else.
    """
    epoch = ledger.live[clone.number].epoch
    seeds = np.random.SeedSequence([ledger.seed, clone.number, epoch, _CLONED])
    rng = np.random.default_rng(seeds)
    source = ledger.live[clone.sources[int(rng.integers(len(clone.sources)))]]
    if source.checkpoint is None or source.checkpoint.epoch != epoch:
        return None  # its trainable froze an earlier epoch
    config = explored(ledger.space, source.config, clone.how, rng=rng, facts=ledger.facts)
    return None if config is None else (source.number, config)


def explored(
    space: JointSpace,
    config: Mapping[str, Value],
    how: Variation,
    *,
    rng: np.random.Generator,
    facts: DataFacts | None,
) -> Config | None:
    """A config of the space that is like ``config`` but for what may change.

    A parameter is drawn anew with probability ``how.resample``. Otherwise a number is
    multiplied by a factor, and goes to the nearest value that the domain has, the next one
    at least if that is the old one; an ordered choice goes to a neighbour; an unordered one
    stays. Bounds are kept. What a change makes active is drawn, and so is what may change and
    has a value that the space, since it was edited, has no more.

    Args:
        space: that it is to be in.
        config: to start from.
        how: what may change.
        rng: draws everything.
        facts: of the data, for constraints.

    Returns:
        ``config`` itself where constraints refuse all changes; None where the space does not
        have that one either, or no more has a value that may not change: weights that were
        trained with it would fit no other.
    """
    names = varied(space, how)
    if not _fit(space, config, how, names):
        return None
    for last in [False] * TRIES + [True]:
        values = dict(config) if last else _near(space, config, names, how, rng)
        try:
            return space.validate(values, facts)
        except ConfigurationError:
            continue
    return None


def varied(space: JointSpace, how: Variation) -> tuple[str, ...]:
    """The parameters that may change: those named, or those of the training; of a program, all.

    Raises:
        ConfigurationError: there is no such parameter, it is a constant, or there is none.
    """
    known = searched(space.parameters())
    for name in how.names or ():
        if name not in known:
            raise ConfigurationError(
                f"{name!r} is not searched. Searched are: {', '.join(known) or 'none'}.",
                place="scheduler.explore",
            )
    if how.names is not None:
        return how.names
    training = [name for name in known if space.groups[name] == "training"]
    if not training and space.training.parameters():
        raise ConfigurationError(
            "no parameter of the training is searched, and nothing else may change while a "
            "trial trains unless you say so. Name what may with scheduler.explore, or choose "
            "another scheduler.",
            place="scheduler",
        )
    return tuple(training or known)


def _fit(
    space: JointSpace, config: Mapping[str, Value], how: Variation, names: tuple[str, ...]
) -> bool:
    """Whether the space, which may have been edited, still has all that may not change.

    Where all of the training may change, its constants may too; of a program, any.
    """
    parameters, groups = space.parameters(), space.groups
    free = "" if how.names is not None else "training" if space.training.parameters() else "space"
    return all(
        _has(parameters.get(name), value)
        for name, value in config.items()
        if name not in names and groups.get(name) != free
    )


def _has(parameter: Parameter | None, value: Value) -> bool:
    """Whether a parameter, if it is still there, can be that; a constant only if it is."""
    if isinstance(parameter, Domain):
        return parameter.normalise(value) is not None
    return same(parameter, value)


def _near(
    space: JointSpace,
    config: Mapping[str, Value],
    names: tuple[str, ...],
    how: Variation,
    rng: np.random.Generator,
) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in space.order():
        parameter = space.parameters()[name]
        if not isinstance(parameter, Domain):
            found[name] = parameter  # others may depend on it
            continue
        if not is_active(parameter, found):
            continue
        anew, factor, up = rng.random(), float(rng.choice(how.factors)), bool(rng.random() < 0.5)
        unit = rng.random()
        before = parameter.normalise(config[name]) if name in config else None
        if before is None or (name in names and anew < how.resample):
            found[name] = domain_from_unit(parameter, unit)
        elif name not in names:
            found[name] = before
        elif isinstance(parameter, Choice):
            found[name] = _neighbour(parameter, before, up=up) if parameter.ordered else before
        elif isinstance(parameter, Float | Int):
            found[name] = _scaled(parameter, float(cast("float", before)), factor)
    return found


def _scaled(domain: Float | Int, before: float, factor: float) -> Value:
    """The member nearest to so many times the value, the next one at least, in bounds."""
    wanted = min(max(before * factor, float(domain.low)), float(domain.high))
    if isinstance(domain, Float) and domain.step is None:
        return wanted
    found = domain.value_at(domain.index_of(wanted))
    if found == before and factor != 1:
        return _neighbour(domain, before, up=before * factor > before)
    return found


def _neighbour(domain: Float | Int | Choice, before: Value, *, up: bool) -> Value:
    index = domain.index_of(before) + (1 if up else -1)  # type: ignore[arg-type]  # its own member
    return domain.value_at(min(max(index, 0), int(domain.size) - 1))
