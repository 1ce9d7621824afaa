"""What people know before a sweep's first trial: configs to try, and results of earlier runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestrator.engine.earlier import Earlier
from orchestrator.engine.steering import filled
from orchestrator.searchers.known import Known, known
from searchspaces import Config, DataFacts, JointSpace
from searchspaces.errors import ConfigurationError

ATTEMPTS = 20
"""Draws of what a point leaves out, of which one must differ from all points before it."""
_POINT = 0xEB
"""Tells the random stream of a point from those of the searcher."""


@dataclass(frozen=True)
class Knowledge:
    """What goes into a sweep beside its space.

    Attributes:
        points: values of configs that are tried first, in this order; of each, what is left
            out is drawn.
        earlier: trials of other runs.
    """

    points: tuple[Mapping[str, Any], ...] = ()
    earlier: tuple[Earlier, ...] = ()


NOTHING = Knowledge()
"""Of a sweep that begins with its space alone."""


def configs_of(
    points: Sequence[Mapping[str, Any]],
    space: JointSpace,
    seed: int,
    facts: DataFacts | None,
    *,
    repeats: bool,
) -> deque[Mapping[str, Any]]:
    """The whole configs of points, in their order.

    Args:
        points: values of each; what is left out is drawn.
        space: that they are to be in.
        seed: of the sweep; what is drawn depends on it and the point's number alone.
        facts: of the data, for constraints.
        repeats: two may be the same.

    Raises:
        ConfigurationError: one is not in the space, or is there twice; at its dotted path.
    """
    found: deque[Mapping[str, Any]] = deque()
    numbers: dict[Known, int] = {}
    for index, values in enumerate(points):
        place = f"points.{index}"
        if not values:
            raise ConfigurationError(
                "no value is given. Give at least one parameter, or leave it out.", place=place
            )
        for attempt in range(ATTEMPTS):
            config = _config(index, values, space, seed, facts, attempt)
            if repeats or known(config) not in numbers:
                break
        else:
            raise ConfigurationError(
                f"this is points.{numbers[known(config)]} again. Leave it out, or allow that with "
                f"--set searcher.repeats=true.",
                place=place,
            )
        numbers[known(config)] = index
        found.append(config)
    return found


def _config(
    index: int,
    values: Mapping[str, Any],
    space: JointSpace,
    seed: int,
    facts: DataFacts | None,
    attempt: int,
) -> Config:
    rng = np.random.default_rng(np.random.SeedSequence([seed, index, _POINT, attempt]))
    try:
        return filled(space, values, base={}, rng=rng, facts=facts)
    except ConfigurationError as error:
        place = f"points.{index}.{error.place}" if error.place else f"points.{index}"
        raise ConfigurationError(error.problem, place=place) from error
