"""Text files of blocks, whole and damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchspaces.errors import ConfigurationError
from trainables.data import DamagedDataError
from trainables.data.blocks import read_blocks

number = st.floats(-(2.0**100), 2.0**100, width=32)
blocks = st.lists(
    st.lists(st.tuples(number, number, number), min_size=1, max_size=4), min_size=1, max_size=6
)
within_a_function = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@within_a_function
@given(series=blocks, blank=st.sampled_from(["", "   ", "\t"]), end=st.sampled_from(["\n", "\r\n"]))
def test_blocks_that_were_written_are_read_back(tmp_path, series, blank, end):
    file = tmp_path / "blocks.txt"
    lines = []
    for one in series:
        lines += [blank, *(" ".join(map(repr, step)) for step in one)]
    file.write_bytes(end.join(lines).encode())
    found = read_blocks(file, columns=3, blocks=len(series))
    assert len(found) == len(series)
    for got, put in zip(found, series, strict=True):
        np.testing.assert_array_equal(got, np.array(put, dtype=np.float32))
        assert got.dtype == np.float32


GOOD = "\n1 2 3\n4 5 6\n\n7 8 9\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{file}: is empty; 2 blocks were expected."),
        (" \n\n", "{file}: is empty; 2 blocks were expected."),
        ("\n1 2 3\n4 5\n\n7 8 9\n", "{file}:3: block 1 has a line of 2 columns, not 3."),
        ("\n1 2 3\n\n7 8 9 1\n", "{file}:4: block 2 has a line of 4 columns, not 3."),
        ("\n1 2 3\n\n7 x 9\n", "{file}:4: block 2, column 2: 'x' is not a finite number."),
        ("\n1 2 nan\n\n7 8 9\n", "{file}:2: block 1, column 3: 'nan' is not a finite number."),
        ("\n1 2 3\n\n-inf 8 9\n", "{file}:4: block 2, column 1: '-inf' is not a finite number."),
        ("\n1 2 1e39\n\n7 8 9\n", "{file}:2: block 1, column 3: '1e39' is not a finite number."),
        ("\n1 2 1_0\n\n7 8 9\n", "{file}:2: block 1, column 3: '1_0' is not a finite number."),
        ("\n1 2 3\xff\n", "{file}:2: block 1, column 3: '3\\\\xc3\\\\xbf' is not a finite number."),
        ("\n1 2 3\n4 5 6\n", "{file}:3: block 2 is missing: the file has 1 of 2 blocks."),
        (GOOD + "\n1 2 3\n", "{file}: block 3 is one too many: the file has 3 blocks."),
    ],
)
def test_damage_is_named_with_file_line_and_block(tmp_path, text, message):
    file = tmp_path / "blocks.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DamagedDataError) as caught:
        read_blocks(file, columns=3, blocks=2)
    assert str(caught.value) == message.format(file=file)
    assert caught.value.exit_code == 2
    assert caught.value.file == file


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    with pytest.raises(DamagedDataError, match=r": cannot be read: Is a directory\.$"):
        read_blocks(tmp_path, columns=3, blocks=2)


@within_a_function
@given(data=st.data())
def test_a_cut_or_doubled_piece_never_passes_unnoticed_or_as_another_error(tmp_path, data):
    file = tmp_path / "blocks.txt"
    good = GOOD.encode()
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, len(good)))
    damaged = data.draw(
        st.sampled_from([good[:begin] + good[end:], good[:end] + good[begin:], good[:begin]])
    )
    file.write_bytes(damaged)
    try:
        found = read_blocks(file, columns=3, blocks=2)
    except ConfigurationError as error:
        assert str(error).startswith(str(file))  # noqa: PT017  # not raised for every cut
    else:  # what remains is two whole blocks of whole rows of digits
        assert [one.shape[1] for one in found] == [3, 3]
        assert sum(one.size for one in found) == len(damaged.split())
