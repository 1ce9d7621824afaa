"""The reader of W&B's files: beside W&B's own, torn at every byte, and with flipped bits."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from orchestrator.tracking.wandb_files import (
    BLOCK,
    MAGIC,
    Files,
    begun,
    is_offline,
    marker,
    mend,
    messages,
    read_fragment,
)

pytest.importorskip("wandb", reason="W&B is not installed")
WRITE = """
import sys, wandb
settings = wandb.Settings(silent=True, console="off", x_disable_meta=True, symlink=False)
run = wandb.init(dir=sys.argv[1], mode="offline", project="p", id="some-run", config={"a": 1.5},
                 settings=settings)
run.define_metric("loss", step_metric="epoch", summary="min")
for epoch in range(1, int(sys.argv[2]) + 1):
    run.log({"epoch": epoch, "loss": 1 / epoch, "bad": float("nan")}, step=epoch, commit=True)
run.finish(exit_code=3)
"""


def lines(payloads: list[bytes]) -> bytes:
    """A file as W&B's format is described: the reader's counterpart, written on its own."""
    content = bytearray(MAGIC)
    for payload in payloads:
        rest, first = payload, True
        while True:
            room = BLOCK - len(content) % BLOCK
            if room < 7:
                content += bytes(room)
                room = BLOCK
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if first else 4) if not rest else (2 if first else 3)
            crc = zlib.crc32(bytes([kind]) + part)
            content += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
            if not rest:
                break
    return bytes(content)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A file of the real SDK that is longer than a block."""
    folder = tmp_path_factory.mktemp("written")
    command = [sys.executable, "-c", WRITE, str(folder), "300"]
    subprocess.run(command, check=True, env={"WANDB_ERROR_REPORTING": "false", "HOME": str(folder)})
    [path] = folder.glob("wandb/offline-run-*/run-some-run.wandb")
    assert path.stat().st_size > 2 * BLOCK
    return path


def test_it_reads_what_w_and_bs_own_reader_reads(written):
    import wandb

    core = Path(wandb.__file__).parent / "bin" / "wandb-core"
    said = subprocess.run(
        [str(core), "leet", "inspect", "-json", "-no-observability", "-run-file", str(written)],
        capture_output=True, text=True, check=True, env={"HOME": str(written.parent)},
    ).stdout.splitlines()  # fmt: skip
    records = [json.loads(line) for line in said]
    assert len(list(messages(written.read_bytes()))) == len(records)
    fragment = read_fragment(written)
    theirs = {
        int(r["history"]["step"]["num"]): r["history"]["item"] for r in records
        if r["type"] == "history"
    }  # fmt: skip
    assert list(fragment.rows) == list(theirs) == list(range(1, 301))
    for step, row in theirs.items():
        bad = fragment.rows[step].pop("bad")
        assert math.isnan(bad)
        assert row.pop("bad") == "NaN"
        assert fragment.rows[step] == row
    assert (fragment.run_id, fragment.project) == ("some-run", "p")
    assert fragment.config == {"a": 1.5}
    assert fragment.summary["loss"] == {"min": 1 / 300}
    assert (fragment.exit_code, fragment.torn) == (3, False)
    assert fragment.end == written.stat().st_size


ROOM = BLOCK - len(MAGIC) - 27 - 7
"""For a second message that fills the first block, after one of 20 bytes."""


@pytest.mark.parametrize("size", [0, 1, *range(ROOM - 9, ROOM + 3), BLOCK, 3 * BLOCK + 5])
def test_messages_over_block_ends_come_out_as_they_went_in(size):
    payloads = [b"a" * 20, bytes(range(256)) * (size // 256) + b"b" * (size % 256), b"", b"c"]
    content = lines(payloads)
    assert [message.data for message in messages(content)] == payloads
    assert [message.end for message in messages(content)][-1] == len(content)


def test_a_file_torn_at_any_byte_gives_the_whole_messages_before(written):
    content = written.read_bytes()
    whole = list(messages(content))
    near = {end + step for end in (BLOCK, 2 * BLOCK) for step in range(-40, 40)}
    for cut in sorted({*range(2000), *near, *range(len(content) - 600, len(content))}):
        found = list(messages(content[:cut]))
        assert found == [message for message in whole if message.end <= cut], cut


def test_a_flipped_bit_is_never_taken_for_what_was_written(written):
    content = written.read_bytes()[:3000]
    whole = list(messages(content))
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        found = list(messages(bytes(damaged)))
        assert found == whole[: len(found)], place
        assert all(message.end <= place for message in found), place


def test_a_piece_without_its_beginning_or_its_end_stops_the_reading():
    first, middle, last = b"x" * BLOCK, b"y" * BLOCK, b"z"
    content = lines([b"before", first + middle + last, b"after"])
    second = content[: 2 * BLOCK] + content[3 * BLOCK :]  # a middle piece is gone
    assert [message.data for message in messages(second)][:1] == [b"before"]
    torn = content[:BLOCK] + lines([b"other"])[len(MAGIC) :]
    assert [message.data for message in messages(torn)] == [b"before"]


def test_another_file_has_no_messages():
    assert list(messages(b"")) == list(messages(b"PK\x03\x04 something else")) == []


def test_mending_cuts_off_what_is_torn_and_nothing_else(written, tmp_path):
    content = written.read_bytes()
    ends = [message.end for message in messages(content)]
    path = tmp_path / "run-x.wandb"
    path.write_bytes(content[: ends[-3] + 5])
    assert read_fragment(path).torn
    mend(path)
    assert path.read_bytes() == content[: ends[-3]]
    assert not read_fragment(path).torn
    mend(path)
    assert path.stat().st_size == ends[-3]


def test_fragments_are_found_by_id_in_the_order_of_writing(tmp_path):
    names = ("offline-run-20261121_225222-a-1", "offline-run-20261121_225223-a-1",
             "offline-run-20261121_225222-a-1-2", "run-20261121_225224-a-1",
             "offline-run-20261121_225222-b")  # fmt: skip
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"run-{'b' if name.endswith('b') else 'a-1'}.wandb").touch()
    (tmp_path / "latest-run").symlink_to(tmp_path / names[0])
    files = Files(tmp_path)
    assert sorted(files) == ["a-1", "b"]
    paths = files.paths("a-1")
    assert [path.parent.name for path in paths] == [names[0], names[2], names[1], names[3]]
    assert [is_offline(path) for path in paths] == [True, True, True, False]
    assert files.paths("c") == []
    assert not begun(paths[0])
    paths[0].with_name(f"{paths[0].name}.syncstate").touch()
    assert begun(paths[0])
    marker(paths[0]).touch()
    assert not begun(paths[0])
