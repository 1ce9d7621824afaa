"""What a user's function keeps between epochs, as bytes: safetensors and JSON, no pickle.

Dicts and lists nest as they like. Their leaves are tensors, arrays, numbers, texts,
booleans and None; keys may be numbers too, since an optimizer's are. Anything else is
refused when it is kept, at its own path, not when it is needed.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from searchspaces.errors import OrchError, UsageError

FORMAT = 1
_MARK = "~"
"""Begins the one key of a JSON object that stands for something JSON has not."""
_KINDS = frozenset("biuf")


def copied(value: Any) -> Any:
    """The value as it is now, sharing no memory with what the caller goes on changing.

    Raises:
        UsageError: something in it cannot be kept; the message says where.
    """
    return _copy(value, "")


def encode(value: Any, epoch: int) -> bytes:
    """A value that :func:`copied` gave, and the epoch after which it was kept, as bytes."""
    arrays: dict[str, Any] = {}
    document = {"format": FORMAT, "epoch": epoch, "value": _write(value, arrays)}
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return safetensors.numpy.save(arrays, {"orch": text})


def decode(data: bytes) -> tuple[Any, int]:
    """The value and its epoch, from the bytes; tensors are on the CPU.

    Raises:
        OrchError: the bytes are damaged, or from a newer orch.
    """
    try:
        size = int.from_bytes(data[:8], "little")
        document = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["orch"])
        if document["format"] != FORMAT:
            raise OrchError(
                f"checkpoint has format {document['format']!r}; this orch reads {FORMAT}. "
                f"Install the orch that wrote it."
            )
        arrays = safetensors.numpy.load(data)
        return _read(document["value"], arrays), int(document["epoch"])
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise OrchError("checkpoint is damaged. Start the trial anew.") from error


def _copy(value: Any, place: str) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in _KINDS or value.dtype.itemsize > 8:
            raise _refused(place, f"an array of {value.dtype}")
        return value.copy()
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key, place): _copy(each, _below(place, key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        items = [_copy(each, _below(place, index)) for index, each in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if _is_tensor(value):
        if value.layout != sys.modules["torch"].strided or value.is_complex():
            raise _refused(place, "a tensor that is sparse or complex")
        return value.detach().to("cpu", copy=True).contiguous()
    raise _refused(place, f"a {type(value).__name__}")


def _key(key: object, place: str) -> bool | int | float | str:
    if isinstance(key, bool | int | float | str) and key == key:  # not nan
        return key
    raise _refused(place, f"a dict with the key {key!r}")


def _below(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)


def _refused(place: str, what: str) -> UsageError:
    where = f" at {place!r}" if place else ""
    return UsageError(
        f"state.save: {what}{where} cannot be kept. Give dicts and lists of tensors, arrays, "
        f"numbers and texts, such as model.state_dict()."
    )


def _is_tensor(value: object) -> bool:
    # What is no tensor need not cost torch's import.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _write(value: Any, arrays: dict[str, Any]) -> Any:
    """The JSON of a value; its arrays go to ``arrays``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {f"{_MARK}float": repr(float(value))}
    if value is None or isinstance(value, bool | int | float | str):
        return float(value) if isinstance(value, float) else value
    if isinstance(value, tuple):
        return {f"{_MARK}tuple": [_write(each, arrays) for each in value]}
    if isinstance(value, list):
        return [_write(each, arrays) for each in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith(_MARK) for key in value):
            return {key: _write(each, arrays) for key, each in value.items()}
        pairs = [[_write(key, arrays), _write(each, arrays)] for key, each in value.items()]
        return {f"{_MARK}dict": pairs}
    name = str(len(arrays))
    if _is_tensor(value):
        kind = str(value.dtype).removeprefix("torch.")
        arrays[name] = _bytes_of(value) if kind not in _NUMPY else value.numpy()
        return {f"{_MARK}tensor": [name, kind, list(value.shape)]}
    arrays[name] = np.ascontiguousarray(value)
    mark = "scalar" if isinstance(value, np.generic) else "array"
    return {_MARK + mark: [name, list(np.shape(value))]}


_NUMPY = frozenset(
    {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"}
)
"""Tensor types that numpy has too; others travel as their bytes."""


def _bytes_of(tensor: Any) -> Any:
    torch = sys.modules["torch"]
    return tensor.reshape(-1).view(torch.uint8).numpy()


def _read(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_read(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    mark = next(iter(value), "")
    if not mark.startswith(_MARK):
        return {key: _read(each, arrays) for key, each in value.items()}
    inner = value[mark]
    match mark.removeprefix(_MARK):
        case "float":
            return float(inner)
        case "tuple":
            return tuple(_read(each, arrays) for each in inner)
        case "dict":
            return {_read(key, arrays): _read(each, arrays) for key, each in inner}
        case "array":
            return arrays[inner[0]].reshape(inner[1])
        case "scalar":
            return arrays[inner[0]].reshape(())[()]
        case "tensor":
            return _tensor(arrays[inner[0]], inner[1], inner[2])
        case other:
            raise ValueError(other)


def _tensor(array: Any, kind: str, shape: list[int]) -> Any:
    import torch

    if array.size == 0:
        return torch.empty(shape, dtype=getattr(torch, kind))
    found = torch.from_numpy(np.array(array))  # of its own: what is read may be read-only
    if kind not in _NUMPY:
        found = found.view(getattr(torch, kind))
    return found.reshape(shape)
