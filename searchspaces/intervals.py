"""Arithmetic and checks that numeric domains share: exact decimals, powers, bounds."""

from __future__ import annotations

import math
from fractions import Fraction

from pydantic import ValidationInfo

from searchspaces.scalars import problem

FINEST = 2**40
"""A bound may be this many steps from zero, so that logarithms still tell neighbours apart."""


def exact(number: float) -> Fraction:
    """The decimal fraction that a number is written as: 1/10 for 0.1."""
    return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(number)


def powers(base: int, low: int, high: int) -> list[int]:
    """The powers of ``base`` from ``low`` to ``high``, 1 included; ``base >= 2``."""
    found, power = [], 1
    while power <= high:
        if power >= low:
            found.append(power)
        power *= base
    return found


def check_high(high: float, info: ValidationInfo) -> float:
    """Refuse a bound below ``low``, or bounds that floats cannot tell from their neighbours."""
    low = info.data.get("low")
    if low is not None and high < low:
        raise problem(f"{high} is below low={low}. Give high >= low.")
    if low is not None and isinstance(high, int) and max(abs(high), abs(low)) > FINEST:
        raise problem(f"a bound is beyond {FINEST:,}. Search a Float instead.")
    if low is not None and not math.isfinite(high - low):
        raise problem(f"the range {low}..{high} is too wide for a float. Narrow it.")
    return high


def check_log(log: bool, info: ValidationInfo) -> bool:
    """Refuse a logarithm of zero and below."""
    low = info.data.get("low")
    if log and low is not None and low <= 0:
        raise problem(f"a log scale needs low > 0, and low is {low}. Raise low or drop log.")
    return log


def check_step(step: float | None, info: ValidationInfo) -> float | None:
    """Refuse a step that is not positive, exceeds the range or vanishes beside the bounds."""
    low, high = info.data.get("low"), info.data.get("high")
    if step is None or low is None or high is None:
        return step
    if step <= 0:
        raise problem(f"{step} is not positive. Give step > 0 or leave it out.")
    if exact(step) > exact(high) - exact(low):
        raise problem(f"{step} is larger than the range {low}..{high}. Give a smaller step.")
    if max(abs(exact(low)), abs(exact(high))) > FINEST * exact(step):
        raise problem(f"{step} is too fine beside {low}..{high}. Give a larger step.")
    return step


def check_powers(base: int | None, info: ValidationInfo) -> int | None:
    """Refuse a base without powers in the range, or another scale beside the powers'."""
    low, high = info.data.get("low"), info.data.get("high")
    if base is None or low is None or high is None:
        return base
    if base < 2:
        raise problem(f"{base} has no powers to choose from. Give powers_of >= 2.")
    if info.data.get("log") or info.data.get("step") is not None:
        raise problem("powers already lie on a log scale. Leave out log and step.")
    if low < 1:
        raise problem(f"powers start at 1, and low is {low}. Give low >= 1.")
    if not powers(base, low, high):
        raise problem(f"no power of {base} lies in {low}..{high}. Widen the range.")
    return base
