"""The one map between configs and the unit cube, used by searchers and analysis alike.

An interval is stretched over [0, 1] on its scale, linear or logarithmic. The n
values of a choice, of powers or of a linear grid lie in the middles of n equal
cells. On a log grid the cells' edges lie half a step beside the values and are
then mapped by the logarithm, so that a value's cell is as wide as its share of
the scale. A uniform point of the cube is a uniform draw on every declared scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from searchspaces.conditions import is_active
from searchspaces.domains import AnyDomain, Choice, Domain, Float, Int, Parameter
from searchspaces.scalars import Value

SMALL_GRID = 32
"""A grid of more values than this is continuous to a model."""

Variable: TypeAlias = Literal["continuous", "ordered", "unordered"]


class HasParameters(Protocol):
    """Whatever has parameters by name: a space, or two joined."""

    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name, in declaration order."""

    def order(self) -> tuple[str, ...]:
        """The names, every parent before its children."""


class UnitCube:
    """The unit cube of a space: a dimension per searched parameter, constants left out.

    Attributes:
        names: parameter of each dimension, in declaration order.
        dimensions: number of dimensions, d.
        cardinalities: number of values per dimension; 0 where a model should see a
            continuous one (an interval, or a numeric grid of more than 32 values).
        kinds: ``continuous`` (cardinality 0), ``ordered`` or ``unordered``.
    """

    def __init__(self, space: HasParameters) -> None:
        self._parameters = space.parameters()
        self._order = space.order()
        self._domains: dict[str, AnyDomain] = {
            name: parameter
            for name, parameter in self._parameters.items()
            if isinstance(parameter, Domain)
        }
        self.names: tuple[str, ...] = tuple(self._domains)
        self.dimensions: int = len(self.names)
        self.cardinalities: tuple[int, ...] = tuple(
            _cardinality(domain) for domain in self._domains.values()
        )
        self.kinds: tuple[Variable, ...] = tuple(
            _variable(domain) for domain in self._domains.values()
        )

    def to_unit(self, config: Mapping[str, Value]) -> NDArray[np.float64]:
        """The point of a config: float64 of shape (d,), NaN where a parameter is inactive."""
        return np.array(
            [
                domain_to_unit(domain, config[name]) if name in config else math.nan
                for name, domain in self._domains.items()
            ],
            dtype=np.float64,
        )

    def from_unit(self, vector: ArrayLike) -> dict[str, Value]:
        """The values at a point, constants included, in declaration order.

        Coordinates are clipped to [0, 1]. Parameters that are inactive, or whose
        coordinate is NaN, are absent. ``space.validate`` makes a Config of the result.

        Args:
            vector: shape (d,).

        Raises:
            ValueError: the shape is another.
        """
        point = np.asarray(vector, dtype=np.float64)
        if point.shape != (self.dimensions,):
            raise ValueError(f"a point has shape ({self.dimensions},), not {point.shape}")
        coordinates = dict(zip(self.names, point.tolist(), strict=True))
        values: dict[str, Value] = {}
        for name in self._order:
            parameter = self._parameters[name]
            if not isinstance(parameter, Domain):
                values[name] = parameter
            elif is_active(parameter, values) and not math.isnan(coordinates[name]):
                values[name] = domain_from_unit(parameter, coordinates[name])
        return {name: values[name] for name in self._parameters if name in values}


def domain_to_unit(domain: AnyDomain, value: Value) -> float:
    """The coordinate in [0, 1] of a member of the domain.

    Raises:
        ValueError: ``value`` is no member.
    """
    if not domain.contains(value):
        raise ValueError(f"{value!r} is not in {domain!r}")
    if isinstance(domain, Choice):
        return (domain.index_of(value) + 0.5) / domain.size
    x = float(cast("float", value))
    if domain.size == 1 or not (domain.log or domain.size == math.inf):
        return (domain.index_of(x) + 0.5) / domain.size
    low, high = _edges(domain)
    if low == high:  # neighbouring floats may share a logarithm
        return 0.5
    return min(max((_scaled(domain, x) - low) / (high - low), 0.0), 1.0)


def interval_to_unit(domain: Float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """:func:`domain_to_unit` of many numbers at once, for an interval; NaN stays NaN.

    Args:
        domain: an interval: a float without a step.
        values: of any shape; those outside lie at the nearer bound.
    """
    low, high = _edges(domain)
    inside = np.clip(values, domain.low, domain.high)
    if low == high:
        return np.where(np.isnan(inside), np.nan, 0.5)
    scaled = np.log(inside) if domain.log else inside
    return np.clip((scaled - low) / (high - low), 0.0, 1.0)


def domain_from_unit(domain: AnyDomain, coordinate: float) -> Value:
    """The member of the domain at a coordinate, which is clipped to [0, 1]."""
    u = min(max(coordinate, 0.0), 1.0)
    if isinstance(domain, Choice):
        return domain.value_at(min(int(u * domain.size), domain.size - 1))
    if domain.size == 1 or not (domain.log or domain.size == math.inf):
        return domain.value_at(min(int(u * domain.size), int(domain.size) - 1))
    low, high = _edges(domain)
    x = low * (1 - u) + high * u
    x = math.exp(x) if domain.log else x
    if domain.size < math.inf:
        return domain.value_at(domain.index_of(x))
    # The exponential of a bound's logarithm seldom is that bound.
    if u in {0.0, 1.0}:
        return domain.high if u else domain.low
    return min(max(x, domain.low), domain.high)


def _scaled(domain: Float | Int, x: float) -> float:
    return math.log(x) if domain.log else x


def _edges(domain: Float | Int) -> tuple[float, float]:
    """Where the domain begins and ends on its scale; a grid, half a step beside its values."""
    if domain.size == math.inf:
        return _scaled(domain, domain.low), _scaled(domain, domain.high)
    first, last = domain.value_at(0), domain.value_at(int(domain.size) - 1)
    half = (domain.step or 1) / 2
    # Where low is below a step, half a step would come near zero: a cell without end.
    return _scaled(domain, max(first - half, first / 2)), _scaled(domain, last + half)


def _cardinality(domain: AnyDomain) -> int:
    small = domain.size <= SMALL_GRID or isinstance(domain, Choice)
    return int(domain.size) if small else 0


def _variable(domain: AnyDomain) -> Variable:
    if not _cardinality(domain):
        return "continuous"
    if isinstance(domain, Choice):
        return "ordered" if domain.ordered else "unordered"
    return "ordered"
