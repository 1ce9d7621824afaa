"""What people may change about a sweep that runs, and what would make no sense.

A change is judged once, when it comes; the journal has it with the reason if it was refused.
From there on it is a record like any other, so that a resumed run follows it too.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from orchestrator.declared import check_whole, declare, merge
from orchestrator.engine.exploring import varied
from orchestrator.engine.inbox import Change, Inbox
from orchestrator.engine.records import Commanded
from orchestrator.engine.stopping import MaxEpochs, MaxTime, Plateau, StopRules, Target
from searchspaces import Config, DataFacts, JointSpace, Value
from searchspaces.conditions import is_active
from searchspaces.config import flattened
from searchspaces.domains import Domain
from searchspaces.errors import ConfigurationError, OrchError
from searchspaces.scalars import Integer
from searchspaces.unit_cube import domain_from_unit
from searchspaces.versions import value_type

if TYPE_CHECKING:
    from orchestrator.engine.ledger import Ledger

TRIES = 1_000
"""Draws in which a person's values must find a valid config around them."""
_ENQUEUED = 0xE9
"""Tells the random stream of an enqueued config from those of the searcher."""


class Settings(BaseModel):
    """What ``orch set`` changes.

    Attributes:
        concurrency: trials at a time.
        max_time: seconds from now on after which the sweep stops itself.
        max_epochs_total: epochs of the whole run after which it does.
        target: a value of the metric at which it does.
        plateau: a gain of 20 more trials below which it does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: Integer = Field(default=1, ge=1)
    max_time: MaxTime = None
    max_epochs_total: MaxEpochs = None
    target: Target = None
    plateau: Plateau = None


def judged(ledger: Ledger, change: Change) -> Commanded:
    """The record of a change: as it will be followed, or why it cannot be."""
    values, refused, number = dict(change.values), "", None
    try:
        match change.kind:
            case "enqueue":
                number = ledger.started + len(ledger.enqueued)
                values = dict(_enqueued(ledger, number, values))
            case "set":
                values = checked_settings(values)
                StopRules().but(values).check(ledger.objective)
            case _:
                number = ledger.started
                _check_edit(ledger, values)
    except OrchError as error:
        refused = " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001  # a searcher may be a user's; the sweep goes on
        refused = f"it cannot be followed: {_fault(error)}"
    return Commanded(change.kind, time.time(), number, values, refused, change.letter)


def _fault(error: Exception) -> str:
    """What went wrong, and in which line: the journal keeps it, and nobody sees a traceback."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{error!r} in {Path(frame.filename).name}, line {frame.lineno}."


def settings_left(ledger: Ledger, inbox: Inbox) -> list[Commanded]:
    """The records of the settings that wait for whoever goes on with a sweep."""
    waiting = inbox.settings()
    return [judged(ledger, change) for change in waiting if change.letter not in ledger.letters]


def checked_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as :class:`Settings` has them, those that are given only; None is without.

    Raises:
        ConfigurationError: an unknown one, or a value that cannot be.
    """
    return declare(Settings, values).model_dump(exclude_unset=True)


def edited(space: JointSpace, changes: Mapping[str, Any]) -> JointSpace:
    """The space after changes of its domains.

    Args:
        space: as it is.
        changes: under ``space`` and ``training``, as in a sweep's file.

    Raises:
        ConfigurationError: something else is changed, or a domain cannot be so.
    """
    for key in changes:
        if key not in {"space", "training"}:
            raise ConfigurationError(
                "only space.* and training.* can change while a sweep runs. For how many trials "
                "run at a time: orch set RUN concurrency=N. Start a new sweep for the rest.",
                place=key,
            )
    parts = {}
    for name, part in (("space", space.space), ("training", space.training)):
        before = part.model_dump(mode="json")
        values = merge(before, changes.get(name) or {})
        try:
            parts[name] = declare(type(part), values, place=name)
        except ConfigurationError as error:
            check_whole(error, {name: before})
            raise
    made = JointSpace(**parts)
    known = space.parameters()
    for name, parameter in made.parameters().items():
        if name not in known:
            raise ConfigurationError(
                "the change brings it in, and the run's tables have no column for it. Start a new "
                "sweep for that.",
                place=f"{made.groups[name]}.{name}",
            )
        was, now = value_type(known[name]), value_type(parameter)
        if was is not now:
            raise ConfigurationError(
                f"its values were of type {_word(was)} and would be of type {_word(now)}, "
                f"which the run's tables cannot hold side by side. Start a new sweep for that.",
                place=f"{made.groups[name]}.{name}",
            )
    return made


def _word(kind: type) -> str:
    return "list" if kind is tuple else kind.__name__


def filled(
    space: JointSpace,
    values: Mapping[str, Any],
    *,
    base: Mapping[str, Value],
    rng: np.random.Generator,
    facts: DataFacts | None,
) -> Config:
    """A config with a person's values, and the others from ``base`` as far as they fit.

    Args:
        space: that it is to be in.
        values: by parameter; at least one.
        base: a config of the space.
        rng: draws what ``base`` does not have, and all else where constraints refuse it.
        facts: of the data, for constraints.

    Raises:
        ConfigurationError: a value is outside the space, or no config of it has these values.
    """
    first: ConfigurationError | None = None
    values = flattened(values)
    for _ in range(TRIES):
        try:
            return space.validate({**_around(space, values, base, rng), **values}, facts)
        except ConfigurationError as error:
            first = first or error
            if error.place in values and error.place in space.parameters():
                parameter = space.parameters()[error.place]
                if isinstance(parameter, Domain) and not parameter.contains(values[error.place]):
                    break
        base = space.sample(rng, facts)
    raise first or ConfigurationError("no value is given. Give one with --set.", place="enqueue")


def _around(
    space: JointSpace,
    values: Mapping[str, Any],
    base: Mapping[str, Value],
    rng: np.random.Generator,
) -> dict[str, Value]:
    """The parameters that are active beside these values, from ``base`` or drawn."""
    found: dict[str, Value] = {}
    parameters = space.parameters()
    for name in space.order():
        parameter = parameters[name]
        if not isinstance(parameter, Domain):
            found[name] = parameter  # others may depend on it
            continue
        if not is_active(parameter, found):
            continue
        given = values.get(name, base.get(name))
        member = None if given is None else parameter.normalise(given)
        found[name] = domain_from_unit(parameter, rng.random()) if member is None else member
    return found


def _enqueued(ledger: Ledger, number: int, values: Mapping[str, Any]) -> Config:
    """The whole config that a person asks for, as that of trial ``number``."""
    _check_free_to_choose(ledger)
    if number >= ledger.trials:
        raise ConfigurationError(
            f"all {ledger.trials} trials of the sweep have a config already. Start a new sweep "
            f"for more.",
            place="enqueue",
        )
    if not values:
        raise ConfigurationError("no value is given. Give one with --set.", place="enqueue")
    rng = np.random.default_rng(np.random.SeedSequence([ledger.seed, number, _ENQUEUED]))
    base = ledger.searcher.suggest(number)
    return filled(ledger.space, values, base=base, rng=rng, facts=ledger.facts)


def _check_edit(ledger: Ledger, changes: Mapping[str, Any]) -> None:
    _check_free_to_choose(ledger)
    if ledger.started >= ledger.trials:
        raise ConfigurationError(
            f"all {ledger.trials} trials of the sweep have started. Start a new sweep for more.",
            place="edit",
        )
    space = edited(ledger.space, changes)
    ledger.searcher.model_copy().begin(space, seed=ledger.seed, facts=ledger.facts)
    space.sample(np.random.default_rng(ledger.seed), ledger.facts)  # raises if nothing is valid
    if ledger.scheduler.varies is not None:
        varied(space, ledger.scheduler.varies)  # raises if what it is to change is fixed
    _check_enqueued(ledger, space)
    wanted = ledger.trials - ledger.started
    left = ledger.learning.untried(space, wanted, ledger.enqueued)
    if left < wanted:
        raise ConfigurationError(
            f"{wanted} trials are to start, and with what is asked for the new space has {left} "
            f"configs for them that were not tried. Leave more of it, or allow repeats in a new "
            f"sweep with --set searcher.repeats=true.",
            place="space",
        )


def _check_enqueued(ledger: Ledger, space: JointSpace) -> None:
    for config in ledger.enqueued:
        try:
            space.validate(config, ledger.facts)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"an enqueued config would lie outside: {error.problem}", place=error.place
            ) from error


def _check_free_to_choose(ledger: Ledger) -> None:
    if ledger.searcher.laid_out:
        raise ConfigurationError(
            f"{ledger.searcher.kind} lays all configs out at the start. Start a new sweep.",
            place="searcher",
        )
