"""The states of several trainings as one: safetensors with a JSON document, no pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from searchspaces.errors import OrchError

FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """What is in a checkpoint of several trainings.

    Attributes:
        states: of each training, as its own trial froze it.
        epoch: that all of them go on from.
        told: plain values of each training that its state does not hold.
    """

    states: list[bytes]
    epoch: int
    told: list[dict[str, Any]]


def bundled(states: Sequence[bytes], *, epoch: int, told: Sequence[Mapping[str, Any]]) -> bytes:
    """Write them as one; arguments as the attributes of :class:`Bundle`."""
    document = {
        "format": FORMAT,
        "epoch": epoch,
        "trainings": list(told),
        "crc32": [zlib.crc32(state) for state in states],
    }
    arrays = {str(index): np.frombuffer(state, np.uint8) for index, state in enumerate(states)}
    return safetensors.numpy.save(arrays, {"several": json.dumps(document)})


def unbundled(state: bytes) -> Bundle:
    """Read what :func:`bundled` wrote.

    Raises:
        OrchError: it is damaged, of one training alone, or from a newer orch.
    """
    try:
        size = int.from_bytes(state[:8], "little")
        document = json.loads(json.loads(state[8 : 8 + size])["__metadata__"]["several"])
        arrays = safetensors.numpy.load(state)
        states = [arrays[str(index)].tobytes() for index in range(len(arrays))]
        found = Bundle(states, int(document["epoch"]), list(document["trainings"]))
        whole = [zlib.crc32(each) for each in states] == document["crc32"]
        version = document["format"]
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise OrchError("checkpoint is damaged. Start the trial anew.") from error
    if version != FORMAT:
        raise OrchError(
            f"checkpoint has format {version!r}; this orch reads {FORMAT}. "
            f"Install the orch that wrote it."
        )
    if not whole or len(found.told) != len(states):
        raise OrchError("checkpoint is damaged: a checksum does not match. Start the trial anew.")
    return found
