"""Labels as people write them, numbers or text, as indices of sorted class names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchspaces.errors import ConfigurationError


def class_indices(
    label: NDArray[Any],
    names: tuple[str, ...] | None,
    place: str,
    where: Callable[[int], str],
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Class names, and of each series the index of its class: int64, (series,).

    Without ``names`` the labels name the classes, sorted: by value if all are whole numbers,
    else as text. With them a label is an index.

    Raises:
        ConfigurationError: a label that is missing or no class; fewer than two classes.
    """
    found = [text(value, "label", place, where(row)) for row, value in enumerate(label)]
    if names is not None:
        known = {str(index): index for index in range(len(names))}
        for row, name in enumerate(found):
            if name not in known:
                raise ConfigurationError(
                    f"{where(row)} has label {name}, and classes names {len(names)}. "
                    f"Give 0 to {len(names) - 1}.",
                    place=place,
                )
        classes = names
    else:
        whole = all(name.removeprefix("-").isdecimal() for name in set(found))
        classes = tuple(sorted(set(found), key=lambda name: (int(name) if whole else 0, name)))
        known = {name: index for index, name in enumerate(classes)}
    if len(classes) < 2 or len(set(classes)) < len(classes):
        told = ", ".join(classes)
        raise ConfigurationError(
            f"two or more different classes are needed, and there is {told or 'none'}.", place=place
        )
    return classes, np.array([known[name] for name in found], dtype=np.int64)


def text(value: Any, what: str, place: str, where: str) -> str:
    """A label or group as text; whole numbers are written without a point.

    Raises:
        ConfigurationError: it is missing, or a number with a fraction.
    """
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            value = None
        elif float(value).is_integer():
            value = int(value)
        elif what == "label":
            raise ConfigurationError(
                f"{where} has label {value}, which is no class. Give whole numbers or text.",
                place=place,
            )
    if value is None or str(value) == "":
        raise ConfigurationError(f"{where} has no {what}. Give one to every series.", place=place)
    return str(value)
