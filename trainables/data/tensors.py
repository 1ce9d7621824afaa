"""A part as one file that can be mapped into memory: safetensors, written atomically.

A single file, because a single rename makes it appear whole or not at all.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from trainables.data.part import Part

_TYPES: dict[str, DTypeLike] = {"F32": "<f4", "I32": "<i4", "I64": "<i8"}
_ARRAYS = {"values": "F32", "lengths": "I32", "labels": "I64", "groups": "I64"}


def write_part(file: Path, part: Part, origin: dict[str, Any]) -> None:
    """Write ``part`` and what it was made from; a reader sees the old file or the new one.

    Raises:
        OSError: the folder cannot be written; nothing is left behind.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(part, name)) for name in _ARRAYS}
    content = save(arrays, metadata={"origin": json.dumps(origin)})
    # Neither tempfile nor save_file: their files are for their owner only, and others may read
    # a shared data folder.
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as output:
            output.write(content)
            output.flush()
            os.fsync(output.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def read_part(file: Path) -> tuple[Part, dict[str, Any]] | None:
    """The part in ``file``, its arrays mapped read-only, and what it was made from.

    None where there is no such file, or where it is cut or is something else.

    Source: the safetensors format: an 8-byte length, a JSON header, the arrays.
    """
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            if size > 100_000:
                return None
            header = json.loads(opened.read(size))
        start = 8 + size
        total = file.stat().st_size - start
        origin = json.loads(header["__metadata__"]["origin"])
        arrays = {
            name: _mapped(file, header[name], kind, start, total) for name, kind in _ARRAYS.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Part(**arrays), origin


def _mapped(file: Path, entry: Any, kind: str, start: int, total: int) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    dtype = np.dtype(_TYPES[kind])
    shape = tuple(entry["shape"])
    bytes_needed = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if entry["dtype"] != kind or not 0 <= begin <= end <= total or end - begin != bytes_needed:
        raise ValueError(f"{file} is cut or of another type")
    return np.asarray(np.memmap(file, dtype=dtype, mode="r", offset=start + begin, shape=shape))
