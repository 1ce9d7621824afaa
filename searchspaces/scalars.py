"""The plain values of configs and domains, and how input becomes one."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Hashable, Iterable, Mapping
from numbers import Integral, Real
from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import BeforeValidator, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

Scalar: TypeAlias = bool | int | float | str
"""A plain value."""

Value: TypeAlias = Scalar | tuple[Scalar, ...]
"""One value of one parameter: plain, or a list of plain ones.

In Python a list is a tuple, so that configs are immutable and hashable; in files, the journal
and JSON it is a list, in a table's column the text of one, see :func:`text`.
"""


def problem(message: str) -> PydanticCustomError:
    """An error for a validator to raise; pydantic adds the place and nothing else."""
    return PydanticCustomError("domain", "{problem}", {"problem": message})


def same(one: Value | None, other: Value | None) -> bool:
    """Whether two values are one to a search: 1 and 1.0 are, 1 and True are not."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def distinct(value: Value) -> Hashable:
    """What is equal for two values only if they are the :func:`same`."""
    if isinstance(value, tuple):
        return tuple(map(distinct, value))
    return isinstance(value, bool), value


def text(value: Value) -> str:
    """A value as a text: a list as JSON, as ``[3, 3]``, anything else as Python has it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else str(value)


def plain(value: object) -> Value | None:
    """``value`` as a bool, int, finite float or str, or a tuple of them; None if it is neither."""
    if isinstance(value, list | tuple):
        items = tuple(map(_plain, value))
        return None if None in items else items  # type: ignore[return-value]  # None is none of them
    return _plain(value)


def _plain(value: object) -> Scalar | None:
    found = value.item() if isinstance(value, np.generic) else value
    if not isinstance(found, bool | int | float | str):
        return None
    return None if isinstance(found, float) and not math.isfinite(found) else found


def scalar(value: object) -> Scalar:
    """``value`` as a plain value; anything else is refused."""
    found = _plain(value)
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
    return tuple(
        tuple(map(scalar, item)) if isinstance(item, list | tuple) else scalar(item)
        for item in value
    )


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
_StrictValue: TypeAlias = _StrictScalar | tuple[_StrictScalar, ...]
Values: TypeAlias = Annotated[tuple[_StrictValue, ...], BeforeValidator(_values)]
Condition: TypeAlias = Annotated[
    dict[str, tuple[_StrictValue, ...]] | None, BeforeValidator(_condition)
]
