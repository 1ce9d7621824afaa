"""Arrays of one's own by name: what an npz file holds and what a function may return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchspaces.errors import ConfigurationError
from trainables.data.own.content import Raw
from trainables.data.own.names import check_known

KEYS = ("values", "images", "lengths", "label", "group", "part", "classes")


def raw_of_arrays(arrays: Mapping[str, Any], place: str) -> Raw:
    """Series from ``values`` or ``images``, ``label``, and where there are any the other keys.

    ``values`` is (series, steps, features); or (series, steps), one feature; or, with
    ``lengths``, (steps of all series end to end, features); or a sequence of arrays, one
    (steps, features) a series. ``images`` is (images, rows, columns) or (images, rows,
    columns, channels), as are four-dimensional ``values``.

    Raises:
        ConfigurationError: an unknown or missing key, an array of another shape or type.
    """
    check_known(tuple(arrays), KEYS, place, what="key")
    if ("values" in arrays) == ("images" in arrays):
        raise ConfigurationError("give either values or images.", place=place)
    if "label" not in arrays:
        raise ConfigurationError("has no key label. Give the class of each series.", place=place)
    channels = 0
    given: Any = arrays.get("values")
    if "images" in arrays or (not _is_list(given) and np.ndim(given) == 4):
        values, channels = _images(arrays.get("images", given), place)
        lengths = np.full(len(values), values.shape[1])
        if "lengths" in arrays:
            raise ConfigurationError("images have no lengths. Leave that key out.", place=place)
    else:
        values, lengths = _series(given, arrays.get("lengths"), place)
    columns = {
        key: _column(arrays[key], key, len(values), place)
        for key in ("label", "group", "part")
        if key in arrays
    }
    names = arrays.get("classes")
    return Raw(
        values=values,
        lengths=lengths,
        label=columns["label"],
        group=columns.get("group"),
        part=columns.get("part"),
        classes=None if names is None else tuple(str(name) for name in np.asarray(names).ravel()),
        channels=channels,
        place=place,
        where=lambda row: f"series {row} (from 0)",
    )


def padded(flat: NDArray[Any], lengths: NDArray[np.integer]) -> NDArray[Any]:
    """Steps end to end, (all steps, features), as (series, longest, features)."""
    longest = int(lengths.max(initial=0))
    values = np.zeros((len(lengths), longest, flat.shape[1]), dtype=flat.dtype)
    values[np.arange(longest) < lengths[:, None]] = flat
    return values


def numbers(array: Any, key: str, place: str) -> NDArray[Any]:
    """``array`` as an array of real numbers.

    Raises:
        ConfigurationError: it is something else.
    """
    try:
        found = np.asarray(array)
    except ValueError as error:
        raise ConfigurationError(f"{key}: is no array of numbers: {error}.", place=place) from error
    if found.dtype.kind not in "fiub":
        raise ConfigurationError(
            f"{key}: is an array of {found.dtype}, not of numbers.", place=place
        )
    return found


def _series(values: Any, lengths: Any, place: str) -> tuple[NDArray[Any], NDArray[np.integer]]:
    if _is_list(values) and lengths is None:
        return _listed(values, place)
    array = numbers(values, "values", place)
    if lengths is None:
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3:
            raise ConfigurationError(_shaped(array), place=place)
        return array, np.full(len(array), array.shape[1])
    counts = numbers(lengths, "lengths", place)
    if counts.ndim != 1 or counts.dtype.kind not in "iu":
        raise ConfigurationError("lengths: give a whole number for each series.", place=place)
    if array.ndim == 2:
        if int(counts.sum()) != len(array) or (counts < 1).any():
            raise ConfigurationError(
                f"values: has {len(array):,} rows, and lengths add up to {int(counts.sum()):,}. "
                f"Two-dimensional values with lengths are the steps of all series end to end; "
                f"padded ones are (series, steps, features).",
                place=place,
            )
        return padded(array, counts), counts
    if array.ndim != 3:
        raise ConfigurationError(_shaped(array), place=place)
    if len(counts) != len(array):
        raise ConfigurationError(
            f"lengths: has {len(counts):,} entries for {len(array):,} series.", place=place
        )
    return array, counts


def _listed(series: Sequence[Any], place: str) -> tuple[NDArray[Any], NDArray[np.integer]]:
    found: list[NDArray[Any]] = []
    for row, one in enumerate(series):
        array = numbers(one, f"series {row} (from 0)", place)
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or array.shape[1] != (found[0].shape[1] if found else array.shape[1]):
            first = f", and series 0 has {found[0].shape[1]} features" if found else ""
            raise ConfigurationError(
                f"series {row} (from 0) has the shape {array.shape}{first}. "
                f"Give (steps, features), with as many features in all.",
                place=place,
            )
        found.append(array)
    lengths = np.array([len(one) for one in found], dtype=np.int64)
    if not found or not lengths.all():
        empty = "there are no series." if not found else f"series {lengths.argmin()} has no steps."
        raise ConfigurationError(empty, place=place)
    return padded(np.concatenate(found), lengths), lengths


def _images(images: Any, place: str) -> tuple[NDArray[Any], int]:
    array = numbers(images, "images", place)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise ConfigurationError(
            f"images: has the shape {array.shape}. Give (images, rows, columns) or "
            f"(images, rows, columns, channels).",
            place=place,
        )
    count, rows, columns, channels = array.shape
    return array.reshape(count, rows, columns * channels), channels


def _column(array: Any, key: str, count: int, place: str) -> NDArray[Any]:
    found = np.asarray(array)
    if found.dtype.kind in "OV" and not all(isinstance(one, str | int) for one in found.flat):
        raise ConfigurationError(f"{key}: give whole numbers or text.", place=place)
    if found.shape != (count,):
        raise ConfigurationError(
            f"{key}: has the shape {found.shape} for {count:,} series. Give one to each.",
            place=place,
        )
    return found


def _is_list(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str | bytes)


def _shaped(array: NDArray[Any]) -> str:
    return (
        f"values: has the shape {array.shape}. Give (series, steps, features), or steps end to "
        f"end as (steps, features) with lengths."
    )
