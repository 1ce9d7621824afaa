"""A trial's state as bytes: safetensors, with a JSON document in its metadata.

The bytes are a valid safetensors file whose metadata has one entry, ``orch``: the
document. That begins with ``crc32``, eight hexadecimal digits over the whole file
with those digits read as zeros, so that a flipped bit anywhere is noticed. Reading
one runs no code. The same state gives the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from searchspaces.errors import OrchError

FORMAT = 1
_BLANK = "00000000"
_MARK = rb"\"crc32\":\""  # as the document's first key looks inside a JSON string


@dataclass(frozen=True)
class Snapshot:
    """A trial's state in memory.

    Attributes:
        tensors: by dotted name, the first part being whose it is, such as ``model``.
        document: everything else, as JSON knows it; floats are finite.
    """

    tensors: dict[str, torch.Tensor]
    document: dict[str, Any]

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors below ``name``, without that prefix."""
        prefix = f"{name}."
        return {
            key.removeprefix(prefix): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(prefix)
        }


def encode(snapshot: Snapshot) -> bytes:
    """Write a snapshot as bytes."""
    document = {"crc32": _BLANK, "format": FORMAT, **snapshot.document}
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    data = bytearray(safetensors.torch.save(_apart(snapshot.tensors), {"orch": text}))
    start = data.index(_MARK) + len(_MARK)
    data[start : start + len(_BLANK)] = b"%08x" % zlib.crc32(data)
    return bytes(data)


def decode(data: bytes) -> Snapshot:
    """Read what :func:`encode` wrote.

    Raises:
        OrchError: the bytes are damaged, or from a newer orch.
    """
    _check(data)
    try:
        size = int.from_bytes(data[:8], "little")
        document = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["orch"])
        del document["crc32"]
        found = document.pop("format")
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise damaged("it is no orch checkpoint") from error
    if found != FORMAT:
        raise OrchError(
            f"checkpoint has format {found!r}; this orch reads {FORMAT}. "
            f"Install the orch that wrote it."
        )
    return Snapshot(tensors, document)


def damaged(problem: str) -> OrchError:
    """The error for a checkpoint that cannot be used."""
    return OrchError(f"checkpoint is damaged: {problem}. Start the trial anew.")


def named(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors with ``prefix.`` before their names; the inverse of :meth:`Snapshot.part`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, none sharing memory (as tied weights do), which safetensors refuses."""
    apart: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().contiguous()
        apart[name] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    return apart


def _check(data: bytes) -> None:
    start = data.find(_MARK) + len(_MARK)
    if start < len(_MARK):
        raise damaged("it has no checksum")
    blank = bytearray(data)
    found = bytes(blank[start : start + len(_BLANK)])
    blank[start : start + len(_BLANK)] = _BLANK.encode()
    if found != b"%08x" % zlib.crc32(blank):
        raise damaged("its checksum does not match")
