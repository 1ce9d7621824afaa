"""The domain of a parameter, guessed from the values that its trials had.

What is guessed is a range to draw and to fit on, not what somebody searched. The rules, in
order:

- one value: a constant; texts and booleans: a choice;
- whole numbers: powers of 2 where all (three or more) are; a grid where they lie at equal
  distances and none is missing; an ordered choice where there are few (at most 5, each four
  times on average); else a range;
- other numbers: an ordered choice where there are few; else a range.

A range reaches from the least value to the greatest. It is logarithmic if it is positive, spans
a factor of 30 or more, and its middle value is nearer to the middle of the range on a log scale
than it is on a linear one.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import polars as pl

from orchestrator.declared import declare
from orchestrator.spec_file import setting
from searchspaces import Choice, Float, Int, Scalar
from searchspaces.domains import AnyDomain, Domain
from searchspaces.errors import ConfigurationError
from searchspaces.groups import is_group
from searchspaces.inline import inline_class

LOG_SPAN = 30.0
"""Factor between the bounds from which on a range may be logarithmic."""
FEW = 5
OFTEN = 4
FREE_TEXT = 30
"""Different texts from which on a column that hardly repeats itself is no parameter."""
_LARGEST = 2**40
_DIGITS = 3


@dataclass(frozen=True)
class Column:
    """A parameter as a run's tables hold it.

    Attributes:
        parameter: its domain, or the only value it has; None for text that is no parameter.
        inferred: the domain is a guess.
        values: by trial; None where it is inactive.
        dtype: polars type of the column.
    """

    parameter: AnyDomain | Scalar | None
    inferred: bool
    values: list[Scalar | None]
    dtype: Any

    def as_mapping(self) -> dict[str, Any]:
        """Its entry in the metadata of the tables."""
        if not isinstance(self.parameter, Domain):
            return {"group": "space", "kind": "constant", "value": self.parameter}
        guess = {"inferred": True} if self.inferred else {}
        return {"group": "space", **self.parameter.as_mapping(), **guess}


def column(values: Sequence[Scalar | None], known: AnyDomain | None = None) -> Column:
    """The column of a parameter; its domain is ``known``, or guessed from its values."""
    plain: list[Scalar | None] = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds <= {int, float} and not (isinstance(known, Choice) and _is_mixed(known)):
        return _numbers(plain, known)
    if kinds == {bool} and not (isinstance(known, Choice) and _is_mixed(known)):
        return _finished(plain, known or Choice((False, True)), known, pl.Boolean)
    texts: list[Scalar | None] = [None if value is None else text(value) for value in plain]
    found = sorted({str(value) for value in texts if value is not None})
    if known is None and len(found) > max(FREE_TEXT, len(texts) / 2):
        return Column(None, inferred=True, values=texts, dtype=pl.String)
    if isinstance(known, Choice):
        known = Choice(tuple(text(value) for value in known.values), ordered=known.ordered)
    return _finished(texts, known or Choice(tuple(found)), known, pl.String)


def text(value: object) -> str:
    """A value as text, where some values of a parameter are texts and others are not."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def infer(values: Sequence[float]) -> Float | Int | Choice:
    """The domain of numbers of which at least two differ."""
    whole = all(float(value).is_integer() and abs(value) <= _LARGEST for value in values)
    found = sorted(set(values))
    low, high = found[0], found[-1]
    log = _is_log(values)
    few = len(found) <= FEW and len(values) >= OFTEN * len(found)
    if whole:
        ints = [int(value) for value in found]
        if len(ints) >= 3 and all(n > 0 and n & (n - 1) == 0 for n in ints):
            return Int(ints[0], ints[-1], powers_of=2)
        step = math.gcd(*(later - earlier for earlier, later in pairwise(ints)))
        if step > 1 and len(ints) > 2 and (ints[-1] - ints[0]) // step + 1 == len(ints):
            return Int(ints[0], ints[-1], step=step)
        if not few or ints[-1] - ints[0] + 1 == len(ints):
            return Int(ints[0], ints[-1], log=log)
        return Choice(tuple(ints), ordered=True)
    if few:
        return Choice(tuple(found), ordered=True)
    return Float(_outward(low, up=False), _outward(high, up=True), log=log)


def given(said: str) -> tuple[str, AnyDomain]:
    """The parameter and the domain that ``--domain NAME=DOMAIN`` means.

    Raises:
        ConfigurationError: it is not NAME=DOMAIN, or no domain.
    """
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise ConfigurationError(
            f"{said!r} is not NAME=DOMAIN. Write: "
            "--domain learning_rate='{low: 1e-4, high: 0.1, log: true}'",
            place="--domain",
        )
    try:
        mapping = setting(f"range={value}")
        group = is_group(mapping["range"])
        space = None if group else declare(inline_class(mapping), mapping)
    except ConfigurationError as error:
        inner = error.place.removeprefix("space.").removeprefix("range")
        raise ConfigurationError(error.problem, place=f"--domain {name}{inner}") from error
    domain = None if space is None else space.parameters()["range"]
    if not isinstance(domain, Domain):
        raise ConfigurationError(
            "this is no domain. Give {low: ..., high: ...} or {values: [...]}.",
            place=f"--domain {name}",
        )
    return name, domain


def outside(domain: AnyDomain, values: Sequence[Scalar | None]) -> int:
    """How many values lie outside a domain; None lies nowhere."""
    return sum(value is not None and not _inside(domain, value) for value in values)


def _numbers(plain: list[Scalar | None], known: AnyDomain | None) -> Column:
    numbers = [float(value) for value in plain if value is not None]
    whole = all(value.is_integer() and abs(value) <= _LARGEST for value in numbers)
    if known is None:
        if len(set(numbers)) < 2:
            only = next((value for value in plain if value is not None), None)
            dtype = pl.Int64 if isinstance(only, int) and whole else pl.Float64
            return Column(only, inferred=False, values=plain, dtype=dtype)
        known, inferred = infer(numbers), True
    else:
        inferred = False
    values = known.values if isinstance(known, Choice) else ()
    integral = isinstance(known, Int) or (bool(values) and all(isinstance(v, int) for v in values))
    as_int = integral and whole
    typed: list[Scalar | None] = [
        None if value is None else int(value) if as_int else float(value) for value in plain
    ]
    return _finished(typed, known, None if inferred else known, pl.Int64 if as_int else pl.Float64)


def _finished(
    values: list[Scalar | None], domain: AnyDomain, known: AnyDomain | None, dtype: Any
) -> Column:
    """A domain of one value is a constant, a guessed one of which only one value occurs too."""
    differ = {value for value in values if value is not None}
    if known is None and len(differ) < 2:
        return Column(next(iter(differ), None), inferred=False, values=values, dtype=dtype)
    if isinstance(domain, Choice | Int | Float) and domain.size == 1:
        only = cast("Scalar", domain.value_at(0))
        return Column(only, inferred=False, values=values, dtype=dtype)
    return Column(domain, inferred=known is None, values=values, dtype=dtype)


def _inside(domain: AnyDomain, value: Scalar) -> bool:
    if isinstance(domain, Choice):
        return any(text(value) == text(other) or value == other for other in domain.values)
    return not isinstance(value, str) and domain.low <= value <= domain.high


def _is_mixed(domain: Choice) -> bool:
    kinds = {type(value) for value in domain.values}
    return str in kinds or (bool in kinds and len(kinds) > 1)


def _is_log(values: Sequence[float]) -> bool:
    low, high = min(values), max(values)
    if low <= 0 or high / low < LOG_SPAN:
        return False
    middle = statistics.median(values)
    linear = (middle - low) / (high - low)
    log = math.log(middle / low) / math.log(high / low)
    return abs(log - 0.5) < abs(linear - 0.5)


def _outward(value: float, *, up: bool) -> float:
    """A bound of three significant digits that leaves the value within."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - _DIGITS + 1)
    rounded = float(f"{(math.ceil if up else math.floor)(value / unit) * unit:.{_DIGITS}g}")
    return rounded if (rounded >= value if up else rounded <= value) else value


def _plain(value: Scalar | None) -> Scalar | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
