"""Data that a function of one's own returns: arrays, or a torch Dataset."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from searchspaces.errors import ConfigurationError
from trainables.data.own.arrays import raw_of_arrays
from trainables.data.own.content import Raw


def raw_of_function(function: Callable[[], Any], place: str) -> Raw:
    """The series that ``function()`` returns.

    That is a mapping with the keys of an npz file; or a pair, values and labels; or a torch
    Dataset, or anything else that yields pairs of values and label; or a mapping of ``train``
    and ``test`` to two of these. Values of a pair from a Dataset are one series, (steps,) or
    (steps, features), or as a tensor an image, (channels, rows, columns).

    Raises:
        ConfigurationError: the function fails, or returns something else.
    """
    try:
        returned = function()
    except Exception as error:  # a person's function may raise anything
        raise ConfigurationError(f"the function failed: {_told(error)}.", place=place) from error
    if not isinstance(returned, Mapping) or set(returned) != {"train", "test"}:
        return raw_of_arrays(_arrays(returned, place), place)
    train, test = (
        raw_of_arrays(_arrays(returned[part], f"{place}, {part}"), f"{place}, {part}")
        for part in ("train", "test")
    )
    return _joined(train, test, place)


def _joined(train: Raw, test: Raw, place: str) -> Raw:
    """Training and test part as one, with a column ``part``."""
    if train.values.shape[2] != test.values.shape[2] or train.channels != test.channels:
        raise ConfigurationError(
            f"train has {train.values.shape[2]} features and test {test.values.shape[2]}.",
            place=place,
        )
    if (train.group is None) != (test.group is None) or train.classes != test.classes:
        raise ConfigurationError("train and test differ in group or classes.", place=place)
    first = len(train.lengths)
    longest = max(train.values.shape[1], test.values.shape[1])
    values = [
        np.pad(raw.values, ((0, 0), (0, longest - raw.values.shape[1]), (0, 0)))
        for raw in (train, test)
    ]
    return replace(
        train,
        values=np.concatenate(values),
        lengths=np.concatenate([train.lengths, test.lengths]),
        label=np.concatenate([train.label, test.label]),
        group=None
        if train.group is None or test.group is None
        else np.concatenate([train.group, test.group]),
        part=np.repeat(["train", "test"], [first, len(test.lengths)]),
        place=place,
        where=lambda row: (
            f"train, {train.where(row)}" if row < first else f"test, {test.where(row - first)}"
        ),
    )


def _arrays(returned: Any, place: str) -> dict[str, Any]:
    if isinstance(returned, Mapping):
        return {str(key): plain(value) for key, value in returned.items()}
    if isinstance(returned, tuple) and len(returned) == 2:
        return {"values": plain(returned[0]), "label": plain(returned[1])}
    if not hasattr(returned, "__getitem__") and not hasattr(returned, "__iter__"):
        raise ConfigurationError(
            f"the function returned {type(returned).__name__}. Return a mapping of arrays, a "
            f"pair of values and labels, or a Dataset.",
            place=place,
        )
    return _stacked(list(_pairs(returned, place)), place)


def _pairs(data: Any, place: str) -> Iterator[tuple[Any, Any]]:
    """Values, with channels last, and label of each item of a Dataset."""
    sized = hasattr(data, "__len__") and hasattr(data, "__getitem__")
    items = (data[index] for index in range(len(data))) if sized else iter(data)
    for index in itertools.count():
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:  # a person's Dataset may raise anything
            raise ConfigurationError(
                f"the Dataset failed at item {index}: {_told(error)}.", place=place
            ) from error
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise ConfigurationError(
                f"item {index} of the Dataset is no pair of values and label.", place=place
            )
        values, label = np.asarray(plain(item[0])), np.asarray(plain(item[1]))
        if label.size != 1:
            raise ConfigurationError(
                f"item {index} of the Dataset has a label of the shape {label.shape}.", place=place
            )
        if values.ndim == 3 and is_tensor(item[0]):  # torch has channels first
            values = np.moveaxis(values, 0, -1)
        yield values, label.item()


def _stacked(pairs: list[tuple[Any, Any]], place: str) -> dict[str, Any]:
    labels = np.array([label for _, label in pairs])
    series = [values for values, _ in pairs]
    shapes = sorted({values.shape for values in series})
    if not any(len(shape) == 3 for shape in shapes):
        return {"values": series, "label": labels}
    if len(shapes) > 1:
        raise ConfigurationError(
            f"the images have different shapes: {', '.join(map(str, shapes[:3]))}.", place=place
        )
    return {"images": np.stack(series), "label": labels}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(". ")


def plain(value: Any) -> Any:
    """``value`` as numpy has it; a list stays one, so that its arrays may differ in length."""
    if is_tensor(value):
        value = value.detach().cpu()
        return (value.float() if value.is_floating_point() else value).numpy()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return np.asarray(value)


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a tensor of torch, asked without importing it."""
    return hasattr(value, "detach") and hasattr(value, "is_floating_point")
