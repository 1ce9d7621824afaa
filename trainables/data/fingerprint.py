"""Know data again: a checksum of what a sweep trains and validates on."""

from __future__ import annotations

import hashlib

import numpy as np

from trainables.data.part import Part


def fingerprint(train: Part, valid: Part) -> str:
    """Checksum of both parts as parsed, 16 hex digits.

    Before they are normalised: a mean may differ in its last bit between machines.

    Args:
        train: unnormalised.
        valid: unnormalised.
    """
    digest = hashlib.sha256()
    for part in (train, valid):
        digest.update(str(part.values.shape).encode())
        for array, kind in (
            (part.values, "<f4"),
            (part.lengths, "<i4"),
            (part.labels, "<i8"),
            (part.groups, "<i8"),
        ):
            digest.update(np.ascontiguousarray(array, dtype=kind).view(np.uint8).data)
    return digest.hexdigest()[:16]
