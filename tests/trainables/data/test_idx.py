"""IDX files, plain and in gzip, whole and damaged."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.data import DamagedDataError
from trainables.data.idx import read_idx


def idx(array):
    """The bytes of an array as IDX."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_array_is_read_whatever_its_file_is_called(tmp_path, pack):
    file = tmp_path / "any.name"
    file.write_bytes(pack(idx(IMAGES)))
    found = read_idx(file, dimensions=3)
    np.testing.assert_array_equal(found, IMAGES)
    file.write_bytes(pack(idx(np.zeros(0, np.uint8))))
    assert read_idx(file, dimensions=1).shape == (0,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file of bytes in 3 dimensions: it begins ."),
        (b"\x00\x00\x08\x01", "is no IDX file of bytes in 3 dimensions: it begins 00 00 08 01."),
        (b"\x00\x00\x08\x03\x00", "is cut: 1 of 12 bytes of its header."),
        (idx(IMAGES)[:-1], "is cut: 23 of 24 bytes of its 2 x 3 x 4 array."),
        (idx(IMAGES) + b"0", "is longer than the 2 x 3 x 4 array that its header claims."),
        (bytes((0, 0, 8, 3)) + b"\xff" * 12, f"its header claims {(2**32 - 1) ** 3:,} bytes."),
        (gzip.compress(idx(IMAGES), mtime=0)[:-5],
         "the gzip is damaged: Compressed file ended before the end-of-stream marker was reached."),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path, content, message):
    file = tmp_path / "images"
    file.write_bytes(content)
    with pytest.raises(DamagedDataError) as caught:
        read_idx(file, dimensions=3)
    assert str(caught.value) == f"{file}: {message}"


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), packed=st.booleans())
def test_a_cut_or_flipped_file_is_refused_or_of_its_size(tmp_path, data, packed):
    good = gzip.compress(idx(IMAGES), mtime=0) if packed else idx(IMAGES)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :]
    file = tmp_path / "images"
    file.write_bytes(data.draw(st.sampled_from([good[:at], flipped])))
    try:
        found = read_idx(file, dimensions=3, max_bytes=1 << 20)
    except DamagedDataError as error:
        assert str(error).startswith(str(file))  # noqa: PT017  # a flipped pixel is no damage
    else:
        assert found.size == IMAGES.size


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DamagedDataError, match="cannot be read: No such file"):
        read_idx(tmp_path / "none", dimensions=1)
