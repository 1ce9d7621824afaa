"""The plain values of configs and domains, and how input becomes one."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import BeforeValidator, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

Scalar: TypeAlias = bool | int | float | str
"""One value of one parameter."""


def problem(message: str) -> PydanticCustomError:
    """An error for a validator to raise; pydantic adds the place and nothing else."""
    return PydanticCustomError("domain", "{problem}", {"problem": message})


def same(one: Scalar | None, other: Scalar | None) -> bool:
    """Whether two values are one to a search: 1 and 1.0 are, 1 and True are not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def plain(value: object) -> Scalar | None:
    """``value`` as a bool, int, finite float or str; None if it is something else."""
    found = value.item() if isinstance(value, np.generic) else value
    if not isinstance(found, bool | int | float | str):
        return None
    return None if isinstance(found, float) and not math.isfinite(found) else found


def scalar(value: object) -> Scalar:
    """``value`` as a plain value; anything else is refused."""
    found = plain(value)
    if found is None:
        raise problem(f"{value!r} is no plain value. Give a finite number, a text, true or false.")
    return found


def finite(value: object) -> float | None:
    """``value`` as a plain int or finite float; None if it is a text, a bool or infinite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return int(value)
    result = float(value)
    return result if math.isfinite(result) else None


def number(value: object) -> float:
    """``value`` as a finite float; a text or a bool is no number."""
    result = finite(value)
    if result is None or abs(result) > sys.float_info.max:
        raise problem(f"{value!r} is not a finite number.")
    return float(result)


def integer(value: object) -> int:
    """``value`` as an int; 64.0 counts, 64.5 and True do not."""
    result = finite(value)
    if result is None or result != int(result):
        raise problem(f"{value!r} is not a whole number.")
    return int(result)


def _values(value: Any) -> Any:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise problem(f"{value!r} is not a list of values.")
    return tuple(scalar(item) for item in value)


def _condition(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise problem(f"{value!r} is no condition. Give {{parent: [values]}} or leave it out.")
    condition = {}
    for parent, allowed in value.items():
        one = isinstance(allowed, str) or not isinstance(allowed, Iterable)
        condition[parent] = _values([allowed] if one else allowed)
        if not condition[parent]:
            raise problem(f"{parent} may have no value at all. List the values that activate this.")
    return condition


_StrictScalar: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr
Number: TypeAlias = Annotated[float, BeforeValidator(number)]
Integer: TypeAlias = Annotated[int, BeforeValidator(integer)]
Values: TypeAlias = Annotated[tuple[_StrictScalar, ...], BeforeValidator(_values)]
Condition: TypeAlias = Annotated[
    dict[str, tuple[_StrictScalar, ...]] | None, BeforeValidator(_condition)
]
