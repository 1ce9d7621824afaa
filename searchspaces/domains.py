"""What a parameter may be: an interval, a grid of numbers or a list of values.

A domain is a frozen pydantic dataclass, so ``Int(16, 256, log=True)`` reads well
in a class body and ``{kind: int, low: 16, high: 256, log: true}`` in a file. Both
bounds belong to the domain. A finite domain is a grid: ``value_at`` and
``index_of`` go back and forth between its values and 0, 1, ..., ``size - 1``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import KW_ONLY, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict, field_validator, model_serializer
from pydantic.dataclasses import dataclass

from searchspaces.beliefs import Confidence, check_confidence, check_prior
from searchspaces.intervals import check_high, check_log, check_powers, check_step, exact, powers
from searchspaces.scalars import (
    Condition,
    Integer,
    Number,
    Scalar,
    Value,
    Values,
    finite,
    plain,
    problem,
    same,
)

_STRICT = ConfigDict(extra="forbid")
_OFF_GRID = 1e-9
"""How far beside a grid value, in steps, a number still means that value."""


@dataclass(frozen=True, repr=False, config=_STRICT)
class Domain:
    """Base of :class:`Float`, :class:`Int` and :class:`Choice`.

    Attributes:
        when: the parameter is active only if each parent named here is active and
            has one of the values listed for it; None means always.
    """

    when: Condition = field(default=None, kw_only=True, hash=False)

    @model_serializer
    def as_mapping(self) -> dict[str, Any]:
        """The domain as a file holds it: ``kind`` first, defaults left out, tuples as lists."""
        mapping: dict[str, Any] = {"kind": getattr(self, "kind", None)}
        for item in sorted(dataclasses.fields(self), key=lambda item: item.name == "when"):
            value = getattr(self, item.name)
            if item.name != "kind" and value != item.default:
                mapping[item.name] = value
        if "values" in mapping:
            mapping["values"] = [_written(value) for value in mapping["values"]]
        if "prior" in mapping:
            mapping["prior"] = _written(mapping["prior"])
        if self.when:
            mapping["when"] = {
                name: [_written(value) for value in values] for name, values in self.when.items()
            }
        return mapping

    def __repr__(self) -> str:
        mapping = self.as_mapping()
        mapping.pop("kind")
        bare = [repr(mapping.pop(name)) for name in ("low", "high", "values") if name in mapping]
        named = [f"{name}={value!r}" for name, value in mapping.items()]
        return f"{type(self).__name__}({', '.join(bare + named)})"


@dataclass(frozen=True, repr=False, config=_STRICT)
class Float(Domain):
    """A real number from ``low`` to ``high``.

    Attributes:
        low: least value.
        high: greatest value; off the grid if ``high - low`` is no multiple of ``step``.
        log: draw uniformly in the logarithm; needs ``low > 0``.
        step: distance between neighbours; None is continuous. Grid values are the
            floats nearest to ``low + k * step`` in decimals: 0.3, never 0.30000000000000004.
        prior: a value believed good; searchers look around it first.
        confidence: how sure that is: low, medium or high; None is medium.
        when: condition, see :class:`Domain`.

    Raises:
        pydantic.ValidationError: ``low > high``, a bound that is no finite number,
            ``log`` with ``low <= 0``, a step that is not positive or exceeds the range,
            a prior that is no member, a confidence without a prior.
    """

    low: Number
    high: Number
    _: KW_ONLY
    log: bool = False
    step: Number | None = None
    prior: Number | None = None
    confidence: Confidence | None = None
    kind: Literal["float"] = "float"

    _check_high = field_validator("high")(check_high)
    _check_log = field_validator("log")(check_log)
    _check_step = field_validator("step")(check_step)
    _check_prior = field_validator("prior")(classmethod(check_prior))
    _check_confidence = field_validator("confidence")(check_confidence)

    @cached_property
    def size(self) -> int | float:
        """Number of values; ``math.inf`` for an interval."""
        if self.step is None:
            return 1 if self.low == self.high else math.inf
        return int((exact(self.high) - exact(self.low)) // exact(self.step)) + 1

    def value_at(self, index: int) -> float:
        """The grid's value number ``index``, from 0.

        Raises:
            IndexError: no such value, or the domain is an interval.
        """
        _check_index(self, index)
        if self.step is None:
            return self.low
        return float(exact(self.low) + index * exact(self.step))

    def index_of(self, value: float) -> int:
        """The number of the grid value nearest to ``value``."""
        if self.step is None:
            return 0
        nearest = math.floor((exact(value) - exact(self.low)) / exact(self.step) + Fraction(1, 2))
        return min(max(nearest, 0), int(self.size) - 1)

    def normalise(self, value: object) -> float | None:
        """The member of the domain that ``value`` stands for, or None if there is none."""
        number = finite(value)
        margin = self.step or 0
        if number is None or not self.low - margin <= number <= self.high + margin:
            return None
        if self.step is None:
            return float(number)
        nearest = self.value_at(self.index_of(number))
        return nearest if abs(number - nearest) <= _OFF_GRID * self.step else None

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a number in the domain, on its grid if it has one."""
        return self.normalise(value) is not None


@dataclass(frozen=True, repr=False, config=_STRICT)
class Int(Domain):
    """A whole number from ``low`` to ``high``.

    Attributes:
        low: least value.
        high: greatest value.
        log: draw uniformly in the logarithm; needs ``low > 0``.
        step: distance between neighbours; None is 1.
        powers_of: only powers of this number, each equally likely.
        prior: a value believed good; searchers look around it first.
        confidence: how sure that is: low, medium or high; None is medium.
        when: condition, see :class:`Domain`.

    Raises:
        pydantic.ValidationError: as for :class:`Float`; a bound beyond 2**40;
            ``powers_of`` below 2, with ``log`` or ``step``, with ``low < 1`` or without a
            power in the range.
    """

    low: Integer
    high: Integer
    _: KW_ONLY
    log: bool = False
    step: Integer | None = None
    powers_of: Integer | None = None
    prior: Integer | None = None
    confidence: Confidence | None = None
    kind: Literal["int"] = "int"

    _check_high = field_validator("high")(check_high)
    _check_log = field_validator("log")(check_log)
    _check_step = field_validator("step")(check_step)
    _check_powers = field_validator("powers_of")(check_powers)
    _check_prior = field_validator("prior")(classmethod(check_prior))
    _check_confidence = field_validator("confidence")(check_confidence)

    @property
    def size(self) -> int:
        """Number of values."""
        if self.powers_of is not None:
            return len(powers(self.powers_of, self.low, self.high))
        return (self.high - self.low) // (self.step or 1) + 1

    def value_at(self, index: int) -> int:
        """The grid's value number ``index``, from 0.

        Raises:
            IndexError: no such value.
        """
        _check_index(self, index)
        if self.powers_of is not None:
            return powers(self.powers_of, self.low, self.high)[index]
        return self.low + index * (self.step or 1)

    def index_of(self, value: float) -> int:
        """The number of the grid value nearest to ``value``."""
        if self.powers_of is not None:
            members = powers(self.powers_of, self.low, self.high)
            return min(range(len(members)), key=lambda index: abs(members[index] - value))
        nearest = math.floor(Fraction(value - self.low) / (self.step or 1) + Fraction(1, 2))
        return min(max(nearest, 0), self.size - 1)

    def normalise(self, value: object) -> int | None:
        """The member of the domain that ``value`` stands for, or None if there is none."""
        number = finite(value)
        if number is None or not self.low <= number <= self.high:
            return None
        member = self.value_at(self.index_of(number))
        return member if member == number else None

    def contains(self, value: object) -> bool:
        """Whether ``value`` is a whole number in the domain (64.0 counts as 64)."""
        return self.normalise(value) is not None


@dataclass(frozen=True, repr=False, config=_STRICT)
class Choice(Domain):
    """One of some values.

    A value is plain, or a list of plain ones: ``Choice([[3, 3], [7, 5, 3]])``. A list that is
    no choice is a choice of one, ``Choice([[3, 3]])``.

    Attributes:
        values: what there is to choose from; no two the same (1 and 1.0 are, 1 and True are not).
        ordered: the values are in a meaningful order, such as small, medium, large.
        prior: a value believed good; searchers take it more often at first.
        confidence: how sure that is: low, medium or high; None is medium.
        when: condition, see :class:`Domain`.

    Raises:
        pydantic.ValidationError: no value, or one of them twice.
    """

    values: Values
    _: KW_ONLY
    ordered: bool = False
    prior: Any = None
    confidence: Confidence | None = None
    kind: Literal["choice"] = "choice"

    _check_prior = field_validator("prior")(classmethod(check_prior))
    _check_confidence = field_validator("confidence")(check_confidence)

    @field_validator("values")
    @classmethod
    def _check_values(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        if not values:
            raise problem("there is nothing to choose from. Give at least one value.")
        for index, value in enumerate(values):
            if any(same(value, earlier) for earlier in values[:index]):
                raise problem(f"{value!r} is there twice. Give each value once.")
        return values

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def value_at(self, index: int) -> Value:
        """Value number ``index``, from 0.

        Raises:
            IndexError: no such value.
        """
        _check_index(self, index)
        return self.values[index]

    def index_of(self, value: Value) -> int:
        """The number of ``value``.

        Raises:
            ValueError: it is none of the values.
        """
        for index, other in enumerate(self.values):
            if same(value, other):
                return index
        raise ValueError(f"{value!r} is none of {self.values}")

    def normalise(self, value: object) -> Value | None:
        """The value that equals ``value``, or None if none does."""
        found = plain(value)
        return next((other for other in self.values if same(found, other)), None)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is one of the values."""
        return self.normalise(value) is not None


AnyDomain: TypeAlias = Float | Int | Choice
Parameter: TypeAlias = AnyDomain | Scalar
"""What a field of a space holds: a domain, or a constant in its place."""


def has_lists(parameter: object) -> bool:
    """Whether some value of a parameter is a list."""
    values = parameter.values if isinstance(parameter, Choice) else ()
    return any(isinstance(value, tuple) for value in values)


def _written(value: Value) -> Scalar | list[Scalar]:
    """A value as a file holds it."""
    return list(value) if isinstance(value, tuple) else value


def _check_index(domain: AnyDomain, index: int) -> None:
    size = domain.size
    if size == math.inf or not 0 <= index < size:
        raise IndexError(f"the domain has {size} values, and none has number {index}")
