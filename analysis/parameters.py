"""A run's parameters as analysis sees them: domain, place in the unit cube, ticks, words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from searchspaces import Choice, Float, Int, Scalar, domain_to_unit, interval_to_unit
from searchspaces.cells import original
from searchspaces.errors import ConfigurationError
from searchspaces.scalars import same, text

FloatArray = NDArray[np.float64]
_KINDS: dict[str, type[Float | Int | Choice]] = {"float": Float, "int": Int, "choice": Choice}
_BESIDE = frozenset({"group", "kind", "inferred", "prior", "confidence"})
"""Keys of a parameter's entry that are no fields of its domain."""


@dataclass(frozen=True)
class Parameter:
    """A parameter that was searched.

    Attributes:
        name: as in the column ``config.NAME``.
        group: the half of the joint space it belongs to, ``space`` or ``training``.
        domain: what it was drawn from.
        inferred: the domain was guessed from the values, as in an imported run.
    """

    name: str
    group: str
    domain: Float | Int | Choice
    inferred: bool = False

    @property
    def column(self) -> str:
        """Its column in ``trials.parquet``."""
        return f"config.{self.name}"

    @property
    def log(self) -> bool:
        """Whether its axis is logarithmic: a log domain, or powers."""
        if isinstance(self.domain, Choice):
            return False
        return self.domain.log or getattr(self.domain, "powers_of", None) is not None

    @property
    def label(self) -> str:
        """An axis label: ``learning rate (log)``."""
        return self.name.replace("_", " ") + (" (log)" if self.log else "")

    def to_unit(self, values: pl.Series) -> FloatArray:
        """Coordinates in [0, 1] of a column of values; NaN where inactive (null).

        A value outside the domain (the space was widened while the run was on)
        lies at the nearer bound; a text that stands for a choice is that choice.
        """
        domain = self.domain
        if isinstance(domain, Float) and domain.size == math.inf and values.dtype.is_numeric():
            return interval_to_unit(domain, values.cast(pl.Float64).fill_null(math.nan).to_numpy())
        known: dict[Any, float] = {None: math.nan}
        found = []
        for value in values.to_list():
            if value not in known:
                known[value] = self._coordinate(value)
            found.append(known[value])
        return np.array(found, dtype=np.float64)

    def _coordinate(self, value: Scalar) -> float:
        domain = self.domain
        if isinstance(domain, Choice):
            said = original(value, {"values": domain.values})
            member = next(
                (v for v in domain.values if same(v, said) or text(v) == str(value)), None
            )
            return math.nan if member is None else domain_to_unit(domain, member)
        try:
            number = min(max(float(value), domain.low), domain.high)
        except ValueError:
            return math.nan
        if not domain.contains(number) and domain.size != math.inf:
            number = domain.value_at(domain.index_of(number))
        return domain_to_unit(domain, number)

    def cells(self) -> tuple[FloatArray, FloatArray] | None:
        """A grid's values and the edges of their cells in [0, 1]: shapes (n,) and (n + 1,).

        None for an interval. A cell's width is the share of uniform draws that
        give its value.
        """
        domain = self.domain
        if domain.size == math.inf:
            return None
        count = int(domain.size)
        values = [domain.value_at(index) for index in range(count)]
        centres = np.array([domain_to_unit(domain, value) for value in values])
        if isinstance(domain, Choice) or not domain.log or count == 1:
            return centres, np.linspace(0, 1, count + 1)
        # Edges lie half way between values before the logarithm is taken, as in UnitCube.
        x = np.array(values, dtype=np.float64)
        slope = (centres[-1] - centres[0]) / math.log(x[-1] / x[0])
        inner = centres[0] + slope * np.log((x[:-1] + x[1:]) / 2 / x[0])
        return centres, np.concatenate([[0.0], inner, [1.0]])

    def ticks(self, apart: float = 0.12) -> list[tuple[float, str]]:
        """Coordinates in [0, 1] and labels of axis ticks, ascending.

        Both bounds come first, then round values that lie at least ``apart`` from
        every tick chosen before; all values of a choice, whatever their number.
        """
        domain = self.domain
        if isinstance(domain, Choice):
            return [(domain_to_unit(domain, v), plain(v)) for v in domain.values]
        chosen: list[tuple[float, str]] = []
        for value in (domain.low, domain.high, *_round_values(domain)):
            member = _member(domain, value)
            coordinate = domain_to_unit(domain, member)
            if all(abs(coordinate - other) >= apart for other, _ in chosen):
                chosen.append((coordinate, plain(member)))
        return sorted(chosen)

    def range_words(self) -> str:
        """Its bounds in words: ``16..256``."""
        if isinstance(self.domain, Choice):
            return "|".join(plain(value) for value in self.domain.values)
        return f"{plain(self.domain.low)}..{plain(self.domain.high)}"


def parse_parameters(mapping: Mapping[str, Mapping[str, Any]]) -> tuple[Parameter, ...]:
    """The searched parameters of a run's metadata; constants are left out.

    Raises:
        ConfigurationError: a domain of an unknown kind, or one that is invalid.
    """
    found = []
    for name, entry in mapping.items():
        kind = entry.get("kind")
        if kind == "constant":
            continue
        if kind not in _KINDS:
            raise ConfigurationError(
                f"unknown kind {kind!r}. Known: constant, {', '.join(_KINDS)}",
                place=f"parameters.{name}",
            )
        fields = {key: value for key, value in entry.items() if key not in _BESIDE}
        try:
            domain = _KINDS[kind](**fields)
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise ConfigurationError(reason, place=f"parameters.{name}") from error
        if domain.size > 1:
            group, inferred = str(entry.get("group", "space")), bool(entry.get("inferred"))
            found.append(Parameter(name, group, domain, inferred))
    return tuple(found)


def plain(value: object) -> str:
    """A value as a person would write it: ``0.0031``, ``1e-4``, ``64``, ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return text(tuple(value)) if isinstance(value, list | tuple) else str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _member(domain: Float | Int, value: float) -> float:
    if domain.contains(value):
        return value
    return domain.value_at(domain.index_of(value)) if domain.size != math.inf else value


def _round_values(domain: Float | Int) -> list[float]:
    """Candidates for ticks between the bounds, the roundest first."""
    low, high = domain.low, domain.high
    if isinstance(domain, Int) and domain.powers_of is not None:
        return [domain.value_at(index) for index in range(domain.size)]
    if domain.log:
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        if high / low >= 1000:
            decades = [float(f"1e{exponent}") for exponent in exponents]
        elif isinstance(domain, Int):
            decades = [2.0**k for k in range(int(math.log2(high)) + 1)]
        else:
            decades = [float(f"{m}e{exponent}") for m in (1, 3) for exponent in exponents]
        return [value for value in decades if low < value < high]
    if domain.size <= 6:
        return [domain.value_at(index) for index in range(int(domain.size))]
    span = high - low
    step = 10.0 ** math.floor(math.log10(span))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if span / s <= 5.001)
    first = math.ceil(low / step - 1e-9)
    values = [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return [value for value in values if low < value < high]
