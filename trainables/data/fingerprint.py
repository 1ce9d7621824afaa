"""Know data again: a checksum of what a sweep trains and validates on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trainables.data.part import Part


def fingerprint(train: Part, valid: Part) -> str:
    """Checksum of both parts as parsed, 16 hex digits.

    Before they are normalised: a mean may differ in its last bit between machines.

    Args:
        train: unnormalised.
        valid: unnormalised.
    """
    return _digest(train, valid).hexdigest()[:16]


def folded_fingerprint(whole: Part, valid: Iterable[NDArray[np.intp]]) -> str:
    """Checksum of a part and of its folds.

    Args:
        whole: unnormalised.
        valid: rows that validate in each fold.
    """
    digest = _digest(whole)
    for rows in valid:
        digest.update(f"fold {len(rows)}".encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i8").view(np.uint8).data)
    return digest.hexdigest()[:16]


def _digest(*parts: Part) -> hashlib._Hash:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(str(part.values.shape).encode())
        for array, kind in (
            (part.values, "<f4"),
            (part.lengths, "<i4"),
            (part.labels, "<i8"),
            (part.groups, "<i8"),
        ):
            digest.update(np.ascontiguousarray(array, dtype=kind).view(np.uint8).data)
    return digest
