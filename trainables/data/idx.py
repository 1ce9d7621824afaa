"""IDX files: arrays of bytes as MNIST and its kin are published, plain or in gzip."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from trainables.data.errors import DamagedDataError

_BYTES = 0x08
_GZIP = b"\x1f\x8b"


def read_idx(file: Path, *, dimensions: int, max_bytes: int = 1 << 30) -> NDArray[np.uint8]:
    """The array in ``file``, of as many dimensions as asked for and the sizes its header says.

    Args:
        file: IDX of unsigned bytes, or the same in gzip; its content tells which.
        dimensions: 1 for labels, 3 for grey images.
        max_bytes: a larger array is refused before it is read.

    Raises:
        DamagedDataError: no such IDX file; more or fewer bytes than its header says; a gzip
            that is cut or damaged.

    Source: the header is two zero bytes, the type, the number of dimensions, and the size of
    each as a big-endian 32-bit number; http://yann.lecun.com/exdb/mnist.
    """
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
            return _read(stream, file, dimensions, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedDataError(file, f"the gzip is damaged: {error}") from error
    except OSError as error:
        raise DamagedDataError(file, f"cannot be read: {error.strerror or error}") from error


def _read(stream: BinaryIO, file: Path, dimensions: int, max_bytes: int) -> NDArray[np.uint8]:
    header = stream.read(4)
    if header != bytes((0, 0, _BYTES, dimensions)):
        raise DamagedDataError(
            file, f"is no IDX file of bytes in {dimensions} dimensions: it begins {header.hex(' ')}"
        )
    sizes = np.frombuffer(_exactly(stream, 4 * dimensions, file, "header"), dtype=">u4").tolist()
    expected = math.prod(sizes)
    if expected > max_bytes:
        raise DamagedDataError(file, f"its header claims {expected:,} bytes")
    shown = " x ".join(f"{size:,}" for size in sizes)
    content = _exactly(stream, expected, file, f"{shown} array")
    if stream.read(1):
        raise DamagedDataError(file, f"is longer than the {shown} array that its header claims")
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)


def _exactly(stream: BinaryIO, count: int, file: Path, what: str) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise DamagedDataError(file, f"is cut: {len(found):,} of {count:,} bytes of its {what}")
    return found
