"""Which configs a check tries: the corners of a space, and points spread over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchspaces import Choice, Config, DataFacts, Int, JointSpace
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError
from searchspaces.unit_cube import domain_to_unit

BATCH = "batch_size"
EDGES = 8
"""Configs at most for the ends of ranges and the values of choices."""
_TRIES = 500
_SEED = 0x5EED


@dataclass(frozen=True)
class Corner:
    """A config to try, and why.

    Attributes:
        name: ``smallest``, ``largest``, ``slowest``, or ``edge`` or ``sample`` with a number.
        config: a valid one.
    """

    name: str
    config: Config

    @property
    def is_sample(self) -> bool:
        """Whether it stands for the space's inside, and so for what an epoch costs on average."""
        return self.name.startswith("sample")


def corners(space: JointSpace, facts: DataFacts | None, *, samples: int) -> list[Corner]:
    """Configs at the corners and edges of ``space``, each once, then points spread inside it.

    A parameter of the architecture that is a whole number, a choice of numbers or a yes or
    no is taken for a size; everything else stays in the middle of its range at the corners:

    - ``smallest``: every size at its lower end, in the largest batches;
    - ``largest``: every size at its upper end, in the largest batches, which take most memory;
    - ``slowest``: the same in the smallest batches, which take most time.

    At the edges every other number is at its lower and its upper end in turn, every other
    choice has one of its values after the other, and sizes stay in the middle, where
    conditions on them mostly hold.

    Where a constraint refuses a corner, the nearest valid config takes its place.

    Args:
        space: what a sweep searches.
        facts: what constraints may know about the data.
        samples: points inside; fewer where the space has fewer configs.

    Raises:
        ConfigurationError: the constraints leave no valid config, or one of them fails.
    """
    found: dict[Config, Corner] = {}
    for name, up, batch_up in (
        ("smallest", False, True),
        ("largest", True, True),
        ("slowest", True, False),
    ):
        config = nearest_valid(space, _corner(space, up=up, batch_up=batch_up), facts)
        found.setdefault(config, Corner(name, config))
    for number, point in enumerate(_edges(space), 1):
        config = nearest_valid(space, point, facts)
        found.setdefault(config, Corner(f"edge {number}", config))
    count = 0
    for point in spread(space.cube().dimensions, _TRIES):
        if count == samples:
            break
        tried = _valid(space, point, facts)
        if tried is not None and tried not in found:
            count += 1
            found[tried] = Corner(f"sample {count}", tried)
    return list(found.values())


def middle(space: JointSpace, facts: DataFacts | None) -> Config:
    """The config in the middle of every range, or the nearest that is valid."""
    return nearest_valid(space, np.full(space.cube().dimensions, 0.5), facts)


def nearest_valid(space: JointSpace, point: NDArray[np.float64], facts: DataFacts | None) -> Config:
    """The config at a point of the unit cube, or one near it; the same at every call.

    Args:
        space: of the config.
        point: shape (d,).
        facts: what constraints may know about the data.

    Raises:
        ConfigurationError: the constraints leave no valid config, or one of them fails.
    """
    draw = np.random.default_rng(_SEED)
    for step in range(_TRIES):
        reach = step / _TRIES  # ever farther from the point
        moved = np.clip(point + draw.uniform(-reach, reach, len(point)), 0.0, 1.0)
        config = _valid(space, moved, facts)
        if config is not None:
            return config
    return space.sample(draw, facts)


def _corner(space: JointSpace, *, up: bool, batch_up: bool) -> NDArray[np.float64]:
    parameters, groups = space.parameters(), space.groups
    return np.array(
        [
            _end(parameters[name], batch_up if name == BATCH else up)
            if name == BATCH or (groups[name] == "space" and _is_size(parameters[name]))
            else 0.5
            for name in space.cube().names
        ],
        dtype=np.float64,
    )


def _edges(space: JointSpace) -> list[NDArray[np.float64]]:
    """Points that have, together, both ends of what is no size, and each value of a choice."""
    parameters, groups = space.parameters(), space.groups
    columns: list[list[float]] = []
    for name in space.cube().names:
        parameter = parameters[name]
        if name == BATCH:
            columns.append([0.0])
        elif groups[name] == "space" and _is_size(parameter):
            columns.append([0.5])
        elif isinstance(parameter, Choice):
            columns.append([domain_to_unit(parameter, value) for value in parameter.values])
        else:
            columns.append([0.0, 1.0])
    count = max((len(column) for column in columns), default=0)
    if count < 2:
        return []
    return [
        np.array([column[number % len(column)] for column in columns])
        for number in range(min(count, EDGES))
    ]


def _is_size(parameter: Parameter) -> bool:
    if isinstance(parameter, Choice):
        return all(isinstance(value, bool | int | float) for value in parameter.values)
    return isinstance(parameter, Int)


def _end(parameter: Parameter, up: bool) -> float:
    if isinstance(parameter, Choice):
        sizes = [float(value) for value in parameter.values if not isinstance(value, tuple)]
        return domain_to_unit(parameter, parameter.values[sizes.index((max if up else min)(sizes))])
    return float(up)


def _valid(space: JointSpace, point: NDArray[np.float64], facts: DataFacts | None) -> Config | None:
    try:
        return space.validate(space.cube().from_unit(point), facts)
    except ConfigurationError:
        return None


def spread(dimensions: int, count: int) -> NDArray[np.float64]:
    """Points that fill the unit cube evenly from the first on, shape (count, dimensions).

    Source: Roberts, The unreasonable effectiveness of quasirandom sequences, 2018: the
    additive recurrence of the powers of 1/g, where ``g**(d + 1) == g + 1``.
    """
    g = 2.0
    for _ in range(60):
        g = (1.0 + g) ** (1.0 / (dimensions + 1))
    steps = g ** -np.arange(1.0, dimensions + 1)
    return np.asarray((0.5 + np.outer(np.arange(1, count + 1), steps)) % 1.0)


def shown(config: Mapping[str, object], space: JointSpace) -> dict[str, object]:
    """The part of a config that is searched: constants say nothing about a trial."""
    parameters = space.parameters()
    return {
        name: value for name, value in config.items() if isinstance(parameters.get(name), Domain)
    }
